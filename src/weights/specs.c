/* The tensors of a ViT CLIP with their shapes, under OpenAI's names: one list to check and to create
 * files. */
#include "specs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TENSORS_PER_BLOCK = 12, TENSORS_BESIDE_BLOCKS = 14 };

struct shape {
    int64_t dims[4];
    size_t n_dims;
};

static struct shape shape0(void)
{
    return (struct shape){{0}, 0};
}

static struct shape shape1(int64_t a)
{
    return (struct shape){{a}, 1};
}

static struct shape shape2(int64_t a, int64_t b)
{
    return (struct shape){{a, b}, 2};
}

static struct shape shape4(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (struct shape){{a, b, c, d}, 4};
}

static void add(struct weight_specs *specs, bool is_vision, enum weight_role role, const char *name,
                struct shape shape)
{
    struct weight_spec *spec = &specs->items[specs->n++];
    *spec = (struct weight_spec){.n_dims = shape.n_dims, .role = role, .is_vision = is_vision};
    memcpy(spec->dims, shape.dims, sizeof spec->dims);
    snprintf(spec->name, sizeof spec->name, "%s%s", is_vision ? "visual." : "", name);
}

static void add_block_tensor(struct weight_specs *specs, bool is_vision, int64_t block, enum weight_role role,
                             const char *name, struct shape shape)
{
    char full[WEIGHTS_NAME_SIZE];
    snprintf(full, sizeof full, "transformer.resblocks.%" PRId64 ".%s", block, name);
    add(specs, is_vision, role, full, shape);
}

static void add_blocks(struct weight_specs *specs, bool is_vision, const struct tower_dims *tower)
{
    const int64_t W = tower->width;
    const int64_t M = tower->mlp_width;
    for (int64_t l = 0; l < tower->n_layers; l++) {
        add_block_tensor(specs, is_vision, l, WEIGHT_ATTENTION_IN, "attn.in_proj_weight", shape2(3 * W, W));
        add_block_tensor(specs, is_vision, l, WEIGHT_ATTENTION_BIAS, "attn.in_proj_bias", shape1(3 * W));
        add_block_tensor(specs, is_vision, l, WEIGHT_ATTENTION_OUT, "attn.out_proj.weight", shape2(W, W));
        add_block_tensor(specs, is_vision, l, WEIGHT_ATTENTION_BIAS, "attn.out_proj.bias", shape1(W));
        add_block_tensor(specs, is_vision, l, WEIGHT_NORM_WEIGHT, "ln_1.weight", shape1(W));
        add_block_tensor(specs, is_vision, l, WEIGHT_NORM_BIAS, "ln_1.bias", shape1(W));
        add_block_tensor(specs, is_vision, l, WEIGHT_MLP_IN, "mlp.c_fc.weight", shape2(M, W));
        add_block_tensor(specs, is_vision, l, WEIGHT_MLP_IN_BIAS, "mlp.c_fc.bias", shape1(M));
        add_block_tensor(specs, is_vision, l, WEIGHT_MLP_OUT, "mlp.c_proj.weight", shape2(W, M));
        add_block_tensor(specs, is_vision, l, WEIGHT_MLP_OUT_BIAS, "mlp.c_proj.bias", shape1(W));
        add_block_tensor(specs, is_vision, l, WEIGHT_NORM_WEIGHT, "ln_2.weight", shape1(W));
        add_block_tensor(specs, is_vision, l, WEIGHT_NORM_BIAS, "ln_2.bias", shape1(W));
    }
}

static void add_norm(struct weight_specs *specs, bool is_vision, const char *name, int64_t width)
{
    char full[WEIGHTS_NAME_SIZE];
    snprintf(full, sizeof full, "%s.weight", name);
    add(specs, is_vision, WEIGHT_NORM_WEIGHT, full, shape1(width));
    snprintf(full, sizeof full, "%s.bias", name);
    add(specs, is_vision, WEIGHT_NORM_BIAS, full, shape1(width));
}

int weight_specs_create(struct weight_specs *out, const struct clip_dims *dims)
{
    const int64_t d = dims->embed_dim;
    const int64_t Wv = dims->vision.width;
    const int64_t Wl = dims->text.width;
    size_t n_blocks = (size_t)(dims->vision.n_layers + dims->text.n_layers);
    *out = (struct weight_specs){0};
    out->items = calloc(n_blocks * TENSORS_PER_BLOCK + TENSORS_BESIDE_BLOCKS, sizeof *out->items);
    if (!out->items)
        return error_out_of_memory();

    add(out, false, WEIGHT_TEXT_POSITIONS, "positional_embedding", shape2(dims->context_length, Wl));
    add(out, false, WEIGHT_TEXT_PROJECTION, "text_projection", shape2(Wl, d));
    add(out, false, WEIGHT_LOGIT_SCALE, "logit_scale", shape0());
    add(out, true, WEIGHT_VISION_EMBEDDING, "class_embedding", shape1(Wv));
    add(out, true, WEIGHT_VISION_EMBEDDING, "positional_embedding", shape2(clip_image_positions(dims), Wv));
    add(out, true, WEIGHT_VISION_EMBEDDING, "proj", shape2(Wv, d));
    add(out, true, WEIGHT_PATCHES, "conv1.weight", shape4(Wv, 3, dims->patch_px, dims->patch_px));
    add_norm(out, true, "ln_pre", Wv);
    add_blocks(out, true, &dims->vision);
    add_norm(out, true, "ln_post", Wv);
    add_blocks(out, false, &dims->text);
    add(out, false, WEIGHT_TOKENS, "token_embedding.weight", shape2(dims->vocab_size, Wl));
    add_norm(out, false, "ln_final", Wl);
    return OK;
}

void weight_specs_free(struct weight_specs *specs)
{
    free(specs->items);
    *specs = (struct weight_specs){0};
}
