/*
 * Products after a norm in a fast tower with trained changes, forward and backward by hand. Where the norms are
 * frozen they stay folded into the weights; trained ones are explicit, with weights packed without them.
 */
#ifndef PROMPT_SRC_CLIP_TUNED_H
#define PROMPT_SRC_CLIP_TUNED_H

#include "fast.h"

/* The changes of one pass. Where a function takes them, NULL means CLIP's own tower. */
struct tuned_pass {
    struct tower_tuning tuning; /* as the pass was given it */
    /* sums of the gradients, accum, of the shapes in tuning.h; NULL where the tensor is, and before
     * tuned_open_gradients */
    tensor *d_a, *d_b, *d_norm_weight, *d_norm_bias;
};

/* The rows of a product's input. */
struct tuned_rows {
    int64_t layer;
    const int64_t *ids; /* [B], of the dropout's masks; NULL: 0, 1, ... */
    int64_t first;      /* position of the input's first row in its text or image */
};

/*
 * A product of the normalized h [B,T,W], [B T,out]: FAST_QKV, FAST_Q, FAST_KV with the low-rank additions, or
 * FAST_MLP_IN.
 * @param reduced  receives a h of the low-rank additions, [B T, r of each part]; NULL: not needed
 */
tensor *tuned_linear(scope *s, const struct clip *c, const struct fast_tower *t, enum fast_product product,
                     const struct tuned_pass *p, struct tuned_rows rows, const tensor *h, tensor **reduced);
/*
 * Its backward, from dy [B T,out]: adds to the sums of the gradients.
 * @return the gradient of h, [B T,W]; NULL without `needs_input`
 */
tensor *tuned_linear_backward(scope *s, const struct clip *c, const struct fast_tower *t,
                              enum fast_product product, const struct tuned_pass *p, struct tuned_rows rows,
                              const tensor *h, const tensor *reduced, const tensor *dy, bool needs_input);

/* Zeros for the sums of the gradients. */
void tuned_open_gradients(scope *s, const struct clip *c, struct tuned_pass *p);
/* The sums in the order of tuning_tensors. */
void tuned_gradients(tensor **out, const struct tuned_pass *p);

#endif
