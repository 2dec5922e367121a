/** Pairs of picture and caption, made by threads ahead of the model. */
#ifndef PROMPT_SRC_PRETRAIN_SOURCE_H
#define PROMPT_SRC_PRETRAIN_SOURCE_H

#include "prompt/base/pool.h"
#include "prompt/config/config.h"
#include "prompt/data/pairs.h"
#include "prompt/text/tokenizer.h"

/** Pictures and captions as arrays, ready for the towers. */
struct pair_batch {
    int64_t n;         /* B */
    float *pixels;     /* [B,3,S,S], normalized */
    int64_t *ids;      /* [B,context], start and end token too, padded with 0 */
    int64_t *ends;     /* [B], index of the end token */
    uint64_t *indices; /* [B], of the pictures: in the stream, or rows of the table */
};

/**
 * The stream of pairs: the drawn world's, or a table's, shuffled anew in each epoch. The pairs of step k
 * depend on (seed, k) alone.
 */
struct pair_source {
    const struct config *config;       /* borrowed */
    const struct tokenizer *tokenizer; /* borrowed */
    struct pair_list table;            /* empty: the world */
    size_t *order;                     /* [table.n], the held-out rows last; of `epoch` */
    size_t *shuffled;                  /* [n_train] */
    int64_t n_train, epoch;            /* epoch -1: none yet */
    struct pool *pool;                 /* owned */
    /* the current work */
    struct pair_batch *batch; /* borrowed */
    bool augment;
    uint64_t augment_epoch;
};

/** Reads the table, if there is one. The tokenizer comes later. @return OK; ERR_USAGE; ERR_FORMAT; ERR_IO */
int pair_source_open(struct pair_source *out, const struct config *config);
/** Borrows the tokenizer and checks that it can encode every caption of the table. */
int pair_source_set_tokenizer(struct pair_source *s, const struct tokenizer *tokenizer);
void pair_source_close(struct pair_source *s);
/** The number of held-out pairs: that of the key, but at most a tenth of a table. */
int64_t pair_source_n_validation(const struct pair_source *s);

/** Starts to fill `out`, whose n is set, with the pairs of step `step` (from 0), or with the held-out ones if
 * `step` is negative; `out` is borrowed until pair_source_wait. */
int pair_source_start(struct pair_source *s, struct pair_batch *out, int64_t step);
/** Waits for the batch. ERR_FORMAT, ERR_IO naming file and line of a pair that cannot be read. */
int pair_source_wait(struct pair_source *s);

int pair_batch_create(struct pair_batch *out, const struct config *config, int64_t n);
void pair_batch_free(struct pair_batch *b);

#endif
