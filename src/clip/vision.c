/* The vision tower with prompts at its first layers: Eqs. 1, 2, 8, 9. */
#include <inttypes.h>

#include "vision_fast.h"

static tensor *embed_patches(scope *outer, const struct clip *c, const tensor *pixels)
{
    scope *s = scope_open(outer, SCOPE_GRAD_INHERIT);
    const int64_t B = t_size(pixels, 0), d_v = c->dims.vision.width;

    tensor *patches =
        t_conv2d_patches(s, t_to(s, pixels, t_dtype(c->patch_weight)), c->patch_weight); /* [B,d_v,h,w] */
    patches = t_transpose(s, t_reshape(s, patches, SHAPE(B, d_v, -1)), 1, 2);            /* [B,M,d_v] */
    patches = t_to(s, patches, c->dtypes.accum);
    tensor *class_token = t_expand(s, c->class_embedding, SHAPE(B, 1, d_v)); /* [B,1,d_v] */
    tensor *x = t_cat(s, TENSORS(class_token, patches), 1);                  /* [B,1+M,d_v] */
    x = nn_norm(s, &c->ln_pre, t_add(s, x, c->patch_positions));
    tensor *out = scope_keep(s, x);
    scope_close(s);
    return out;
}

struct image_tokens clip_image_tokens(scope *s, const struct clip *c, const tensor *pixels)
{
    tensor *x = embed_patches(s, c, pixels);
    return c->fast ? fast_image_tokens(s, c, x) : (struct image_tokens){.x = x};
}

tensor *clip_normalize_prompts(scope *s, const struct clip *c, const tensor *prompts)
{
    return nn_norm(s, &c->ln_pre, t_to(s, prompts, c->dtypes.accum));
}

/* [class token, prompts, patches] for a layer with prompts of its own; x is [class token, patches]. */
static tensor *insert_prompts(scope *s, const tensor *x, const tensor *prompts)
{
    tensor *class_token = t_narrow(s, x, 1, 0, 1);
    tensor *patches = t_narrow(s, x, 1, 1, t_size(x, 1) - 1);
    return t_cat(s, TENSORS(class_token, prompts, patches), 1);
}

/* [class token, patches] of a layer's output whose prompts are dropped. */
static tensor *drop_prompts(scope *s, const tensor *x, int64_t n_prompt_tokens)
{
    tensor *class_token = t_narrow(s, x, 1, 0, 1);
    int64_t first_patch = 1 + n_prompt_tokens;
    tensor *patches = t_narrow(s, x, 1, first_patch, t_size(x, 1) - first_patch);
    return t_cat(s, TENSORS(class_token, patches), 1);
}

static tensor *plain_encode_image(scope *outer, const struct clip *c, const tensor *tokens,
                                  const tensor *const *prompts, int64_t n_prompts,
                                  const struct tower_tuning *tuning)
{
    tensor *x = scope_share(outer, tokens); /* [B,1+M,d_v] */
    for (int64_t i = 0; i < c->dims.vision.n_layers; i++) {
        scope *s = scope_open(outer, SCOPE_GRAD_INHERIT); /* one layer's temporaries at a time */
        tensor *h = x;
        if (i < n_prompts)
            h = insert_prompts(s, h, prompts[i]); /* [B,1+a+M,d_v] */
        struct nn_low_rank low_rank;
        const struct nn_block b = tuning_block(s, &low_rank, tuning, i, &c->vision_blocks[i], h, c->device);
        h = nn_block(s, &b, h, false);
        if (i + 1 < n_prompts) /* layer J's outputs at the prompts stay, those of layers 1..J-1 do not */
            h = drop_prompts(s, h, t_size(prompts[i], 1));
        x = scope_keep(s, h);
        scope_close(s);
    }
    tensor *class_token = t_select(outer, x, 1, 0); /* [B,d_v] */
    tensor *features = nn_linear(outer, &c->vision_projection, nn_norm(outer, &c->ln_post, class_token));
    return t_to(outer, features, c->dtypes.accum); /* [B,d] */
}

tensor *clip_encode_image(scope *s, const struct clip *c, struct tape *tape, struct image_tokens tokens,
                          const tensor *const *prompts, int64_t n_prompts)
{
    if (n_prompts > c->dims.vision.n_layers) {
        scope_fail(s,
                   error_set(ERR_SHAPE, "prompts for %" PRId64 " vision layers, but the model has %" PRId64,
                             n_prompts, c->dims.vision.n_layers));
        return NULL;
    }
    return c->fast ? fast_encode_image(s, c, tape, tokens, prompts, n_prompts, NULL)
                   : plain_encode_image(s, c, tokens.x, prompts, n_prompts, NULL);
}

tensor *clip_embed_image(scope *s, const struct clip *c, const tensor *pixels)
{
    return embed_patches(s, c, pixels);
}

tensor *clip_encode_tuned_image(scope *s, const struct clip *c, struct tape *tape, tensor *x,
                                const struct tower_tuning *tuning)
{
    return c->fast ? fast_encode_image(s, c, tape, (struct image_tokens){.x = x}, NULL, 0, tuning)
                   : plain_encode_image(s, c, x, NULL, 0, tuning);
}
