/* OpenAI's tensor names to the parts of the model. */
#include "load.h"

#include <stdio.h>

tensor *load_tensor(scope *s, const struct load_source *from, const char *prefix, const char *name,
                    enum dtype dtype)
{
    char full[160];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    tensor *t = params_find(&from->weights->tensors, full);
    if (!t) {
        scope_fail(s, error_set(ERR_FORMAT, "'%s': tensor '%s' is missing", from->weights->path, full));
        return NULL;
    }
    scope *copies = scope_open(s, SCOPE_GRAD_OFF); /* on the way, not kept */
    tensor *moved = t_to(copies, t_to_device(copies, t, from->device), dtype);
    tensor *loaded = scope_keep(copies, t_contiguous(copies, moved));
    scope_close(copies);
    return loaded;
}

struct nn_norm load_norm(scope *s, const struct load_source *from, const char *prefix, const char *name,
                         double eps)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s.", prefix, name);
    return (struct nn_norm){.weight = load_tensor(s, from, full, "weight", from->dtypes.accum),
                            .bias = load_tensor(s, from, full, "bias", from->dtypes.accum),
                            .eps = eps};
}

/* The matrix of a product, rounded as it would be kept. */
static tensor *load_weight(scope *s, const struct load_source *from, const char *prefix, const char *name)
{
    tensor *t = load_tensor(s, from, prefix, name, from->dtypes.compute);
    return from->dtypes.has_bf16_weights ? t_to(s, t_to(s, t, DTYPE_BF16), from->dtypes.compute) : t;
}

struct nn_linear load_linear(scope *s, const struct load_source *from, const char *prefix, const char *weight,
                             const char *bias)
{
    return (struct nn_linear){.weight = load_weight(s, from, prefix, weight),
                              .bias = load_tensor(s, from, prefix, bias, from->dtypes.compute)};
}

struct nn_linear load_projection(scope *s, const struct load_source *from, const char *name)
{
    tensor *t = load_weight(s, from, "", name);
    return (struct nn_linear){.weight = t_contiguous(s, t_transpose(s, t, 0, 1))};
}

struct nn_block load_block(scope *s, const struct load_source *from, const char *prefix,
                           const struct tower_dims *dims)
{
    return (struct nn_block){
        .norm1 = load_norm(s, from, prefix, "ln_1", dims->norm_eps),
        .qkv = load_linear(s, from, prefix, "attn.in_proj_weight", "attn.in_proj_bias"),
        .attention_out = load_linear(s, from, prefix, "attn.out_proj.weight", "attn.out_proj.bias"),
        .norm2 = load_norm(s, from, prefix, "ln_2", dims->norm_eps),
        .mlp_in = load_linear(s, from, prefix, "mlp.c_fc.weight", "mlp.c_fc.bias"),
        .mlp_out = load_linear(s, from, prefix, "mlp.c_proj.weight", "mlp.c_proj.bias"),
        .n_heads = dims->n_heads,
        .activation = dims->activation,
    };
}
