/** Intervals of paired differences: of two runs on the same pictures or with the same seeds, of two methods on the same data
 * sets. */
#ifndef PROMPT_REPORT_INTERVAL_H
#define PROMPT_REPORT_INTERVAL_H

#include <stddef.h>

/** A mean of paired differences and its 95 % interval; the bounds are NaN for fewer than two differences. */
struct interval {
    double mean, low, high;
    size_t n; /* differences */
};

/**
 * Over pictures: mean ± 1.96 s / sqrt(n), the normal interval of the mean of `d` [n], where d is the difference of
 * one picture (1, 0 or -1, or its mean over seeds) and s the sample standard deviation (n - 1) of the differences.
 */
struct interval interval_normal(const double *d, size_t n);

/** Over seeds or data sets: mean ± t s / sqrt(n), where t is the 97.5 % quantile of Student's t with n - 1 degrees of freedom. */
struct interval interval_student(const double *d, size_t n);

/** The t for which |T| <= t has probability 95 %, for n_degrees >= 1. */
double student_t95(size_t n_degrees);

/** The sample standard deviation (n - 1); NaN for fewer than two values. */
double sample_sd(const double *values, size_t n);

#endif
