/** Multinomial logistic regression. */
#ifndef PROMPT_METHODS_LOGISTIC_H
#define PROMPT_METHODS_LOGISTIC_H

#include "prompt/nn/nn.h"

/**
 * Multinomial logistic regression with the objective of scikit-learn's LogisticRegression:
 *   min over W, b of |W|^2 / 2 + C sum_i CE(W x_i + b, y_i),   b is not penalized
 * by L-BFGS from 0, until no entry of the gradient of the objective over C N is larger than LOGISTIC_GRADIENT: a tenth
 * of what scikit-learn stops at.
 */
#define LOGISTIC_GRADIENT 1e-5

struct logistic_data {
    const float *x;        /* [N,d], borrowed, as the next */
    const int64_t *labels; /* [N] */
    int64_t n, d, n_classes;
    struct device device;
};
/**
 * @param out       [K,d+1], the last column is b: owned, free() frees it; NULL on failure
 * @param gradient  its largest entry at the end: above LOGISTIC_GRADIENT if 1,000 iterations did not suffice, or if a
 *                  line search found nothing better
 * @return OK; ERR_INTERRUPTED; ERR_NUMERIC; ERR_MEMORY; ERR_TORCH
 */
int logistic_fit(double **out, double *gradient, scope *parent, const struct logistic_data *data, double c);

#endif
