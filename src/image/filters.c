/* Pillow's resampling filters (libImaging/Resample.c). */
#include "filters.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

/* Keys' cubic convolution with a = -1/2. */
static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0)
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
}

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double sinc(double x)
{
    if (x == 0.0)
        return 1.0;
    x *= PI;
    return sin(x) / x;
}

static double lanczos(double x)
{
    return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
}

static double box(double x)
{
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

static double hamming(double x)
{
    x = fabs(x);
    if (x == 0.0)
        return 1.0;
    return x < 1.0 ? sinc(x) * (0.54 + 0.46 * cos(x * PI)) : 0.0;
}

const struct filter filters[] = {
    [INTERPOLATION_BICUBIC] = {bicubic, 2.0}, [INTERPOLATION_BILINEAR] = {bilinear, 1.0},
    [INTERPOLATION_LANCZOS] = {lanczos, 3.0}, [INTERPOLATION_BOX] = {box, 0.5},
    [INTERPOLATION_HAMMING] = {hamming, 1.0},
};
