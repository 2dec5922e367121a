/* What fitted methods share. */
#include "prompt/methods/fit.h"

#include <stdlib.h>
#include <string.h>

void fit_report_add(struct fit_report *r, const char *name, double value)
{
    r->numbers[r->n++] = (struct fit_number){name, value};
}

/* ---------------------------------------------------------------- rows and labels */

int64_t *fit_row_labels(const struct fit_data *data)
{
    const size_t n = (size_t)data->n;
    int64_t *labels = malloc((size_t)data->n_views * n * sizeof *labels);
    for (int64_t v = 0; labels && v < data->n_views; v++)
        memcpy(labels + (size_t)v * n, data->labels, n * sizeof *labels);
    if (!labels)
        error_out_of_memory();
    return labels;
}

tensor *fit_one_hot(scope *s, const int64_t *labels, int64_t n, int64_t n_classes, enum dtype dtype,
                    struct device device)
{
    float *rows = calloc((size_t)(n * n_classes), sizeof *rows);
    if (!rows) {
        scope_fail(s, error_out_of_memory());
        return NULL;
    }
    for (int64_t i = 0; i < n; i++)
        rows[i * n_classes + labels[i]] = 1.0F;
    tensor *t = t_from_f32(s, rows, SHAPE(n, n_classes), dtype, device);
    free(rows);
    return t;
}

tensor *fit_captions(scope *s, const tensor *captions, enum dtype dtype)
{
    return t_normalize(s, t_to(s, t_select(s, captions, 0, 0), dtype), -1);
}

/* ---------------------------------------------------------------- accuracy */

double fit_accuracy(const float *logits, const int64_t *labels, int64_t n, int64_t n_classes)
{
    int64_t n_correct = 0;
    for (int64_t i = 0; i < n; i++) {
        const float *row = logits + i * n_classes;
        int64_t top = 0;
        for (int64_t k = 1; k < n_classes; k++)
            top = row[k] > row[top] ? k : top;
        n_correct += top == labels[i];
    }
    return (double)n_correct / (double)n;
}

double fit_accuracy_of(scope *s, const tensor *logits, const int64_t *labels)
{
    const int64_t n = t_size(logits, 0), K = t_size(logits, 1);
    float *values = scope_ok(s) ? malloc((size_t)(n * K) * sizeof *values) : NULL;
    if (!values && scope_ok(s))
        scope_fail(s, error_out_of_memory());
    const bool is_read = values && t_read_f32(values, (size_t)(n * K), s, logits) == OK;
    const double accuracy = is_read ? fit_accuracy(values, labels, n, K) : 0.0;
    free(values);
    return accuracy;
}
