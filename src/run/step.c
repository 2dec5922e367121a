/* A step of training, and one of evaluation. */
#include "step.h"

#include <math.h>
#include <string.h>

static int read_numbers(struct step_numbers *out, scope *s, const struct method *m, tensor *const *losses,
                        const tensor *total)
{
    const int64_t N = m->options.n_iterations;
    const tensor *values[METHOD_MAX_ITERATIONS + 2];
    double numbers[METHOD_MAX_ITERATIONS + 2];
    for (int64_t n = 0; n < N; n++)
        values[n] = losses[n];
    values[N] = total;
    tensor *largest = NULL; /* max keeps NaN */
    for (size_t i = 0; i < m->trained.n; i++) {
        tensor *grad = t_grad(s, m->trained.items[i].value);
        if (!grad)
            continue; /* the optimizer reports it */
        tensor *size = t_max(s, t_abs(s, grad));
        largest = largest ? t_max(s, t_stack(s, TENSORS(largest, size), 0)) : size;
    }
    values[N + 1] = largest ? largest : total;
    int status = t_read_f64(numbers, (size_t)N + 2, s, t_stack(s, values, (size_t)N + 2, 0));
    if (status != OK)
        return status;
    memcpy(out->losses, numbers, (size_t)N * sizeof numbers[0]);
    out->loss = numbers[N];
    out->largest_gradient = numbers[N + 1];
    return OK;
}

bool step_is_finite(const struct step_numbers *numbers)
{
    return isfinite(numbers->loss) && isfinite(numbers->largest_gradient);
}

int step_train(struct step_numbers *out, scope *s, const struct method *m, struct sgd *optimizer,
               const struct class_texts *classes, struct step_batch batch, double lr)
{
    struct method_output output;
    tensor *losses[METHOD_MAX_ITERATIONS] = {NULL};
    sgd_clear_grad(optimizer);
    method_forward(&output, s, m, classes, NULL, batch.pixels, NULL, NULL);
    tensor *loss = method_loss(losses, s, m, &output, batch.labels);
    int status = method_backward(&output, s, loss);
    if (status == OK)
        status = read_numbers(out, s, m, losses, loss);
    method_output_free(&output);
    return status == OK && step_is_finite(out) ? sgd_step(optimizer, lr) : status;
}

int step_logits(float *logits, struct step_features *computed, scope *parent, const struct method *m,
                const struct class_texts *classes, const struct step_inputs *in)
{
    scope *s = scope_open(parent, SCOPE_GRAD_OFF);
    struct method_output out;
    method_forward(&out, s, m, classes, in->fixed_text, in->pixels, in->features, NULL);
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
