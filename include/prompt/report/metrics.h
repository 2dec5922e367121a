/** Accuracy per iteration, per class, macro-F1 and the confusion matrix, from logits on the host. */
#ifndef PROMPT_REPORT_METRICS_H
#define PROMPT_REPORT_METRICS_H

#include <stdint.h>

#include "prompt/base/error.h"

struct metrics {
    int64_t n_iterations; /* N; predictions for n = 0..N */
    int64_t n_classes;    /* K */
    int64_t n_images;
    int64_t *n_correct; /* [N+1], owned */
    int64_t *confusion; /* [K,K], owned; row: true class, column: class predicted after iteration N */
};

int metrics_create(struct metrics *out, int64_t n_iterations, int64_t n_classes);
void metrics_free(struct metrics *m);

/**
 * Adds images. Of equal logits the lowest label wins.
 * @param logits  [n, N+1, K]
 * @param labels  [n]
 */
void metrics_add(struct metrics *m, const float *logits, const int64_t *labels, int64_t n);

/** The class of the highest logit; the lowest of equals. */
int64_t metrics_predict(const float *logits, int64_t n_classes);

/** The softmax probability of one class. */
double metrics_probability(const float *logits, int64_t n_classes, int64_t class_idx);

/** The fraction that is right after iteration n. */
double metrics_accuracy(const struct metrics *m, int64_t n);
/** The same of one class after iteration N; NaN for a class without images. */
double metrics_class_accuracy(const struct metrics *m, int64_t class_idx);
/** Mean over the classes that have images of 2 tp / (2 tp + fp + fn). */
double metrics_macro_f1(const struct metrics *m);
/** The number of different classes among the predictions. */
int64_t metrics_n_predicted(const struct metrics *m);

/** 2 base new / (base + new); 0 if both are 0. */
double harmonic_mean(double base, double new_);

#endif
