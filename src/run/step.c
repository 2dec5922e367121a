/* A step of training, and one of evaluation. */
#include "step.h"

#include <math.h>

#include "prompt/nn/exchange.h"

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

enum { N_OTHERS = 2 + N_AGREEMENTS, MAX_NUMBERS = 2 * METHOD_MAX_ITERATIONS + N_OTHERS };

/* The numbers of a step that leave the device: the losses [N], how many images each p^n has wrong [N], the loss, the
 * largest gradient, the terms of agreement. */
static tensor *stack_numbers(scope *s, const struct method *m, const struct method_output *output,
                             const struct method_losses *losses, const tensor *labels)
{
    const int64_t N = m->options.n_iterations;
    const tensor *values[MAX_NUMBERS];
    const tensor *none = t_zeros(s, NULL, 0, t_dtype(losses->total), m->clip->device);
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
        values[2 * N + 2 + i] = agreement[i] ? agreement[i] : none;
    return t_stack(s, values, (size_t)(2 * N + N_OTHERS), 0);
}

static int read_numbers(struct step_numbers *out, scope *s, const struct method *m, const tensor *stacked,
                        int64_t n_images)
{
    const int64_t N = m->options.n_iterations;
    double numbers[MAX_NUMBERS];
    int status = t_read_f64(numbers, (size_t)(2 * N + N_OTHERS), s, stacked);
    if (status != OK)
        return status;
    for (int i = 0; i < N_AGREEMENTS; i++)
        out->agreement[i] = numbers[2 * N + 2 + i];
    for (int64_t n = 0; n < N; n++) {
        out->losses[n] = numbers[n];
        out->accuracies[n] = 1.0 - numbers[N + n] / (double)n_images;
    }
    out->loss = numbers[2 * N];
    out->largest_gradient = numbers[2 * N + 1];
    return OK;
}

bool step_is_finite(const struct step_numbers *numbers)
{
    return isfinite(numbers->loss) && isfinite(numbers->largest_gradient);
}

/* The numbers and gradients of all ranks: sums of weighted ones, in the order of ranks. */
static int combine(struct step_numbers *out, scope *s, const struct method *m, const struct step_batch *batch)
{
    const size_t N = (size_t)m->options.n_iterations;
    double sums[2 * METHOD_MAX_ITERATIONS + N_AGREEMENTS + 1], *at = sums;
    struct {
        double *values;
        size_t n;
    } parts[] = {{out->losses, N}, {out->accuracies, N}, {out->agreement, N_AGREEMENTS}, {&out->loss, 1}};
    enum { N_PARTS = sizeof parts / sizeof parts[0] };
    int status = exchange_gradients(&out->largest_gradient, s, batch->ranks, &m->trained);
    for (size_t i = 0; i < N_PARTS; i++)
        for (size_t k = 0; k < parts[i].n; k++)
            *at++ = batch->weight * parts[i].values[k];
    if (status == OK)
        status = ranks_sum(batch->ranks, sums, (size_t)(at - sums), DTYPE_F64);
    at = sums;
    for (size_t i = 0; i < N_PARTS; i++)
        for (size_t k = 0; k < parts[i].n; k++)
            parts[i].values[k] = *at++;
    return status;
}

tensor *step_compute(scope *s, const struct method *m, struct optimizer *optimizer,
                     const struct class_texts *classes, const struct step_batch *batch)
{
    struct method_output output;
    optimizer_clear_grad(optimizer);
    method_forward(&output, s, m,
                   &(struct method_inputs){.classes = classes,
                                           .pixels = batch->pixels,
                                           .skips_clip = true,
                                           .step = batch->step,
                                           .first_image = batch->first_image});
    const struct method_losses losses = method_loss(s, m, &output, batch->labels);
    const tensor *loss = batch->loss_weight ? t_mul(s, losses.total, batch->loss_weight) : losses.total;
    int status = method_backward(&output, s, loss);
    tensor *numbers = status == OK ? stack_numbers(s, m, &output, &losses, batch->labels) : NULL;
    method_output_free(&output);
    return numbers;
}

int step_train(struct step_numbers *out, scope *s, const struct method *m, struct optimizer *optimizer,
               const struct class_texts *classes, struct step_batch batch, double lr)
{
    const tensor *numbers = step_compute(s, m, optimizer, classes, &batch);
    int status = read_numbers(out, s, m, numbers, t_size(batch.labels, 0));
    if (status == OK && batch.ranks)
        status = combine(out, s, m, &batch);
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
