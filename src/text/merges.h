/** The merges of a byte-pair encoding and the vocabulary that follows. */
#ifndef PROMPT_SRC_TEXT_MERGES_H
#define PROMPT_SRC_TEXT_MERGES_H

#include <stddef.h>
#include <stdint.h>

#include "prompt/base/error.h"

/*
 * The vocabulary: 256 bytes, 256 bytes that end a word, one symbol per merge, <start_of_text>, <end_of_text>.
 * A merge with a lower id has a higher rank.
 */
enum {
    MERGES_N_BYTES = 256,
    MERGES_FIRST_ID = 2 * MERGES_N_BYTES,
    MERGES_MAX = 49152 - 256 - 2, /* OpenAI's; the rest of its file is ignored */
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

/** Reads the text of OpenAI's merges file. ERR_FORMAT with `name` and line; ERR_MEMORY. */
int merges_parse(struct merges *out, const char *text, size_t n, const char *name);
/**
 * Opens a file of merges: OpenAI's (gzip or plain text), or transformers' merges.txt or tokenizer.json; the
 * vocabulary of the latter, or of a vocab.json beside merges.txt, must agree with the merges. ERR_IO;
 * ERR_FORMAT with file and line; ERR_MEMORY.
 */
int merges_open(struct merges *out, const char *path);
void merges_free(struct merges *m);

/** The id of the symbol that `left` and `right` merge into; MERGES_NONE if they do not merge. */
uint32_t merges_find(const struct merges *m, uint32_t left, uint32_t right);

/** The id of a byte inside a word; the same byte at the end of a word has + MERGES_N_BYTES. */
uint32_t merges_byte_id(unsigned char byte);

/* ---------------------------------------------------------------- building, for the parsers */

struct merges_builder;

struct merges_span {
    const char *data;
    size_t n;
};

int merges_begin(struct merges_builder **out, size_t max_merges); /* ERR_MEMORY */
/** Adds a merge of the next rank. ERR_FORMAT without file and line; ERR_MEMORY. */
int merges_add(struct merges_builder *b, struct merges_span left, struct merges_span right);
/** The id of a token by its spelling; MERGES_NONE if it is not in the vocabulary. */
uint32_t merges_id_of(const struct merges_builder *b, struct merges_span spelling);
uint32_t merges_vocab_size(const struct merges_builder *b);
/** Moves the merges to `out` and frees `b`; both may be NULL. */
void merges_end(struct merges *out, struct merges_builder *b);

/** ERR_FORMAT with "PROBLEM, found 'TEXT'", quoted and shortened. */
int merges_refuse(const char *problem, struct merges_span found);
/** Splits "left right". ERR_FORMAT without file and line. */
int merges_split(struct merges_span pair[2], struct merges_span line);

/** Adds the lines of OpenAI's file; errors begin with `name`. */
int merges_add_text(struct merges_builder *b, struct merges_span text, const char *name);
size_t merges_count_lines(struct merges_span text); /* at most MERGES_MAX */

/** Reads the text of a tokenizer.json. */
int merges_parse_json(struct merges *out, const char *text, size_t n, const char *name);
/** Checks a vocab.json against the merges. */
int merges_check_vocab_file(const struct merges_builder *b, const char *path);

#endif
