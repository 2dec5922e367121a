/** Names of the tensors in a file. */
#ifndef PROMPT_SRC_WEIGHTS_NAMES_H
#define PROMPT_SRC_WEIGHTS_NAMES_H

#include "specs.h"

/** Where a tensor stands in a file: OpenAI's query-key-value weights are three tensors in a Hugging Face
 * file. */
struct weight_source {
    char names[3][WEIGHTS_NAME_SIZE];
    size_t n; /* tensors to be concatenated along the first axis */
    bool is_transposed;
};

void weight_source_of(struct weight_source *out, const char *openai_name, bool is_hugging_face);

/** Prefix of the blocks' names up to the number: "visual.transformer.resblocks.", say. */
const char *weights_block_prefix(bool is_vision, bool is_hugging_face);

/** Buffers that real files carry beside the weights; `attn_mask` also as a block's attribute in old archives.
 */
bool weights_is_passed_over(const char *name);

#endif
