/** Arrays for numpy: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0. */
#ifndef PROMPT_BASE_NPY_H
#define PROMPT_BASE_NPY_H

#include <stdint.h>

#include "prompt/base/error.h"

/** Writes `values` [n_rows,n_columns] as float32 in C order; the file is whole or not there. */
int npy_write_f32(const char *path, const float *values, int64_t n_rows, int64_t n_columns);

#endif
