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
    [METHOD_KGCOOP] = &method_coop,
    [METHOD_IVLP] = &method_ivlp,
    [METHOD_PROMPTSRC] = &method_ivlp,
    [METHOD_MAPLE] = &method_maple,
    [METHOD_LINEAR_PROBE] = &method_linear_probe,
    [METHOD_LP_PLUS_PLUS] = &method_lp_plus_plus,
    [METHOD_TIP_ADAPTER] = &method_tip_adapter,
    [METHOD_CLIP_LORA] = &method_clip_lora,
    [METHOD_TWO_STAGE] = &method_two_stage,
};

/* ---------------------------------------------------------------- create and free */

struct text_form method_text_form(const struct method_options *o)
{
    const struct method_ops *ops = methods[o->kind];
    return ops->text_form ? ops->text_form(o) : (struct text_form){0};
}

/* A term that the method cannot move, or an average without epochs, would silently do nothing. */
static int check_regularization(const struct method *m)
{
    const struct regularization_options *o = &m->options.regularization;
    const char *name = method_kind_names[m->options.kind];
    const bool has_terms = agreement_reads_clip(o) || agreement_reads_teacher(o);
    if (m->ops->fit && (has_terms || o->average_deviation > 0.0))
        return error_set(
            ERR_USAGE, "method %s is fitted at once: it has no agreement.* terms and no average over epochs",
            name);
    if (o->text_weight > 0.0 && !m->ops->text_form)
        return error_set(ERR_USAGE, "agreement.text_weight: method %s leaves the text as CLIP has it", name);
    if (o->image_weight > 0.0 && !method_needs_pixels(m))
        return error_set(ERR_USAGE,
                         "agreement.image_weight: method %s leaves the image features as CLIP has them%s",
                         name, m->ops == &method_ivlp ? " if vision_prompt.count is 0" : "");
    return OK;
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
                         .seed = init->seed,
                         .start_id = init->start_tokens ? init->start_tokens->ids[0] : 0,
                         .scope = owner};
    const int64_t N = method_fixed_iterations(options->kind);
    if (N != METHOD_ANY_ITERATIONS)
        m->options.n_iterations = N;
    int status = OK;
    if ((status = m->ops->create(m, init)) != OK || (status = check_regularization(m)) != OK ||
        (status = method_enter_stage(m, 0)) != OK) {
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
    params_free(&m->active);
    free(m);
}

/* ---------------------------------------------------------------- stages */

struct method_stage method_stage_at(const struct method *m, int64_t step, int64_t n_steps)
{
    const int64_t n_first = m->ops->n_first ? m->ops->n_first(&m->options, n_steps) : n_steps;
    if (step <= n_first)
        return (struct method_stage){.index = 0, .n_before = 0, .n_steps = n_first};
    return (struct method_stage){.index = 1, .n_before = n_first, .n_steps = n_steps - n_first};
}

const struct params *method_active(const struct method *m)
{
    return m->ops->trains ? &m->active : &m->trained;
}

int method_enter_stage(struct method *m, int64_t index)
{
    m->stage = index;
    params_free(&m->active);
    int status = OK;
    for (size_t i = 0; m->ops->trains && status == OK && i < m->trained.n; i++)
        if (m->ops->trains(m->trained.items[i].name, index))
            status = params_add(&m->active, m->trained.items[i].name, m->trained.items[i].value);
    return status;
}

int method_begin_stage(struct method *m, int64_t index, const struct class_texts *classes)
{
    int status = method_enter_stage(m, index);
    return status == OK && m->ops->begin_stage ? m->ops->begin_stage(m, classes) : status;
}

/* ---------------------------------------------------------------- forward and loss */

void method_forward(struct method_output *out, scope *s, const struct method *m,
                    const struct method_inputs *in)
{
    *out = (struct method_output){.n_iterations = m->options.n_iterations, .teacher = in->classes->teacher};
    m->ops->forward(out, s, m, in);
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

int method_check_validation(const struct method *m, int64_t n_val)
{
    const char *setting = m->ops->needs_validation ? m->ops->needs_validation(&m->options) : NULL;
    if (!setting || n_val > 0)
        return OK;
    return error_set(ERR_USAGE,
                     "method %s is fitted with the help of validation images, but there are none: set %s",
                     method_kind_names[m->options.kind], setting);
}

int method_fit(struct fit_report *out, struct method *m, const struct fit_data *data)
{
    *out = (struct fit_report){0};
    int status = method_check_validation(m, data->n_val);
    return status == OK ? m->ops->fit(out, m, data) : status;
}

void method_output_free(struct method_output *out)
{
    tape_free(&out->tape);
}

int method_merge(const struct method *m, struct weights *w)
{
    const int64_t n_layers[] = {
        [TOWER_TEXT] = w->dims.text.n_layers, [TOWER_VISION] = w->dims.vision.n_layers};
    if (!m->ops->merge)
        return error_set(ERR_USAGE, "method %s does not change CLIP's weights, as clip_lora and two_stage do",
                         method_kind_names[m->options.kind]);
    int status = OK;
    for (int tower = TOWER_TEXT; tower <= TOWER_VISION; tower++)
        for (int64_t i = 0; status == OK && i < n_layers[tower]; i++)
            status = m->ops->merge(m, w, (enum tower)tower, i);
    return status;
}

int method_backward(struct method_output *out, scope *s, const tensor *loss)
{
    return tape_backward(&out->tape, s, loss);
}

/* The agreement of iteration n with the frozen CLIP. */
static struct agreement agreement_of(scope *s, const struct method *m, const struct method_output *output,
                                     int64_t n)
{
    const struct regularization_options *o = &m->options.regularization;
    if (agreement_reads_teacher(o) && !output->teacher) {
        scope_fail(
            s, error_set(ERR_USAGE, "the classes have no text features of the frozen CLIP to agree with"));
        return (struct agreement){0};
    }
    struct agreement_inputs in = {.text = output->text[n],
                                  .teacher = output->teacher,
                                  .image = output->features[n],
                                  .clip = output->features[0],
                                  .logits = output->logits[n]};
    if (o->logits_weight > 0.0)
        in.teacher_logits = clip_logits(s, m->clip, in.clip, in.teacher);
    return agreement_terms(s, o, &in);
}

/* sum += factor * term, where NULL is 0. */
static void add_term(scope *s, tensor **sum, tensor *term, double factor)
{
    tensor *weighted = term ? t_scale(s, term, factor) : NULL;
    if (weighted)
        *sum = *sum ? t_add(s, *sum, weighted) : weighted;
}

struct method_losses method_loss(scope *s, const struct method *m, const struct method_output *output,
                                 const tensor *labels)
{
    const int64_t N = output->n_iterations;
    struct method_losses losses = {.total = NULL};
    for (int64_t n = 1; n <= N; n++) {
        const double factor = pow(m->options.loss_weight, (double)(N - n));
        losses.cross_entropy[n - 1] = t_cross_entropy(s, output->logits[n], labels);
        add_term(s, &losses.total, losses.cross_entropy[n - 1], factor);
        const struct agreement one = agreement_of(s, m, output, n);
        add_term(s, &losses.agreement.text, one.text, factor);
        add_term(s, &losses.agreement.image, one.image, factor);
        add_term(s, &losses.agreement.logits, one.logits, factor);
    }
    add_term(s, &losses.total, losses.agreement.text, 1.0);
    add_term(s, &losses.total, losses.agreement.image, 1.0);
    add_term(s, &losses.total, losses.agreement.logits, 1.0);
    return losses;
}
