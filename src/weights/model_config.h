/** Heads, activations, epsilons and preprocessing, from all their sources. */
#ifndef PROMPT_SRC_WEIGHTS_MODEL_CONFIG_H
#define PROMPT_SRC_WEIGHTS_MODEL_CONFIG_H

#include "facts.h"

/**
 * Reads heads, activations, epsilons and preprocessing; fills w->accepted and w->notes. Sources, first to
 * last: the options, our own metadata, the known facts of OpenAI's archive, the configuration beside the
 * file.
 * @param is_ours  set to whether the file has our own metadata
 */
int weights_read_facts(struct weights_facts *out, bool *is_ours, struct weights *w,
                       const struct weights_origin *origin, const struct weights_options *options);
/** Fills w->dims and w->preprocess; a fact about the towers without any source is an error. */
int weights_apply_facts(struct weights *w, const struct weights_facts *facts);

/** Writes our metadata, from which weights_read_facts reads the same facts. */
int weights_metadata(struct metadata *out, const struct weights *w);

#endif
