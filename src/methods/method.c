/* The table of methods. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "prompt/methods/fit.h"
#include "prompt/methods/parts.h"

static const struct method_ops *const methods[] = {
    [METHOD_PROMPT] = &method_prompt,
    [METHOD_CLIP] = &method_clip,
    [METHOD_COOP] = &method_coop,
    [METHOD_COCOOP] = &method_cocoop,
    [METHOD_VPT] = &method_vpt,
    [METHOD_LINEAR_PROBE] = &method_linear_probe,
    [METHOD_LP_PLUS_PLUS] = &method_lp_plus_plus,
    [METHOD_TIP_ADAPTER] = &method_tip_adapter,
};

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
    *m = (struct method){.ops = methods[options->kind],
                         .clip = clip,
                         .options = *options,
                         .start_id = init->start_tokens ? init->start_tokens->ids[0] : 0,
                         .scope = owner};
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

/* ---------------------------------------------------------------- forward and loss */

void method_forward(struct method_output *out, scope *s, const struct method *m,
                    const struct class_texts *classes, const tensor *fixed_text, const tensor *pixels,
                    const tensor *features, struct method_trace *trace)
{
    *out = (struct method_output){.n_iterations = m->options.n_iterations};
    m->ops->forward(out, s, m, classes, fixed_text, pixels, features, trace);
}

tensor *method_fixed_text(scope *s, const struct method *m, const struct class_texts *classes)
{
    return m->ops->fixed_text ? m->ops->fixed_text(s, m, NULL, classes) : NULL;
}

struct method_passes method_passes(const struct method *m, int64_t n_images, int64_t n_classes)
{
    return m->ops->passes ? m->ops->passes(m, n_images, n_classes) : (struct method_passes){0};
}

bool method_needs_pixels(const struct method *m)
{
    return method_passes(m, 1, 1).n_image > 0;
}

/* ---------------------------------------------------------------- classes that were not trained */

int64_t method_n_by_clip(const struct method *m, const struct class_texts *classes)
{
    int64_t n = 0;
    for (int64_t k = 0; classes->trained_rows && k < classes->rows->n; k++)
        n += classes->trained_rows[k] < 0;
    return m->ops->unknown_classes == UNKNOWN_CLASSES_SERVED ? 0 : n;
}

int method_check_classes(const struct method *m, const struct class_texts *classes)
{
    const int64_t K = classes->rows->n, n = method_n_by_clip(m, classes);
    if (m->ops->unknown_classes != UNKNOWN_CLASSES_ALONE || n == 0 || n == K)
        return OK;
    return error_set(
        ERR_USAGE,
        "method %s knows %" PRId64 " of these %" PRId64
        " classes from its training, and cannot compare them with the others: evaluate either alone",
        method_kind_names[m->options.kind], K - n, K);
}

/* ---------------------------------------------------------------- fit */

int method_fit(struct fit_report *out, struct method *m, const struct fit_data *data)
{
    *out = (struct fit_report){0};
    return m->ops->fit(out, m, data);
}

void method_output_free(struct method_output *out)
{
    tape_free(&out->tape);
}

int method_backward(struct method_output *out, scope *s, const tensor *loss)
{
    return tape_backward(&out->tape, s, loss);
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
