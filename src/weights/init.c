/*
 * Random initialization of weights, as in OpenAI's model.py.
 *
 * Every tensor has its own stream of random numbers. The inverse of the distribution (P. J. Acklam's rational
 * approximation, relative error 1.2e-9: finer than fp32) makes a normal number of one 32-bit output. Besides
 * exact arithmetic it needs only a logarithm, for the outer 5 %, so files are the same on every machine whose
 * logarithm is correct to fp32, and ViT-B/16's 150 million numbers take seconds.
 */
#include "prompt/weights/weights.h"

#include <math.h>
#include <stdlib.h>

#include "arch.h"
#include "prompt/base/rng.h"
#include "specs.h"

/* ln 100: OpenAI's training clips the logit scale there and ends there. */
static const double trained_logit_scale = 4.6051701859880913680;

/* ---------------------------------------------------------------- numbers */

static double polynomial(const double *coefficients, int n, double x)
{
    double sum = coefficients[0];
    for (int i = 1; i < n; i++)
        sum = sum * x + coefficients[i];
    return sum;
}

/* The standard normal's quantile for 0 < p < 1. */
static double normal_quantile(double p)
{
    static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                               1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
    static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02,  -1.556989798598866e+02,
                               6.680131188771972e+01,  -1.328068155288572e+01, 1.0};
    static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                               -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
    static const double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                               3.754408661907416e+00, 1.0};
    const double tail = 0.02425;
    if (p < tail) {
        double q = sqrt(-2.0 * log(p));
        return polynomial(c, 6, q) / polynomial(d, 5, q);
    }
    if (p > 1.0 - tail)
        return -normal_quantile(1.0 - p);
    double q = p - 0.5;
    return polynomial(a, 6, q * q) * q / polynomial(b, 6, q * q);
}

/* Strictly between 0 and 1, symmetric around 1/2. */
static double open_uniform(struct rng *r)
{
    return ((double)rng_u32(r) + 0.5) * 0x1p-32;
}

/* ---------------------------------------------------------------- distributions */

enum shape_of { CONSTANT, UNIFORM, NORMAL };

/* Values of one tensor: `scale` is the constant, the bound of [-scale, scale], or the standard deviation. */
struct distribution {
    enum shape_of shape;
    double scale;
};

/* Text blocks: normal, with standard deviations by width and depth. */
static struct distribution text_distribution(enum weight_role role, const struct tower_dims *t)
{
    const double width = (double)t->width;
    const double residual = sqrt(2.0 * (double)t->n_layers);
    switch (role) {
    case WEIGHT_TOKENS:
        return (struct distribution){NORMAL, 0.02};
    case WEIGHT_TEXT_POSITIONS:
        return (struct distribution){NORMAL, 0.01};
    case WEIGHT_ATTENTION_IN:
    case WEIGHT_TEXT_PROJECTION:
        return (struct distribution){NORMAL, 1.0 / sqrt(width)};
    case WEIGHT_ATTENTION_OUT:
    case WEIGHT_MLP_OUT:
        return (struct distribution){NORMAL, 1.0 / (sqrt(width) * residual)};
    case WEIGHT_MLP_IN:
        return (struct distribution){NORMAL, 1.0 / sqrt(2.0 * width)};
    case WEIGHT_LOGIT_SCALE:
    case WEIGHT_VISION_EMBEDDING:
    case WEIGHT_PATCHES:
    case WEIGHT_NORM_WEIGHT:
    case WEIGHT_NORM_BIAS:
    case WEIGHT_ATTENTION_BIAS:
    case WEIGHT_MLP_IN_BIAS:
    case WEIGHT_MLP_OUT_BIAS:
        break;
    }
    return (struct distribution){CONSTANT, 0.0};
}

/* Image blocks: PyTorch's defaults, 1/sqrt(fan in) for linear layers and convolutions, Xavier for
 * query-key-value. */
static struct distribution vision_distribution(enum weight_role role, const struct clip_dims *dims)
{
    const double width = (double)dims->vision.width;
    switch (role) {
    case WEIGHT_VISION_EMBEDDING:
        return (struct distribution){NORMAL, 1.0 / sqrt(width)};
    case WEIGHT_PATCHES:
        return (struct distribution){UNIFORM, 1.0 / sqrt(3.0 * (double)(dims->patch_px * dims->patch_px))};
    case WEIGHT_ATTENTION_IN:
        return (struct distribution){UNIFORM, sqrt(6.0 / (4.0 * width))}; /* fans: width in, 3 width out */
    case WEIGHT_ATTENTION_OUT:
    case WEIGHT_MLP_IN:
        return (struct distribution){UNIFORM, 1.0 / sqrt(width)};
    case WEIGHT_MLP_OUT:
        return (struct distribution){UNIFORM, 1.0 / sqrt((double)dims->vision.mlp_width)};
    case WEIGHT_LOGIT_SCALE:
    case WEIGHT_TOKENS:
    case WEIGHT_TEXT_POSITIONS:
    case WEIGHT_TEXT_PROJECTION:
    case WEIGHT_NORM_WEIGHT:
    case WEIGHT_NORM_BIAS:
    case WEIGHT_ATTENTION_BIAS:
    case WEIGHT_MLP_IN_BIAS:
    case WEIGHT_MLP_OUT_BIAS:
        break;
    }
    return (struct distribution){CONSTANT, 0.0};
}

