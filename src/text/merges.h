/** The merges of a byte-pair encoding and the vocabulary that follows from them. */
#ifndef PROMPT_SRC_TEXT_MERGES_H
#define PROMPT_SRC_TEXT_MERGES_H

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

/** Reads OpenAI's merges file from its text; `name` stands in errors. ERR_FORMAT with name and line;
 * ERR_MEMORY.
 */
int merges_parse(struct merges *out, const char *text, size_t n, const char *name);
/**
 * Opens a file of merges: OpenAI's (gzip or plain text), or transformers' merges.txt or tokenizer.json; the
 * vocabulary of the latter, or of a vocab.json beside merges.txt, must be the one that the merges make.
 * ERR_IO; ERR_FORMAT with file and line; ERR_MEMORY.
 */
int merges_open(struct merges *out, const char *path);
void merges_free(struct merges *m);

/** The id of the symbol that `left` and `right` merge into, MERGES_NONE if they do not. */
uint32_t merges_find(const struct merges *m, uint32_t left, uint32_t right);

/** The id of a byte inside a word; of the same byte at its end: + MERGES_N_BYTES. */
uint32_t merges_byte_id(unsigned char byte);

/* ---------------------------------------------------------------- building, for the parsers */

struct merges_builder;

struct merges_span {
    const char *data;
    size_t n;
};

int merges_begin(struct merges_builder **out, size_t max_merges); /* ERR_MEMORY */
/** Adds a merge of the next rank. ERR_FORMAT without a place; ERR_MEMORY. */
int merges_add(struct merges_builder *b, struct merges_span left, struct merges_span right);
/** The id of a token by its spelling, MERGES_NONE if the merges make none such. */
uint32_t merges_id_of(const struct merges_builder *b, struct merges_span spelling);
uint32_t merges_vocab_size(const struct merges_builder *b);
/** Hands the merges over; `out` may be NULL, and `b`. */
void merges_end(struct merges *out, struct merges_builder *b);

/** Sets "problem, found what", quoted and cut; ERR_FORMAT. */
int merges_refuse(const char *problem, struct merges_span found);
/** Splits "left right". ERR_FORMAT without a place. */
int merges_split(struct merges_span pair[2], struct merges_span line);

/** The lines of OpenAI's file; `name` stands in errors. */
int merges_add_text(struct merges_builder *b, struct merges_span text, const char *name);
size_t merges_count_lines(struct merges_span text); /* MERGES_MAX at most */

/** From the text of a tokenizer.json. */
int merges_parse_json(struct merges *out, const char *text, size_t n, const char *name);
/** Checks a vocab.json against the merges. */
int merges_check_vocab_file(const struct merges_builder *b, const char *path);

#endif
