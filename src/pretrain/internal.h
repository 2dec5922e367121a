/* What the files of pre-training share: where pairs come from, the step, the checkpoint, the loop. */
#ifndef PROMPT_SRC_PRETRAIN_INTERNAL_H
#define PROMPT_SRC_PRETRAIN_INTERNAL_H

#include "prompt/base/pool.h"
#include "prompt/data/pairs.h"
#include "prompt/nn/optim.h"
#include "prompt/pretrain/pretrain.h"
#include "prompt/run/session.h"

/* ---------------------------------------------------------------- pairs (pretrain_source.c) */

/** Pictures and captions as arrays, ready for the towers. */
struct pair_batch {
    int64_t n;         /* B */
    float *pixels;     /* [B,3,S,S], normalized */
    int64_t *ids;      /* [B,context], start and end token too, padded with 0 */
    int64_t *ends;     /* [B], index of the end token */
    uint64_t *indices; /* [B], which pictures: of the stream, or rows of the table */
};

/**
 * The stream of pairs: the drawn world's, or a table's, shuffled anew in each epoch. What step k gets depends
 * on (seed, k) alone.
 */
struct pair_source {
    const struct config *config; /* borrowed, as the tokenizer */
    const struct tokenizer *tokenizer;
    struct pair_list table; /* empty: the world */
    size_t *order;          /* [table.n], the held-out rows last; of `epoch` */
    size_t *shuffled;       /* [n_train] */
    int64_t n_train, epoch; /* epoch -1: none yet */
    struct pool *pool;
    /* the work at hand */
    struct pair_batch *batch;
    bool augment;
    uint64_t augment_epoch;
};

/** Reads the table and checks every caption, or does nothing for the world. The tokenizer comes later. */
int pair_source_open(struct pair_source *out, const struct config *config);
/** Takes the tokenizer and checks that it knows every caption of the table. */
int pair_source_set_tokenizer(struct pair_source *s, const struct tokenizer *tokenizer);
void pair_source_close(struct pair_source *s);
/** Held-out pairs: as the key says, of a table at most a tenth. */
int64_t pair_source_n_validation(const struct pair_source *s);

/** Begins to fill `out` (n is set) with the pairs of step `step` (from 0), or the held-out ones if negative.
 */
int pair_source_start(struct pair_source *s, struct pair_batch *out, int64_t step);
int pair_source_wait(struct pair_source *s);

int pair_batch_create(struct pair_batch *out, const struct config *config, int64_t n);
void pair_batch_free(struct pair_batch *b);

/* ---------------------------------------------------------------- start (pretrain_model.c) */

/**
 * Random weights of the recipe's sizes and the tokenizer, into the session. CLIP's vocabulary if model.merges
 * names its file, else the drawn world's, which the weights carry from then on.
 */
int pretrain_make_model(struct session *s);

/* ---------------------------------------------------------------- model (pretrain_step.c) */

/** What a step puts out. */
struct pretrain_numbers {
    double loss, grad_norm, logit_scale;
};

/** Forward, loss, backward, clipping, update. `step` counts from 0. ERR_NUMERIC if the loss is not finite. */
int pretrain_step(struct pretrain_numbers *out, struct session *s, struct adamw *optimizer,
                  const struct pair_batch *batch, int64_t step);

/** Share of the pairs whose own caption, or one of the same words, is the nearest to the picture; and back.
 */
struct retrieval {
    double image_to_text, text_to_image;
};
int pretrain_retrieval(struct retrieval *out, struct session *s, const struct pair_batch *batch);

/* ---------------------------------------------------------------- files (pretrain_checkpoint.c) */

/** Where pre-training stands and what it belongs to. */
struct pretrain_state {
    int64_t step;                       /* finished steps */
    char *recipe;                       /* config_write_recipe; owned */
    char table_digest[DIGEST_HEX_SIZE]; /* of the table; "" for the world */
};

int pretrain_save(const char *checkpoint_path, const char *model_path, const struct weights *w,
                  const struct adamw *optimizer, const struct pretrain_state *state);
/** Appends the checkpoint's bytes to `out`; the model can be made of them again. */
int pretrain_append(struct str *out, const struct weights *w, const struct adamw *optimizer,
                    const struct pretrain_state *state);
/** Weights and moments are written over; names and shapes must agree. */
int pretrain_load(struct pretrain_state *state, const char *checkpoint_path, struct weights *w,
                  struct adamw *optimizer);

#endif
