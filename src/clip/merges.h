/** The merges of a byte-pair encoding and the vocabulary that follows from them. */
#ifndef PROMPT_CLIP_MERGES_H
#define PROMPT_CLIP_MERGES_H

#include <stddef.h>
#include <stdint.h>

#include "prompt/base/error.h"

/*
 * The vocabulary: 256 bytes, 256 bytes that end a word, one symbol for each merge, <start_of_text>,
 * <end_of_text>. A merge of a lower id has the higher rank.
 */
enum {
    MERGES_N_BYTES = 256,
    MERGES_FIRST_ID = 2 * MERGES_N_BYTES,
    MERGES_MAX = 49152 - 256 - 2, /* OpenAI's; the rest of its file is passed over */
};

#define MERGES_NONE UINT32_MAX

struct merge_slot {
    uint32_t left;
    uint32_t right;
    uint32_t id; /* 0: the slot is free */
};

struct merges {
    struct merge_slot *slots; /* by hash of (left, right) */
    size_t mask;              /* their number - 1 */
    uint32_t n;
};

/** Reads the merges from a file's text; `name` stands in errors. ERR_FORMAT with name and line; ERR_MEMORY.
 */
int merges_parse(struct merges *out, const char *text, size_t n, const char *name);
void merges_free(struct merges *m);

/** The id of the symbol that `left` and `right` merge into, MERGES_NONE if they do not. */
uint32_t merges_find(const struct merges *m, uint32_t left, uint32_t right);

/** The id of a byte inside a word; of the same byte at its end: + MERGES_N_BYTES. */
uint32_t merges_byte_id(unsigned char byte);

/** The text of a merges file, unpacked if it is gzip. ERR_IO; ERR_FORMAT; ERR_MEMORY. */
int merges_read_file(char **out, size_t *n, const char *path);

#endif
