#include "tensor_check.h"

#include <math.h>

static bool same_shape(const tensor *a, const tensor *b)
{
    bool same = a && b && t_dim(a) == t_dim(b);
    for (int64_t i = 0; same && i < t_dim(a); i++)
        same = t_size(a, i) == t_size(b, i);
    return same;
}

static double largest(scope *s, const tensor *t)
{
    double value = NAN;
    return t_item_f64(&value, s, t_max(s, t_abs(s, t_to(s, t_detach(s, t), DTYPE_F64)))) == OK ? value
                                                                                               : (double)NAN;
}

double tensor_max_difference(scope *s, const tensor *got, const tensor *want)
{
    if (!same_shape(got, want))
        return (double)INFINITY;
    tensor *a = t_to(s, t_detach(s, got), DTYPE_F64);
    double value = largest(s, t_sub(s, a, t_to(s, t_detach(s, want), DTYPE_F64)));
    return isfinite(value) ? value : (double)INFINITY;
}

double tensor_relative_error(scope *s, const tensor *got, const tensor *want)
{
    double difference = tensor_max_difference(s, got, want);
    double size = same_shape(got, want) ? largest(s, want) : 0.0;
    return size > 0.0 ? difference / size : difference;
}
