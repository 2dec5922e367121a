/* The table of methods, and what they share. */
#include "prompt/methods/method.h"

#include <math.h>
#include <stdlib.h>

#include "prompt/base/rng.h"
#include "prompt/base/str.h"

static const struct method_ops *const methods[] = {
    [METHOD_PROMPT] = &method_prompt, [METHOD_CLIP] = &method_clip, [METHOD_COOP] = &method_coop,
    [METHOD_COCOOP] = &method_cocoop, [METHOD_VPT] = &method_vpt,
};

/* ---------------------------------------------------------------- the classes' texts */

/* Features of the captions of one template, [1,K,d] in `outer`. */
static int encode_captions(tensor **out, scope *outer, const struct clip *clip,
                           const struct text_rows *captions)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    struct clip_texts texts = {0};
    int status = clip_texts_create(&texts, s, clip, captions, 0, 1);
    if (status == OK)
        *out = scope_keep(s, clip_encode_text(s, clip, NULL, NULL, &texts));
    clip_texts_free(&texts);
    int closed = scope_close(s);
    return status == OK ? closed : status;
}

/* Z^0 of several templates: features of the same length, added up; the sum points where the mean does. */
static int encode_ensemble(tensor **out, scope *outer, const struct clip *clip, const struct class_rows *rows)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    tensor *sum = NULL, *z = NULL;
    int status = OK;
    for (int64_t i = 0; status == OK && i < rows->n_templates; i++) {
        status = encode_captions(&z, s, clip, &rows->captions[i]);
        z = t_normalize(s, z, -1);
        sum = sum ? t_add(s, sum, z) : z;
    }
    *out = scope_keep(s, t_normalize(s, sum, -1));
    int closed = scope_close(s);
    return status == OK ? closed : status;
}

int class_texts_create(struct class_texts *out, scope *s, const struct clip *clip,
                       const struct class_rows *rows, const struct text_form *form, int64_t n_prefixes)
{
    *out = (struct class_texts){.rows = rows, .n = rows->names.n, .is_whole = text_form_is_whole(form)};
    int status = rows->n_templates == 1 ? encode_captions(&out->caption_features, s, clip, rows->captions)
                                        : encode_ensemble(&out->caption_features, s, clip, rows);
    if (status == OK && out->is_whole)
        status = class_rows_fill(&out->whole, rows, form);
    if (status == OK &&
        (status = (clip_texts_create(&out->names, s, clip, out->is_whole ? &out->whole : &rows->names,
                                     out->is_whole ? 0 : form->n_before, n_prefixes))) == OK)
        status = scope_status(s);
    if (status != OK)
        class_texts_free(out);
    return status;
}

void class_texts_free(struct class_texts *texts)
{
    clip_texts_free(&texts->names);
    text_rows_free(&texts->whole);
    *texts = (struct class_texts){0};
}

/* ---------------------------------------------------------------- create and free */

struct text_form method_text_form(const struct method_options *o)
{
    const struct method_ops *ops = methods[o->kind];
    return ops->text_form ? ops->text_form(o) : (struct text_form){0};
}

int method_create(struct method **out, scope *owner, const struct clip *clip,
                  const struct method_options *options, const struct method_init *init)
{
    *out = NULL;
    struct method *m = calloc(1, sizeof *m);
    if (!m)
        return error_out_of_memory();
    *m = (struct method){.ops = methods[options->kind], .clip = clip, .options = *options, .scope = owner};
    const int64_t N = method_fixed_iterations(options->kind);
    if (N != METHOD_ANY_ITERATIONS)
        m->options.n_iterations = N;
    int status = m->ops->create(m, init);
    if (status != OK) {
        method_free(m);
        return status;
    }
    *out = m;
    return OK;
}

void method_free(struct method *m)
{
    if (!m)
        return;
    params_free(&m->trained);
    free(m);
}

/* ---------------------------------------------------------------- trained tensors */

int method_add_trained(struct method *m, const char *name, const float *values, const int64_t *dims,
                       size_t n_dims)
{
    tensor *t = t_from_f32(m->scope, values, dims, n_dims, m->clip->dtypes.accum, m->clip->device);
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

/* ---------------------------------------------------------------- forward and loss */

void method_forward(struct method_output *out, scope *s, const struct method *m,
                    const struct class_texts *classes, const tensor *pixels, struct method_trace *trace)
{
    *out = (struct method_output){.n_iterations = m->options.n_iterations};
    m->ops->forward(out, s, m, classes, pixels, trace);
}

tensor *method_fixed_text(scope *s, const struct method *m, const struct class_texts *classes)
{
    return m->ops->fixed_text ? m->ops->fixed_text(s, m, NULL, classes) : NULL;
}

struct method_passes method_passes(const struct method *m, int64_t n_images, int64_t n_classes)
{
    return m->ops->passes ? m->ops->passes(m, n_images, n_classes) : (struct method_passes){0};
}

void method_output_free(struct method_output *out)
{
    tape_free(&out->tape);
}

int method_backward(struct method_output *out, scope *s, const tensor *loss)
{
    return tape_backward(&out->tape, s, loss);
}

tensor *method_after_start(scope *s, const struct method *m, const struct class_texts *classes,
                           const tensor *vectors)
{
    tensor *start = clip_embed_tokens(s, m->clip, classes->rows->captions[0].ids, 1); /* [1,d_l] */
    start = t_expand(s, start, SHAPE(t_size(vectors, 0), 1, t_size(start, 1)));
    return t_cat(s, TENSORS(start, vectors), 1);
}

struct initial_features method_initial_features(scope *outer, const struct method *m,
                                                const struct class_texts *classes, const tensor *pixels)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    struct image_tokens tokens = clip_image_tokens(s, m->clip, pixels);
    tensor *x = clip_encode_image(s, m->clip, NULL, tokens, NULL, 0);
    tensor *logits = clip_logits(s, m->clip, x, classes->caption_features);
    struct initial_features f = {
        {scope_keep(s, tokens.x), scope_keep(s, tokens.qkv)}, scope_keep(s, x), scope_keep(s, logits)};
    scope_close(s);
    return f;
}

tensor *method_loss(tensor **losses, scope *s, const struct method *m, const struct method_output *output,
                    const tensor *labels)
{
    const int64_t N = output->n_iterations;
    tensor *total = NULL;
    for (int64_t n = 1; n <= N; n++) {
        tensor *loss = t_cross_entropy(s, output->logits[n], labels);
        if (losses)
            losses[n - 1] = loss;
        tensor *weighted = t_scale(s, loss, pow(m->options.loss_weight, (double)(N - n)));
        total = total ? t_add(s, total, weighted) : weighted;
    }
    return total;
}
