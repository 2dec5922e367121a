/** Names of the tensors in a file. */
#ifndef PROMPT_SRC_WEIGHTS_NAMES_H
#define PROMPT_SRC_WEIGHTS_NAMES_H

#include "specs.h"

/** The tensors of a file that make up one of OpenAI's: Hugging Face splits query-key-value into three. */
struct weight_source {
    char names[3][WEIGHTS_NAME_SIZE];
    size_t n; /* tensors to concatenate along the first axis */
    bool is_transposed;
};

void weight_source_of(struct weight_source *out, const char *openai_name, bool is_hugging_face);

/** The prefix of the blocks' names before the number, "visual.transformer.resblocks."; static. */
const char *weights_block_prefix(bool is_vision, bool is_hugging_face);

/** Whether it is a buffer beside the weights; in old archives `attn_mask` is also an attribute of blocks. */
bool weights_is_passed_over(const char *name);

#endif
