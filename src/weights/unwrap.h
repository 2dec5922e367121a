/** The model among the tensors of a file. */
#ifndef PROMPT_SRC_WEIGHTS_UNWRAP_H
#define PROMPT_SRC_WEIGHTS_UNWRAP_H

#include "raw.h"

/**
 * Finds the model among the tensors by the names that all CLIPs have, and puts its tensors into `out`
 * without what is before all names and without open_clip's "text.". What was taken off and what was left
 * out go to `w->prefix` and `w->notes`. Without a model, or with several, the error says what there is.
 */
int weights_unwrap(struct params *out, struct weights *w, const struct weights_raw *raw);

#endif
