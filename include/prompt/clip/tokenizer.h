/**
 * CLIP's byte-pair encoding, exact: HTML entities unescaped twice, white space collapsed, lower case, the pattern of
 * OpenAI's simple_tokenizer.py, merges in rank order. `ftfy` is not applied (the README says so).
 *
 * Merges come from bpe_simple_vocab_16e6.txt.gz (48,894 merges used; vocabulary 49,408).
 */
#ifndef PROMPT_CLIP_TOKENIZER_H
#define PROMPT_CLIP_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

#include "prompt/base/error.h"

struct tokenizer; /* immutable after opening: may be shared by threads */

/** Token ids of one text, without start and end tokens. */
struct tokens {
    int64_t *ids;
    size_t n;
    size_t capacity;
};

/** Reads the merges (gzip or plain text). ERR_IO; ERR_FORMAT with file and line; ERR_MEMORY. */
int tokenizer_open(struct tokenizer **out, const char *merges_path);
void tokenizer_free(struct tokenizer *t);

/** Appends the ids of `text` (UTF-8; bytes that are no UTF-8 are ERR_FORMAT) to `out`. */
int tokenizer_encode(struct tokens *out, const struct tokenizer *t, const char *text);
void tokens_free(struct tokens *t);

int64_t tokenizer_start(const struct tokenizer *t); /* <|startoftext|>, 49406 */
int64_t tokenizer_end(const struct tokenizer *t);   /* <|endoftext|>, 49407 */
int64_t tokenizer_vocab_size(const struct tokenizer *t);

/**
 * Where the merges are: `key` if not empty (an error if missing), else beside the model, else in `clip/` below the
 * data root. Heap path in `*out`; ERR_IO names every place that was tried.
 */
int tokenizer_find_merges(char **out, const char *key, const char *model_path, const char *data_root);

#endif
