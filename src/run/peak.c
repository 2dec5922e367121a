/* The best matrix product of the model's shapes. */
#include "peak.h"

#include <math.h>

#include "prompt/base/process.h"
#include "prompt/run/bench.h"
#include "prompt/torch/fused.h"
#include "prompt/torch/profile.h"

struct product {
    struct device device;
    enum dtype dtype;
    int64_t rows, n_in, n_out;
    bool is_packed;
    bool is_of_core; /* the rate counts seconds that threads computed, not those of the clock */
    int repeats;     /* after one run that warms up */
};

static double now_s(const struct product *p)
{
    return p->is_of_core ? process_cpu_s() : clock_s();
}

static int run_product(double *seconds, scope *outer, const struct product *p, const tensor *weight,
                       const tensor *x)
{
    scope *s = scope_open(outer, SCOPE_GRAD_INHERIT);
    const double start_s = now_s(p);
    (void)t_packed_linear(s, weight, NULL, x);
    const int status = device_synchronize(p->device);
    *seconds = now_s(p) - start_s;
    const int closed = scope_close(s);
    return status == OK ? closed : status;
}

/* Raises `flop_s` to the product's rate, that of its best run. */
static int time_product(double *flop_s, scope *parent, const struct product *p)
{
    const double flop = 2.0 * (double)p->rows * (double)p->n_in * (double)p->n_out;
    scope *s = scope_open(parent, SCOPE_GRAD_OFF);
    const tensor *weight = t_full(s, SHAPE(p->n_out, p->n_in), 0.01, p->dtype, p->device);
    const tensor *x = t_full(s, SHAPE(p->rows, p->n_in), 0.5, p->dtype, p->device);
    if (p->is_packed)
        weight = t_pack_weight(s, weight, p->rows);
    int status = OK;
    for (int i = 0; status == OK && i <= p->repeats; i++) {
        double seconds = 0.0;
        status = run_product(&seconds, s, p, weight, x);
        if (status == OK && i > 0)
            *flop_s = fmax(*flop_s, flop / seconds);
    }
    const int closed = scope_close(s);
    return status == OK ? closed : status;
}

int peak_measure(double *flop_s, const struct session *s, int64_t n_images)
{
    const struct tower_dims *towers[] = {&s->clip->dims.vision, &s->clip->dims.text};
    const int64_t rows[] = {n_images * clip_image_positions(&s->clip->dims), CLIP_TEXT_CHUNK_ROWS};
    *flop_s = 0.0;
    int status = OK;
    for (int t = 0; t < 2; t++) {
        const int64_t W = towers[t]->width, M = towers[t]->mlp_width;
        const int64_t shapes[][2] = {{W, 3 * W}, {W, W}, {W, M}, {M, W}};
        for (int i = 0; i < 2 * 4 && status == OK; i++) {
            const int64_t *shape = shapes[i / 2];
            const struct product p = {.device = s->device,
                                      .dtype = s->clip->dtypes.compute,
                                      .rows = rows[t],
                                      .n_in = shape[0],
                                      .n_out = shape[1],
                                      .is_packed = i % 2 == 0,
                                      .repeats = 8};
            status = time_product(flop_s, s->scope, &p);
        }
    }
    return status;
}

int bench_bf16_measure(struct bench_bf16 *out, struct device device)
{
    /* two images on a CPU, which takes a twentieth of a second; enough to fill a GPU */
    struct product p = {.device = device,
                        .rows = device.kind == DEVICE_CPU ? 394 : 12608,
                        .n_in = 768,
                        .n_out = 3072,
                        .is_packed = true,
                        .is_of_core = device.kind == DEVICE_CPU,
                        .repeats = 2};
    int status = OK;
    *out = (struct bench_bf16){0};
    for (int i = 0; i < 2 && status == OK; i++) { /* in turn, as machines have slow moments */
        p.dtype = DTYPE_F32;
        if ((status = time_product(&out->fp32, NULL, &p)) != OK)
            return status;
        p.dtype = DTYPE_BF16;
        status = time_product(&out->bf16, NULL, &p);
    }
    return status;
}

bool bench_bf16_pays(const struct bench_bf16 *rates)
{
    const double clearly = 1.1;
    return rates->bf16 > clearly * rates->fp32;
}
