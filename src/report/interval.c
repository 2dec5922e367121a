/* Intervals of paired differences. */
#include "prompt/report/interval.h"

#include <math.h>

static double mean_of(const double *values, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return n > 0 ? sum / (double)n : (double)NAN;
}

double sample_sd(const double *values, size_t n)
{
    const double mean = mean_of(values, n);
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += (values[i] - mean) * (values[i] - mean);
    return n > 1 ? sqrt(sum / (double)(n - 1)) : (double)NAN;
}

static struct interval around_mean(const double *d, size_t n, double factor)
{
    const double mean = mean_of(d, n), half = factor * sample_sd(d, n) / sqrt((double)n);
    return (struct interval){.mean = mean, .low = mean - half, .high = mean + half, .n = n};
}

struct interval interval_normal(const double *d, size_t n)
{
    return around_mean(d, n, 1.959963984540054);
}

struct interval interval_student(const double *d, size_t n)
{
    return around_mean(d, n, n > 1 ? student_t95(n - 1) : (double)NAN);
}

/* The probability of |T| <= t: the finite sums for whole degrees of freedom (Abramowitz and Stegun, 26.7.3 and
 * 26.7.4). */
static double probability_within(double t, size_t n_degrees)
{
    const double pi = 3.14159265358979323846;
    const double angle = atan(t / sqrt((double)n_degrees)), cosine = cos(angle);
    const size_t odd = n_degrees % 2;
    double term = odd ? cosine : 1.0, sum = n_degrees > 1 ? term : 0.0;
    for (size_t k = 2 + odd; k + 1 < n_degrees; k += 2) {
        term *= cosine * cosine * (double)(k - 1) / (double)k;
        sum += term;
    }
    return odd ? 2.0 / pi * (angle + sin(angle) * sum) : sin(angle) * sum;
}

double student_t95(size_t n_degrees)
{
    double low = 0.0, high = 20.0; /* of one degree: 12.7 */
    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2.0;
        if (probability_within(middle, n_degrees) < 0.95)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2.0;
}