static bool is_block_matrix(enum weight_role role)
{
    return role == WEIGHT_ATTENTION_IN || role == WEIGHT_ATTENTION_OUT || role == WEIGHT_MLP_IN ||
           role == WEIGHT_MLP_OUT;
}

static struct distribution distribution_of(const struct weight_spec *spec, const struct clip_dims *dims,
                                           double gain)
{
    const struct tower_dims *tower = spec->is_vision ? &dims->vision : &dims->text;
    if (spec->role == WEIGHT_LOGIT_SCALE)
        return (struct distribution){CONSTANT, trained_logit_scale};
    if (spec->role == WEIGHT_NORM_WEIGHT)
        return (struct distribution){CONSTANT, 1.0};
    if (spec->role == WEIGHT_MLP_IN_BIAS) /* PyTorch's default in both towers */
        return (struct distribution){UNIFORM, 1.0 / sqrt((double)tower->width)};
    if (spec->role == WEIGHT_MLP_OUT_BIAS)
        return (struct distribution){UNIFORM, 1.0 / sqrt((double)tower->mlp_width)};
    struct distribution d =
        spec->is_vision ? vision_distribution(spec->role, dims) : text_distribution(spec->role, tower);
    if (is_block_matrix(spec->role))
        d.scale *= gain;
    return d;
}

/* ---------------------------------------------------------------- tensors */

static void fill(float *out, size_t n, struct distribution d, uint64_t seed, uint64_t tensor_idx)
{
    struct rng r;
    rng_init(&r, seed, RNG_MODEL_INIT, 0, tensor_idx);
    switch (d.shape) {
    case CONSTANT:
        for (size_t i = 0; i < n; i++)
            out[i] = (float)d.scale;
        break;
    case UNIFORM:
        for (size_t i = 0; i < n; i++)
            out[i] = (float)(d.scale * (2.0 * open_uniform(&r) - 1.0));
        break;
    case NORMAL:
        for (size_t i = 0; i < n; i++)
            out[i] = (float)(d.scale * normal_quantile(open_uniform(&r)));
        break;
    }
}

static int add_tensor(struct weights *w, const struct weight_spec *spec, struct distribution d, uint64_t seed,
                      uint64_t tensor_idx)
{
    size_t n = 1;
    for (size_t i = 0; i < spec->n_dims; i++)
        n *= (size_t)spec->dims[i];
    float *values = malloc(n * sizeof *values);
    if (!values)
        return error_out_of_memory();
    fill(values, n, d, seed, tensor_idx);
    tensor *t =
        t_from_f32(w->scope, values, spec->dims, spec->n_dims, DTYPE_F32, (struct device){DEVICE_CPU, 0});
    free(values);
    return t ? params_add(&w->tensors, spec->name, t) : scope_status(w->scope);
}

int weights_init_dims(struct weights **out, scope *parent, const struct clip_dims *dims, uint64_t seed,
                      double gain)
{
    *out = NULL;
    if (!isfinite(gain) || gain <= 0)
        return error_set(ERR_USAGE, "gain %g: expected a positive number", gain);
    struct weights *w = NULL;
    struct weight_specs specs = {0};
    int status = weights_create(&w, parent);
    if (status == OK) {
        w->dims = *dims;
        w->preprocess = preprocess_default(dims->image_px);
        w->format = WEIGHTS_PROMPT;
        status = weight_specs_create(&specs, dims);
    }
    for (size_t i = 0; i < specs.n && status == OK; i++)
        status = add_tensor(w, &specs.items[i], distribution_of(&specs.items[i], dims, gain), seed, i);
    weight_specs_free(&specs);
    if (status != OK) {
        weights_close(w);
        return status;
    }
    *out = w;
    return OK;
}

int weights_init(struct weights **out, scope *parent, const char *arch, uint64_t seed, double gain)
{
    *out = NULL;
    struct clip_dims dims;
    int status = weights_arch_dims(&dims, arch);
    return status == OK ? weights_init_dims(out, parent, &dims, seed, gain) : status;
}
