/** The sizes of a CLIP model, in the letters of the paper. */
#ifndef PROMPT_WEIGHTS_DIMS_H
#define PROMPT_WEIGHTS_DIMS_H

#include <stdint.h>

#include "prompt/nn/nn.h"

/** One transformer tower. */
struct tower_dims {
    int64_t width;    /* d_v or d_l */
    int64_t n_layers; /* L */
    int64_t n_heads;
    int64_t mlp_width;
    enum activation activation;
    double norm_eps;
};

struct clip_dims {
    struct tower_dims vision;
    struct tower_dims text;
    int64_t embed_dim;      /* d, joint embedding */
    int64_t image_px;       /* side of the input image */
    int64_t patch_px;       /* side of a patch */
    int64_t context_length; /* positions of the text transformer, 77 */
    int64_t vocab_size;
};

/** 1+M: the class token and the patches of an image. */
static inline int64_t clip_image_positions(const struct clip_dims *d)
{
    const int64_t side = d->image_px / d->patch_px;
    return 1 + side * side;
}

#endif
