/** Eigenvalues of small matrices on the host. Free of libtorch. */
#ifndef PROMPT_NN_EIGENVALUE_H
#define PROMPT_NN_EIGENVALUE_H

#include <stdint.h>

/** The largest eigenvalue of a symmetric positive semidefinite matrix [n,n], by power iteration from a fixed
 * random vector. ERR_MEMORY. */
int largest_eigenvalue(double *out, const double *matrix, int64_t n);

#endif
