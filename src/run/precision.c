/* What the towers' products are computed in. */
#include "precision.h"

#include "prompt/run/bench.h"

static bool is_of_bf16(const struct config *c, struct device device)
{
    return c->precision == PRECISION_BF16 && device.kind == DEVICE_CPU;
}

/* On a CPU without the instruction there is nothing to measure. */
static int choose_products(struct session *s)
{
    struct config *c = s->config;
    struct bench_bf16 rates = {0};
    int status = OK;
    if (!device_has_bf16(s->device)) {
        c->products = PRODUCTS_FP32;
        log_info(s->log,
                 "note: this processor has no products in bf16: weights are kept in bf16, products are "
                 "computed in fp32");
        return OK;
    }
    if ((status = bench_bf16_measure(&rates, s->device)) != OK)
        return status;
    c->products = bench_bf16_pays(&rates) ? PRODUCTS_BF16 : PRODUCTS_FP32;
    log_info(s->log, "note: products in bf16 run at %.2f times the rate of fp32 here: %s",
             rates.bf16 / rates.fp32,
             c->products == PRODUCTS_BF16 ? "they are computed in bf16"
                                          : "weights are kept in bf16, products are computed in fp32");
    return OK;
}

static int resolve_products(struct session *s)
{
    struct config *c = s->config;
    const enum config_origin origin = c->origins[config_find("products")];
    if (!is_of_bf16(c, s->device)) {
        if (c->products != PRODUCTS_AUTO && (origin == CONFIG_COMMAND_LINE || origin == CONFIG_FILE))
            return error_set(ERR_USAGE, "key 'products' is for precision bf16 on a CPU, but precision is %s",
                             precision_names[c->precision]);
        c->products = PRODUCTS_AUTO; /* a run's own, used in another precision */
        return OK;
    }
    if (c->products == PRODUCTS_AUTO && ranks_size(s->ranks) > 1)
        return error_set(ERR_USAGE,
                         "with several processes, precision bf16 needs the key 'products' to be bf16 or "
                         "fp32: each would measure for itself; prompt doctor says which is faster");
    if (c->products == PRODUCTS_AUTO)
        return choose_products(s);
    if (c->products == PRODUCTS_BF16 && !device_has_bf16(s->device))
        return error_set(ERR_USAGE, "products in bf16 need a CPU with AVX512-BF16 or AMX; use products=fp32, "
                                    "which keeps the weights in bf16");
    return OK;
}

int precision_resolve(struct session *s)
{
    struct config *c = s->config;
    const bool on_cpu = s->device.kind == DEVICE_CPU;
    if (c->precision == PRECISION_AUTO)
        c->precision = on_cpu ? PRECISION_FP32 : PRECISION_FP16;
    if (c->precision == PRECISION_FP16 && on_cpu)
        return error_set(ERR_USAGE, "precision fp16 needs CUDA; use fp32 or bf16 on a CPU");
    s->precision = c->precision;
    return resolve_products(s);
}

struct clip_dtypes precision_dtypes(const struct config *c)
{
    const bool is_wide = c->products == PRODUCTS_FP32;
    struct clip_dtypes out = {.compute = DTYPE_F32, .accum = DTYPE_F32};
    switch (c->precision) {
    case PRECISION_BF16:
        out.compute = is_wide ? DTYPE_F32 : DTYPE_BF16;
        out.has_bf16_weights = is_wide;
        break;
    case PRECISION_FP16:
        out.compute = DTYPE_F16;
        break;
    case PRECISION_FP32:
    case PRECISION_AUTO:
        break;
    }
    return out;
}
