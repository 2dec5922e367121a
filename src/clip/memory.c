/* The memory of a model and of its backward passes, for the plan before training. */
#include "class_texts.h"

#include <math.h>

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
           (double)dtype_size(c->dtypes.compute);
}

/* Of a value of the towers' matrices. */
static double matrix_bytes(const struct clip *c)
{
    return (double)dtype_size(c->fast && c->dtypes.has_bf16_weights ? DTYPE_BF16 : c->dtypes.compute);
}

static double tower_values(const struct clip *c, const struct tower_dims *t)
{
    const double W = (double)t->width, M = (double)t->mlp_width;
    return (double)t->n_layers * (4.0 * W * W + 2.0 * W * M) + W * (double)c->dims.embed_dim;
}

/* The fast encoder holds each matrix of the towers twice, laid out for its forward and its backward. */
double clip_model_bytes(const struct clip *c, const struct weights *w)
{
    const bool on_cpu = c->device.kind == DEVICE_CPU;
    const double value_bytes = (double)dtype_size(c->fast ? c->dtypes.accum : c->dtypes.compute);
    double values = 0.0, file_bytes = 0.0;
    for (size_t i = 0; i < w->tensors.n; i++) {
        const tensor *t = w->tensors.items[i].value;
        values += (double)t_numel(t);
        file_bytes += (double)t_numel(t) * (double)dtype_size(t_dtype(t));
    }
    const double packed = c->fast ? tower_values(c, &c->dims.vision) + tower_values(c, &c->dims.text) : 0.0;
    const bool is_copied = !on_cpu || file_bytes != values * value_bytes; /* else it is the file's own */
    return (on_cpu ? file_bytes : 0.0) + (is_copied ? (values - packed) * value_bytes : 0.0) +
           2.0 * packed * matrix_bytes(c);
}

/* Query, key, value and the MLP's input, again for both directions. */
double clip_bare_bytes(const struct clip *c)
{
    const struct tower_dims *towers[] = {&c->dims.text, &c->dims.vision};
    double values = 0.0;
    for (int i = 0; i < 2 && c->fast; i++)
        values += (double)towers[i]->n_layers * (double)towers[i]->width *
                  (3.0 * (double)towers[i]->width + (double)towers[i]->mlp_width);
    return 2.0 * values * matrix_bytes(c);
}

double clip_text_kept_bytes(const struct clip *c, const struct class_texts *texts, int64_t n_prefixes)
{
    if (!c->fast)
        return plain_kept_bytes(c, &c->dims.text,
                                (double)n_prefixes * (double)texts->rows->n *
                                    (double)(texts->n_prefix + texts->rows->n_tokens));
    double bytes = 0.0;
    for (size_t i = 0; i < texts->n_chunks; i++)
        bytes += text_chunk_kept_bytes(&texts->chunks[i], c, n_prefixes);
    return bytes;
}

double clip_text_chunk_bytes(const struct clip *c, const struct class_texts *texts, int64_t n_prefixes)
{
    double largest = 0.0;
    for (size_t i = 0; i < texts->n_chunks; i++)
        largest = fmax(largest, text_chunk_kept_bytes(&texts->chunks[i], c, n_prefixes));
    return largest;
}

/* Nodes of the largest chunk, of one prefix. */
static int64_t largest_chunk(const struct class_texts *texts)
{
    int64_t most = 0;
    for (size_t i = 0; i < texts->n_chunks; i++) {
        const int64_t n = texts->chunks[i].n_copies * texts->chunks[i].tree.n_nodes;
        most = n > most ? n : most;
    }
    return most;
}

/* Fast, per token and layer: two normalized inputs, query, key, value, the MLP's slope; in the last layer one
 * input, key and value. */
static double fast_kept_bytes(const struct clip *c, double n_images, double n_tokens)
{
    const struct tower_dims *v = &c->dims.vision;
    const double values = n_tokens * (5.0 * (double)v->width + (double)v->mlp_width);
    const double all = (double)(v->n_layers - 1) * values + n_tokens * 3.0 * (double)v->width;
    return n_images * all * (double)dtype_size(c->dtypes.compute);
}

double clip_image_kept_bytes(const struct clip *c, int64_t n_images, int64_t n_prompts)
{
    const double n_tokens = (double)(clip_image_positions(&c->dims) + n_prompts);
    return c->fast ? fast_kept_bytes(c, (double)n_images, n_tokens)
                   : plain_kept_bytes(c, &c->dims.vision, (double)n_images * n_tokens);
}

/* Per token, of a forward that keeps nothing: residual stream, two branches, two normalized inputs, query,
 * key, value, the attention's result, the MLP's hidden values before and after the activation. A backward
 * works with less. The plain encoder's are part of what it keeps. */
double clip_layer_bytes(const struct clip *c, const struct class_texts *texts, int64_t n_prefixes,
                        int64_t n_images, int64_t n_prompts)
{
    if (!c->fast)
        return 0.0;
    const struct tower_dims *l = &c->dims.text, *v = &c->dims.vision;
    const double text_rows = n_prefixes > 0 ? (double)(n_prefixes * largest_chunk(texts)) : 0.0;
    const double text = text_rows * (double)(9 * l->width + 2 * l->mlp_width);
    const double image = (double)n_images * (double)(clip_image_positions(&c->dims) + n_prompts) *
                         (double)(9 * v->width + 2 * v->mlp_width);
    return fmax(text, image) * (double)dtype_size(c->dtypes.accum);
}
