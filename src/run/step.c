/* A step of training, and one of evaluation. */
#include "step.h"

#include <math.h>

/* The number of images whose class of the largest logit [B,K] is not their label [B]; a scalar. */
static tensor *count_wrong(scope *s, const tensor *logits, const tensor *labels)
{
    tensor *top = t_reshape(s, t_top_indices(s, logits, 1), SHAPE(t_size(labels, 0)));
    tensor *distance = t_abs(s, t_sub(s, t_to(s, top, DTYPE_F64), t_to(s, labels, DTYPE_F64)));
    t_clamp_max_(s, distance, 1.0);
    return t_to(s, t_sum(s, distance), t_dtype(logits));
}

/* The largest gradient's size, a scalar that keeps NaN; NULL if there is none, which the optimizer reports. */
static tensor *largest_gradient(scope *s, const struct method *m)
{
    tensor *largest = NULL;
    for (size_t i = 0; i < m->trained.n; i++) {
        tensor *grad = t_grad(s, m->trained.items[i].value);
        if (!grad)
            continue;
        tensor *size = t_max(s, t_abs(s, grad));
        largest = largest ? t_max(s, t_stack(s, TENSORS(largest, size), 0)) : size;
    }
    return largest;
}

static int read_numbers(struct step_numbers *out, scope *s, const struct method *m,
                        const struct method_output *output, const struct method_losses *losses,
                        const tensor *labels)
{
    enum { N_OTHERS = 2 + N_AGREEMENTS };
    const int64_t N = m->options.n_iterations;
    const tensor *values[2 * METHOD_MAX_ITERATIONS + N_OTHERS];
    double numbers[2 * METHOD_MAX_ITERATIONS + N_OTHERS];
    for (int64_t n = 0; n < N; n++) {
        values[n] = losses->cross_entropy[n];
        values[N + n] = count_wrong(s, output->logits[n + 1], labels);
    }
    values[2 * N] = losses->total;
    const tensor *largest = largest_gradient(s, m);
    values[2 * N + 1] = largest ? largest : losses->total;
    const tensor *const agreement[] = {losses->agreement.text, losses->agreement.image,
                                       losses->agreement.logits};
    for (int i = 0; i < N_AGREEMENTS; i++)
        values[2 * N + 2 + i] = agreement[i] ? agreement[i] : losses->total;
    const size_t n_values = (size_t)(2 * N + N_OTHERS);
    int status = t_read_f64(numbers, n_values, s, t_stack(s, values, n_values, 0));
    if (status != OK)
        return status;
    for (int i = 0; i < N_AGREEMENTS; i++)
        out->agreement[i] = agreement[i] ? numbers[2 * N + 2 + i] : 0.0;
    for (int64_t n = 0; n < N; n++) {
        out->losses[n] = numbers[n];
        out->accuracies[n] = 1.0 - numbers[N + n] / (double)t_size(labels, 0);
    }
    out->loss = numbers[2 * N];
    out->largest_gradient = numbers[2 * N + 1];
    return OK;
}

bool step_is_finite(const struct step_numbers *numbers)
{
    return isfinite(numbers->loss) && isfinite(numbers->largest_gradient);
}

int step_train(struct step_numbers *out, scope *s, const struct method *m, struct optimizer *optimizer,
               const struct class_texts *classes, struct step_batch batch, double lr)
{
    struct method_output output;
    optimizer_clear_grad(optimizer);
    method_forward(&output, s, m,
                   &(struct method_inputs){
                       .classes = classes, .pixels = batch.pixels, .skips_clip = true, .step = batch.step});
    const struct method_losses losses = method_loss(s, m, &output, batch.labels);
    int status = method_backward(&output, s, losses.total);
    if (status == OK)
        status = read_numbers(out, s, m, &output, &losses, batch.labels);
    method_output_free(&output);
    return status == OK && step_is_finite(out) ? optimizer_step(optimizer, lr, batch.stage_step) : status;
}

int step_logits(float *logits, struct step_features *computed, scope *parent, const struct method *m,
                const struct class_texts *classes, const struct step_inputs *in)
{
    scope *s = scope_open(parent, SCOPE_GRAD_OFF);
    struct method_output out;
    method_forward(&out, s, m,
                   &(struct method_inputs){.classes = classes,
                                           .fixed_text = in->fixed_text,
                                           .pixels = in->pixels,
                                           .features = in->features});
    const int64_t N = out.n_iterations;
    tensor *all = t_stack(s, (const tensor *const *)out.logits, (size_t)N + 1, 1);
    const int64_t B = t_size(out.features[0], 0), d = t_size(out.features[0], 1);
    int status = t_read_f32(logits, (size_t)(B * (N + 1) * classes->rows->n), s, all);
    if (status == OK && computed) {
        computed->dtype = t_dtype(out.features[0]);
        status = t_read_f32(computed->values, (size_t)(B * d), s, out.features[0]);
    }
    method_output_free(&out);
    int closed = scope_close(s);
    return status == OK ? closed : status;
}
