/** Finds the model among the tensors of a file. */
#ifndef PROMPT_SRC_WEIGHTS_UNWRAP_H
#define PROMPT_SRC_WEIGHTS_UNWRAP_H

#include "raw.h"

/**
 * Finds the model among the tensors by the names that all CLIPs have, and puts its tensors into `out` without
 * the prefix of all names and without open_clip's "text.". Sets `w->prefix`, and notes omitted tensors in
 * `w->notes`. With no model or several, the error describes the file.
 */
int weights_unwrap(struct params *out, struct weights *w, const struct weights_raw *raw);

#endif
