/** Comparison of tensors: one line per comparison, and a verdict. */
#ifndef PROMPT_TESTS_TENSOR_CHECK_H
#define PROMPT_TESTS_TENSOR_CHECK_H

#include "prompt/torch/torch.h"

/**
 * The largest difference of `got` and `want` divided by the largest absolute value of `want` (max-norm);
 * infinite if shapes differ or anything is not finite. If `want` is all zero, the largest absolute value of
 * `got`.
 */
double tensor_relative_error(scope *s, const tensor *got, const tensor *want);

/** The largest absolute difference; infinite if shapes differ or anything is not finite. */
double tensor_max_difference(scope *s, const tensor *got, const tensor *want);

#endif
