/* Trained changes of a tower, as plain blocks and as masks. */
#include "prompt/clip/tuning.h"

#include "prompt/torch/fused.h"

size_t tuning_tensors(const tensor *out[TUNING_MAX_TENSORS], const struct tower_tuning *t)
{
    if (!t)
        return 0;
    const tensor *const all[TUNING_MAX_TENSORS] = {t->a, t->b, t->norm_weight, t->norm_bias};
    size_t n = 0;
    for (size_t i = 0; i < TUNING_MAX_TENSORS; i++)
        if (all[i])
            out[n++] = all[i];
    return n;
}

bool tuning_requires_grad(const struct tower_tuning *t)
{
    const tensor *tensors[TUNING_MAX_TENSORS];
    const size_t n = tuning_tensors(tensors, t);
    for (size_t i = 0; i < n; i++)
        if (t_requires_grad(tensors[i]))
            return true;
    return false;
}

tensor *tuning_mask(scope *s, const struct tower_tuning *t, int64_t layer, int64_t j, const int64_t *rows,
                    const int64_t *dims, enum dtype dtype, struct device device)
{
    const struct dropout_stream stream = {.p = t->dropout.p,
                                          .seed = t->dropout.seed,
                                          .step = (uint64_t)t->dropout.step,
                                          .product = (uint64_t)t->tower << 16 | (uint64_t)(layer * 3 + j)};
    return t_reshape(s, t_dropout_mask(s, &stream, rows, dims[0], dims[1] * dims[2], dtype, device), dims, 3);
}

double tuning_scale(const struct tower_tuning *t)
{
    return t->scale / (1.0 - t->dropout.p);
}

struct nn_block tuning_block(scope *s, struct nn_low_rank *low_rank, const struct tower_tuning *t,
                             int64_t layer, const struct nn_block *frozen, const tensor *x,
                             struct device device)
{
    struct nn_block b = *frozen;
    if (t && t->a) {
        *low_rank = (struct nn_low_rank){
            .a = t_select(s, t->a, 0, layer), .b = t_select(s, t->b, 0, layer), .scale = tuning_scale(t)};
        const int64_t dims[] = {t_size(x, 0), t_size(x, 1), t_size(x, 2)};
        for (int64_t j = 0; j < 3 && t->dropout.p > 0.0; j++)
            low_rank->masks[j] = tuning_mask(s, t, layer, j, NULL, dims, t_dtype(b.qkv.weight), device);
        b.low_rank = low_rank;
    }
    struct nn_norm *norms[] = {&b.norm1, &b.norm2};
    for (int64_t i = 0; i < 2 && t && t->norm_weight; i++) {
        norms[i]->weight = t_select(s, t_select(s, t->norm_weight, 0, layer), 0, i);
        norms[i]->bias = t_select(s, t_select(s, t->norm_bias, 0, layer), 0, i);
    }
    return b;
}
