#include "tensor_check.h"

#include <math.h>

static bool same_shape(const tensor *a, const tensor *b)
{
    bool same = a && b && t_dim(a) == t_dim(b);
    for (int64_t i = 0; same && i < t_dim(a); i++)
        same = t_size(a, i) == t_size(b, i);
    return same;
}

/* Recorded values lie on the host. */
static tensor *on_host(scope *s, const tensor *t)
{
    return t_to(s, t_to_device(s, t_detach(s, t), (struct device){DEVICE_CPU, 0}), DTYPE_F64);
}

static double largest(scope *s, const tensor *t)
{
    double value = NAN;
    return t_item_f64(&value, s, t_max(s, t_abs(s, t))) == OK ? value : (double)NAN;
}

double tensor_max_difference(scope *s, const tensor *got, const tensor *want)
{
    if (!same_shape(got, want))
        return (double)INFINITY;
    double value = largest(s, t_sub(s, on_host(s, got), on_host(s, want)));
    return isfinite(value) ? value : (double)INFINITY;
}

double tensor_relative_error(scope *s, const tensor *got, const tensor *want)
{
    double difference = tensor_max_difference(s, got, want);
    double size = same_shape(got, want) ? largest(s, on_host(s, want)) : 0.0;
    return size > 0.0 ? difference / size : difference;
}
