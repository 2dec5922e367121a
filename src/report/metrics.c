/* Accuracies from logits. */
#include "prompt/report/metrics.h"

#include <math.h>
#include <stdlib.h>

int metrics_create(struct metrics *out, int64_t n_iterations, int64_t n_classes)
{
    *out = (struct metrics){.n_iterations = n_iterations, .n_classes = n_classes};
    out->n_correct = calloc((size_t)n_iterations + 1, sizeof *out->n_correct);
    out->confusion = calloc((size_t)(n_classes * n_classes), sizeof *out->confusion);
    if (out->n_correct && out->confusion)
        return OK;
    metrics_free(out);
    return error_out_of_memory();
}

void metrics_free(struct metrics *m)
{
    free(m->n_correct);
    free(m->confusion);
    *m = (struct metrics){0};
}

int64_t metrics_predict(const float *logits, int64_t n_classes)
{
    int64_t best = 0;
    for (int64_t k = 1; k < n_classes; k++)
        if (logits[k] > logits[best])
            best = k;
    return best;
}

double metrics_probability(const float *logits, int64_t n_classes, int64_t class_idx)
{
    const double largest = (double)logits[metrics_predict(logits, n_classes)];
    double sum = 0.0;
    for (int64_t k = 0; k < n_classes; k++)
        sum += exp((double)logits[k] - largest);
    return exp((double)logits[class_idx] - largest) / sum;
}

void metrics_add(struct metrics *m, const float *logits, const int64_t *labels, int64_t n)
{
    const int64_t N = m->n_iterations, K = m->n_classes;
    for (int64_t i = 0; i < n; i++) {
        int64_t predicted = 0;
        for (int64_t k = 0; k <= N; k++) {
            predicted = metrics_predict(logits + (i * (N + 1) + k) * K, K);
            m->n_correct[k] += predicted == labels[i];
        }
        m->confusion[labels[i] * K + predicted]++;
    }
    m->n_images += n;
}

double metrics_accuracy(const struct metrics *m, int64_t n)
{
    return m->n_images > 0 ? (double)m->n_correct[n] / (double)m->n_images : 0.0;
}

static int64_t row_sum(const struct metrics *m, int64_t class_idx)
{
    int64_t sum = 0;
    for (int64_t k = 0; k < m->n_classes; k++)
        sum += m->confusion[class_idx * m->n_classes + k];
    return sum;
}

static int64_t column_sum(const struct metrics *m, int64_t class_idx)
{
    int64_t sum = 0;
    for (int64_t k = 0; k < m->n_classes; k++)
        sum += m->confusion[k * m->n_classes + class_idx];
    return sum;
}

double metrics_class_accuracy(const struct metrics *m, int64_t class_idx)
{
    int64_t n = row_sum(m, class_idx);
    int64_t hits = m->confusion[class_idx * m->n_classes + class_idx];
    return n > 0 ? (double)hits / (double)n : (double)NAN;
}

double metrics_macro_f1(const struct metrics *m)
{
    double sum = 0.0;
    int64_t n_present = 0;
    for (int64_t k = 0; k < m->n_classes; k++) {
        int64_t n = row_sum(m, k);
        if (n == 0)
            continue;
        n_present++;
        /* tp + fn = row, tp + fp = column */
        sum += 2.0 * (double)m->confusion[k * m->n_classes + k] / (double)(n + column_sum(m, k));
    }
    return n_present > 0 ? sum / (double)n_present : 0.0;
}

int64_t metrics_n_predicted(const struct metrics *m)
{
    int64_t n = 0;
    for (int64_t k = 0; k < m->n_classes; k++)
        n += column_sum(m, k) > 0;
    return n;
}

double harmonic_mean(double base, double new_)
{
    return base + new_ > 0.0 ? 2.0 * base * new_ / (base + new_) : 0.0;
}
