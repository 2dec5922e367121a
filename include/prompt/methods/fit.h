/**
 * Fitting: methods that learn from features of the frozen towers at once, instead of step by step, and the steps
 * that they share.
 *
 * Letters: V views of N training pictures, K classes, d the width of the joint embedding.
 */
#ifndef PROMPT_METHODS_FIT_H
#define PROMPT_METHODS_FIT_H

#include "prompt/methods/method.h"

/** What a method is fitted to; borrowed. */
struct fit_data {
    int64_t n_views, n;        /* V, at least 1; N */
    const float *features;     /* x^0 of the views, [V,N,d], as the encoder gives it: not normalized */
    const int64_t *labels;     /* [N] */
    int64_t n_val;             /* 0: there are no validation pictures */
    const float *val_features; /* [n_val,d], of pictures that are not augmented */
    const int64_t *val_labels; /* [n_val] */
    const tensor *captions;    /* Z^0 of the classes, [1,K,d] */
    uint64_t seed;
    /* of a method that takes steps */
    int64_t n_epochs, batch_size;
    double lr;
    /** Encodes the next view, newly augmented, into `features` [N,d]. */
    int (*next_view)(void *context, float *features);
    void *context;
};

/** What a fit chose, for log and user: "C" 0.316, "validation_accuracy" 0.81. */
struct fit_report {
    struct fit_number {
        const char *name; /* static */
        double value;
    } numbers[6];
    size_t n;
    const char *warning; /* static; NULL: none */
};
void fit_report_add(struct fit_report *r, const char *name, double value);

/** ERR_USAGE if the fit chooses on validation pictures, and there are none. */
int method_check_validation(const struct method *m, int64_t n_val);

/**
 * Sets the trained tensors of a method with method_is_fitted.
 * @return OK; ERR_USAGE for settings that the data do not allow; ERR_INTERRUPTED;
 * statuses of `next_view`; ERR_NUMERIC; ERR_MEMORY; ERR_TORCH. After a failure the tensors are not to be used
 */
int method_fit(struct fit_report *out, struct method *m, const struct fit_data *data);

/* ---------------------------------------------------------------- shared steps */

/** The labels of all views' rows, [V N]. Owned; NULL marks ERR_MEMORY. */
int64_t *fit_row_labels(const struct fit_data *data);
/** One-hot rows, [n,K] of `dtype`. */
tensor *fit_one_hot(scope *s, const int64_t *labels, int64_t n, int64_t n_classes, enum dtype dtype,
                    struct device device);
/** Z^0 [1,K,d] as rows of length 1, [K,d] of `dtype`. */
tensor *fit_captions(scope *s, const tensor *captions, enum dtype dtype);
/** The share of rows [n,K] whose largest value, the first of equals, is that of their label. */
double fit_accuracy(const float *logits, const int64_t *labels, int64_t n, int64_t n_classes);
/** The same of a tensor. Reads it from the device; a failure marks the scope and gives 0. */
double fit_accuracy_of(scope *s, const tensor *logits, const int64_t *labels);

#endif
