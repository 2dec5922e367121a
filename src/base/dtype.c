/* Types of numbers. */
#include "prompt/base/dtype.h"

const char *dtype_name(enum dtype dtype)
{
    static const char *const names[] = {"float32", "float64", "float16", "bfloat16",
                                        "int64",   "int32",   "uint8",   "bool"};
    return names[dtype];
}

size_t dtype_size(enum dtype dtype)
{
    static const size_t sizes[] = {4, 8, 2, 2, 8, 4, 1, 1};
    return sizes[dtype];
}
