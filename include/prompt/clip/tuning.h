/**
 * Trained changes inside the blocks of a tower: low-rank additions to query, key and value (CLIP-LoRA), or norms
 * in place of the frozen ones (2SFS). Gradients flow into them through all layers.
 */
#ifndef PROMPT_CLIP_TUNING_H
#define PROMPT_CLIP_TUNING_H

#include "prompt/nn/nn.h"
#include "prompt/weights/dims.h"

enum tower { TOWER_TEXT, TOWER_VISION };

/** Dropout on the input of the low-rank additions, with a mask of its own for each layer and each of query, key
 * and value. The masks depend on these numbers, on tower, layer and product, and on the row: a text's index in
 * its list, an image's in its batch. */
struct tower_dropout {
    double p; /* 0: none */
    uint64_t seed;
    int64_t step; /* of the training, from 1 */
};

/** The changes of one tower of L layers and width W; tensors are borrowed. All NULL: none. */
struct tower_tuning {
    enum tower tower;
    const tensor *a; /* [L,3,r,W], of query, key, value; NULL: no low-rank additions */
    const tensor *b; /* [L,3,W,r] */
    double scale;    /* of b a */
    struct tower_dropout dropout;
    const tensor *norm_weight; /* [L,2,W], of ln_1 and ln_2; NULL: the frozen norms */
    const tensor *norm_bias;   /* [L,2,W] */
};

enum { TUNING_MAX_TENSORS = 4 };
/** Its tensors in a fixed order; returns their number. `t` may be NULL. */
size_t tuning_tensors(const tensor *out[TUNING_MAX_TENSORS], const struct tower_tuning *t);
/** Whether gradients flow into it. `t` may be NULL. */
bool tuning_requires_grad(const struct tower_tuning *t);

/**
 * The masks of query, key or value (j = 0, 1, 2) of a layer, 0 or 1, [B,T,W].
 * @param rows  [B], the rows of the masks; NULL: 0, 1, ...
 */
tensor *tuning_mask(scope *s, const struct tower_tuning *t, int64_t layer, int64_t j, const int64_t *rows,
                    const int64_t *dims, enum dtype dtype, struct device device);
/** The scale of the low-rank additions of kept inputs. */
double tuning_scale(const struct tower_tuning *t);

/**
 * A frozen block with the changes of its layer; `frozen` itself if `t` is NULL.
 * @param low_rank  filled if the result uses it, and to live as long
 * @param x         the block's input, [B,T,W]
 */
struct nn_block tuning_block(scope *s, struct nn_low_rank *low_rank, const struct tower_tuning *t,
                             int64_t layer, const struct nn_block *frozen, const tensor *x,
                             struct device device);

#endif
