/* The layers of a pre-norm transformer, in the order of the equations. */
#include "prompt/nn/nn.h"

#include <string.h>

const char *const activation_names[2] = {"quick_gelu", "gelu"};

int nn_parse_activation(int *out, const char *name, enum status otherwise)
{
    for (int i = 0; i < 2; i++) {
        if (strcmp(activation_names[i], name) == 0) {
            *out = i;
            return OK;
        }
    }
    return error_set(otherwise, "activation '%.80s' is not supported (quick_gelu and gelu are)", name);
}

tensor *nn_linear(scope *s, const struct nn_linear *l, const tensor *x)
{
    return t_linear(s, t_to(s, x, t_dtype(l->weight)), l->weight, l->bias);
}

tensor *nn_norm(scope *s, const struct nn_norm *n, const tensor *x)
{
    return t_layer_norm(s, x, n->weight, n->bias, n->eps);
}

tensor *nn_activation(scope *s, enum activation activation, const tensor *x)
{
    switch (activation) {
    case ACTIVATION_QUICK_GELU:
        return t_scale(s, t_silu(s, t_scale(s, x, 1.702)), 1.0 / 1.702);
    case ACTIVATION_GELU:
        return t_gelu(s, x);
    }
    return NULL;
}

/* Query, key or value (part 0, 1, 2) of every head: qkv [B,T,3 width] -> [B,heads,T,head width]. */
static tensor *heads_of(scope *s, const tensor *qkv, int64_t part, int64_t n_heads)
{
    const int64_t B = t_size(qkv, 0), T = t_size(qkv, 1), width = t_size(qkv, 2) / 3;
    tensor *x = t_narrow(s, qkv, -1, part * width, width); /* [B,T,width] */
    x = t_reshape(s, x, SHAPE(B, T, n_heads, width / n_heads));
    return t_transpose(s, x, 1, 2);
}

/* The low-rank additions to query, key and value, [B,T,3 width], in the dtype of h. */
static tensor *low_rank(scope *s, const struct nn_low_rank *l, const tensor *h)
{
    tensor *parts[3];
    for (int64_t j = 0; j < 3; j++) {
        const tensor *a = t_to(s, t_select(s, l->a, 0, j), t_dtype(h));
        const tensor *b = t_to(s, t_select(s, l->b, 0, j), t_dtype(h));
        const tensor *kept = l->masks[j] ? t_mul(s, h, l->masks[j]) : h;
        parts[j] = t_linear(s, t_linear(s, kept, a, NULL), b, NULL);
    }
    return t_scale(s, t_cat(s, TENSORS(parts[0], parts[1], parts[2]), -1), l->scale);
}

static tensor *self_attention(scope *s, const struct nn_block *b, const tensor *x, bool causal)
{
    const int64_t B = t_size(x, 0), T = t_size(x, 1), width = t_size(x, 2);
    tensor *qkv = nn_linear(s, &b->qkv, x); /* [B,T,3 width] */
    if (b->low_rank)
        qkv = t_add(s, qkv, low_rank(s, b->low_rank, t_to(s, x, t_dtype(qkv))));
    tensor *q = heads_of(s, qkv, 0, b->n_heads);
    tensor *k = heads_of(s, qkv, 1, b->n_heads);
    tensor *v = heads_of(s, qkv, 2, b->n_heads);
    tensor *o = t_attention(s, q, k, v, causal); /* [B,heads,T,head width] */
    o = t_reshape(s, t_transpose(s, o, 1, 2), SHAPE(B, T, width));
    return nn_linear(s, &b->attention_out, o);
}

tensor *nn_block(scope *outer, const struct nn_block *b, const tensor *x, bool causal)
{
    scope *s = scope_open(outer, SCOPE_GRAD_INHERIT); /* frees the temporaries when the block ends */
    tensor *h = t_add(s, x, self_attention(s, b, nn_norm(s, &b->norm1, x), causal));
    tensor *mlp = nn_linear(s, &b->mlp_in, nn_norm(s, &b->norm2, h));
    mlp = nn_linear(s, &b->mlp_out, nn_activation(s, b->activation, mlp));
    tensor *out = scope_keep(s, t_add(s, h, mlp));
    scope_close(s); /* its failure marks the outer scope */
    return out;
}
