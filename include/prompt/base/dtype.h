/** Types of numbers in tensors and in files of weights. */
#ifndef PROMPT_BASE_DTYPE_H
#define PROMPT_BASE_DTYPE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dtype { DTYPE_F32, DTYPE_F64, DTYPE_F16, DTYPE_BF16, DTYPE_I64, DTYPE_I32, DTYPE_U8, DTYPE_BOOL };

const char *dtype_name(enum dtype dtype); /* "float32", ... */
size_t dtype_size(enum dtype dtype);      /* bytes of one element */

#ifdef __cplusplus
}
#endif

#endif
