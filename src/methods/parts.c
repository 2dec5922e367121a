/* Trained tensors and shared steps. */
#include "prompt/methods/parts.h"

#include <stdlib.h>

#include "prompt/base/rng.h"

/* ---------------------------------------------------------------- trained tensors */

int method_add_trained(struct method *m, const char *name, const float *values, const int64_t *dims,
                       size_t n_dims)
{
    tensor *t = t_from_f32(m->scope, values, dims, n_dims, m->clip->dtypes.accum, m->clip->device);
    t_require_grad(m->scope, t);
    int status = scope_status(m->scope);
    return status == OK ? params_add(&m->trained, name, t) : status;
}

int method_add_zeros(struct method *m, const char *name, const int64_t *dims, size_t n_dims)
{
    tensor *t = t_zeros(m->scope, dims, n_dims, m->clip->dtypes.accum, m->clip->device);
    t_require_grad(m->scope, t);
    int status = scope_status(m->scope);
    return status == OK ? params_add(&m->trained, name, t) : status;
}

int method_add_copy(struct method *m, const char *name, const tensor *values)
{
    tensor *t = t_clone(m->scope, t_detach(m->scope, values));
    t_require_grad(m->scope, t);
    int status = scope_status(m->scope);
    return status == OK ? params_add(&m->trained, name, t) : status;
}

/* Fills and adds a tensor; `draw` makes one value from the stream of (seed, index of the tensor). */
static int add_random(struct method *m, uint64_t seed, const char *name, double scale, const int64_t *dims,
                      size_t n_dims, double (*draw)(struct rng *))
{
    size_t n = 1;
    for (size_t i = 0; i < n_dims; i++)
        n *= (size_t)dims[i];
    float *values = malloc(n * sizeof *values);
    if (!values)
        return error_out_of_memory();
    struct rng rng;
    rng_init(&rng, seed, RNG_INIT, 0, m->trained.n);
    for (size_t i = 0; i < n; i++)
        values[i] = (float)(scale * draw(&rng));
    int status = method_add_trained(m, name, values, dims, n_dims);
    free(values);
    return status;
}

static double draw_symmetric(struct rng *rng)
{
    return 2.0 * rng_uniform(rng) - 1.0;
}

int method_add_normal(struct method *m, uint64_t seed, const char *name, double std, const int64_t *dims,
                      size_t n_dims)
{
    return add_random(m, seed, name, std, dims, n_dims, rng_normal);
}

int method_add_uniform(struct method *m, uint64_t seed, const char *name, double bound, const int64_t *dims,
                       size_t n_dims)
{
    return add_random(m, seed, name, bound, dims, n_dims, draw_symmetric);
}

/* ---------------------------------------------------------------- steps of a forward pass */

tensor *method_after_start(scope *s, const struct method *m, const tensor *vectors)
{
    tensor *start = t_narrow(s, m->clip->token_embedding, 0, m->start_id, 1); /* [1,d_l] */
    start = t_expand(s, start, SHAPE(t_size(vectors, 0), 1, t_size(start, 1)));
    return t_cat(s, TENSORS(start, vectors), 1);
}

tensor *method_class_rows(scope *s, const struct method *m, const char *name,
                          const struct class_texts *classes)
{
    tensor *all = params_find(&m->trained, name);
    int status = method_check_classes(m, classes);
    if (status != OK) {
        scope_fail(s, status);
        return NULL;
    }
    if (!classes->trained_rows)
        return all;
    tensor *index = t_from_i64(s, classes->trained_rows, SHAPE(classes->rows->n), m->clip->device);
    return t_index_select(s, all, 0, index);
}

/* With x^0 and the logits of n = 0 if `has_clip`. */
static struct initial_features start(struct method_output *out, scope *outer, const struct method *m,
                                     const struct method_inputs *in, bool has_clip)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    struct image_tokens tokens =
        in->pixels ? clip_image_tokens(s, m->clip, in->pixels) : (struct image_tokens){0};
    const tensor *x = in->features;
    if (has_clip && !x)
        x = clip_encode_image(s, m->clip, NULL, tokens, NULL, 0);
    tensor *logits = has_clip ? clip_logits(s, m->clip, x, in->classes->caption_features) : NULL;
    struct initial_features f = {
        {scope_keep(s, tokens.x), scope_keep(s, tokens.qkv)}, scope_keep(s, x), scope_keep(s, logits)};
    scope_close(s);
    out->features[0] = f.x;
    out->logits[0] = f.logits;
    out->text[0] = in->classes->caption_features;
    return f;
}

struct initial_features method_initial_features(struct method_output *out, scope *s, const struct method *m,
                                                const struct method_inputs *in)
{
    return start(out, s, m, in, true);
}

bool method_begins_by_clip(struct method_output *out, struct initial_features *initial, scope *s,
                           const struct method *m, const struct method_inputs *in)
{
    *initial = method_initial_features(out, s, m, in);
    out->features[1] = initial->x;
    out->logits[1] = initial->logits;
    return method_n_by_clip(m, in->classes) == in->classes->rows->n;
}

struct initial_features method_image_tokens(struct method_output *out, scope *s, const struct method *m,
                                            const struct method_inputs *in)
{
    return start(out, s, m, in, !in->skips_clip || agreement_reads_clip(&m->options.regularization));
}
