/** Heads, activations, epsilons and preprocessing, from wherever they are given. */
#ifndef PROMPT_SRC_WEIGHTS_MODEL_CONFIG_H
#define PROMPT_SRC_WEIGHTS_MODEL_CONFIG_H

#include "facts.h"

/**
 * What is said of heads, activations, epsilons and preprocessing, and w->accepted and w->notes. In this
 * order: the options; our own metadata; OpenAI's archive, which is known; the configuration beside the file.
 * @param is_ours  set to whether our own metadata are in the file
 */
int weights_read_facts(struct weights_facts *out, bool *is_ours, struct weights *w,
                       const struct weights_origin *origin, const struct weights_options *options);
/** Fills w->dims and w->preprocess; what nobody says of the towers is an error. */
int weights_apply_facts(struct weights *w, const struct weights_facts *facts);

/** Our metadata, from which weights_read_facts reads the same again. */
int weights_metadata(struct metadata *out, const struct weights *w);

#endif
