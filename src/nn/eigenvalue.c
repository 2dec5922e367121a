/* Power iteration. */
#include "prompt/nn/eigenvalue.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/error.h"
#include "prompt/base/rng.h"

static double norm(const double *v, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++)
        sum += v[i] * v[i];
    return sqrt(sum);
}

static void multiply(double *out, const double *matrix, const double *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const double *row = matrix + i * n;
        double sum = 0.0;
        for (int64_t j = 0; j < n; j++)
            sum += row[j] * v[j];
        out[i] = sum;
    }
}

int largest_eigenvalue(double *out, const double *matrix, int64_t n)
{
    enum { MAX_ITERATIONS = 10000 };
    static const double CHANGE = 1e-13; /* relative, at which the value counts as found */
    double *v = malloc((size_t)n * sizeof *v), *next = malloc((size_t)n * sizeof *next);
    const int status = v && next ? OK : error_out_of_memory();
    double value = 0.0, before = -1.0;
    struct rng rng;
    rng_init(&rng, 0, RNG_INIT, 0, 0);
    for (int64_t i = 0; status == OK && i < n; i++)
        v[i] = rng_normal(&rng);
    for (int i = 0; status == OK && i < MAX_ITERATIONS && fabs(value - before) > CHANGE * value; i++) {
        const double length = norm(v, n);
        for (int64_t j = 0; j < n; j++)
            v[j] /= length;
        multiply(next, matrix, v, n);
        before = value;
        value = norm(next, n);
        if (value == 0.0) /* the matrix is 0 */
            break;
        memcpy(v, next, (size_t)n * sizeof *v);
    }
    *out = value;
    free(v);
    free(next);
    return status;
}
