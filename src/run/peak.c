/* The best matrix product of the model's shapes. */
#include "peak.h"

#include <math.h>

#include "prompt/torch/fused.h"
#include "prompt/torch/profile.h"

struct product {
    int64_t rows, n_in, n_out;
    bool is_packed;
};

static int run_product(double *seconds, scope *outer, const struct session *session, const tensor *weight,
                       const tensor *x)
{
    scope *s = scope_open(outer, SCOPE_GRAD_INHERIT);
    const double start_s = clock_s();
    (void)t_packed_linear(s, weight, NULL, x);
    const int status = device_synchronize(session->device);
    *seconds = clock_s() - start_s;
    const int closed = scope_close(s);
    return status == OK ? closed : status;
}

/* Raises `flop_s` to the product's rate: the best of 8 runs after one that warms up. */
static int time_product(double *flop_s, const struct session *session, const struct product *p)
{
    enum { REPEATS = 8 };
    const double flop = 2.0 * (double)p->rows * (double)p->n_in * (double)p->n_out;
    scope *s = scope_open(session->scope, SCOPE_GRAD_OFF);
    const enum dtype dtype = session->clip->dtypes.compute;
    const tensor *weight = t_full(s, SHAPE(p->n_out, p->n_in), 0.01, dtype, session->device);
    const tensor *x = t_full(s, SHAPE(p->rows, p->n_in), 0.5, dtype, session->device);
    if (p->is_packed)
        weight = t_pack_weight(s, weight, p->rows);
    int status = OK;
    for (int i = 0; status == OK && i <= REPEATS; i++) {
        double seconds = 0.0;
        status = run_product(&seconds, s, session, weight, x);
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
            const struct product p = {rows[t], shape[0], shape[1], i % 2 == 0};
            status = time_product(flop_s, s, &p);
        }
    }
    return status;
}
