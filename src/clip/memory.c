/* What the encoders keep for their backward passes, for the estimate before training. */
#include "fast.h"

/*
 * The plain encoders keep, for each token and layer, about 14 widths of values: the inputs of both norms,
 * query, key, value, the attention's result, and two MLP-wide tensors of QuickGELU. On a CPU the holes that
 * freed temporaries leave between them in glibc's heap come on top: measured 18.4 widths (text) and 19.0
 * (images) on the tiny model, 18.4 on ViT-B/16, where 14.1 are in use.
 */
static double plain_kept_bytes(const struct clip *c, const struct tower_dims *tower, double n_tokens)
{
    const double widths = c->device.kind == DEVICE_CPU ? 18.5 : 14.0;
    return n_tokens * (double)tower->n_layers * (double)tower->width * widths *
           (double)dtype_size(c->types.products);
}

double clip_text_kept_bytes(const struct clip *c, const struct clip_texts *texts, int64_t n_prefixes)
{
    if (c->fast)
        return text_layout_kept_bytes(texts->layout, c, n_prefixes);
    return plain_kept_bytes(c, &c->dims.text,
                            (double)n_prefixes * (double)texts->rows->n *
                                (double)(texts->n_prefix + texts->rows->n_tokens));
}

/* Fast, per token and layer: two normalized inputs, query, key, value, the MLP's slope. Half types keep the
 * attention's probabilities too. */
static double fast_kept_bytes(const struct clip *c, double n_images, double n_tokens)
{
    const struct tower_dims *v = &c->dims.vision;
    const bool keeps_weights = c->types.products != c->types.master;
    const double values = n_tokens * (5.0 * (double)v->width + (double)v->mlp_width) +
                          (keeps_weights ? (double)v->n_heads * n_tokens * n_tokens : 0.0);
    return n_images * (double)v->n_layers * values * (double)dtype_size(c->types.products);
}

double clip_image_kept_bytes(const struct clip *c, int64_t n_images, int64_t n_prompts)
{
    const int64_t side = c->dims.image_px / c->dims.patch_px;
    const double n_tokens = (double)(1 + n_prompts + side * side);
    return c->fast ? fast_kept_bytes(c, (double)n_images, n_tokens)
                   : plain_kept_bytes(c, &c->dims.vision, (double)n_images * n_tokens);
}
