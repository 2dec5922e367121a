/* Rates of matrix products and of memory, on the model's shapes. */
#include "prompt/run/speed.h"

#include <math.h>

#include "prompt/torch/fused.h"
#include "prompt/torch/profile.h"

/* Shares of the measured rates that a step reaches, fitted to `prompt bench --sweep` (tests/speed/README.md). */
static const double PRODUCT_SHARE = 0.95;
static const double ATTENTION_SHARE = 0.3;

/* ---------------------------------------------------------------- one product */

enum kernel { KERNEL_PACKED, KERNEL_PLAIN, KERNEL_UNPACKED_ONEDNN, N_KERNELS };

struct product {
    int64_t rows, n_in, n_out;
    enum kernel kernel;
};

static struct packed_linear make_linear(scope *s, const struct session *session, const struct product *p)
{
    const struct clip *c = session->clip;
    tensor *weight = t_full(s, SHAPE(p->n_out, p->n_in), 0.01, c->types.products, c->device);
    struct packed_linear packed = t_pack_linear(s, weight, NULL, p->rows);
    if (p->kernel == KERNEL_PACKED)
        return packed;
    /* a packed product also takes a weight in plain layout */
    const bool by_onednn = p->kernel == KERNEL_UNPACKED_ONEDNN && packed.is_packed;
    return (struct packed_linear){.forward = weight, .backward = weight, .is_packed = by_onednn};
}

/* A product that is run again and again; `best_flop_s` is the best rate so far. */
struct timed_product {
    struct packed_linear linear;
    const tensor *x;
    double flop, best_flop_s;
};

static struct timed_product make_timed(scope *s, const struct session *session, const struct product *p)
{
    return (struct timed_product){
        .linear = make_linear(s, session, p),
        .x = t_full(s, SHAPE(p->rows, p->n_in), 0.5, session->clip->types.products, session->device),
        .flop = 2.0 * (double)p->rows * (double)p->n_in * (double)p->n_out,
    };
}

static int run_product(double *seconds, scope *s, const struct session *session,
                       const struct timed_product *t)
{
    scope *one = scope_open(s, SCOPE_GRAD_INHERIT);
    const double start_s = clock_s();
    (void)t_packed_linear(one, &t->linear, t->x);
    const int status = device_synchronize(session->device);
    *seconds = clock_s() - start_s;
    const int closed = scope_close(one);
    return status == OK ? closed : status;
}

/* Runs the products in turn, `repeats` times each after one time to warm up: a slow moment of the machine
 * then falls on all of them, and lasts for few of their runs. */
static int time_products(scope *s, const struct session *session, struct timed_product *products, size_t n,
                         int repeats)
{
    int status = OK;
    for (int i = 0; i <= repeats; i++) {
        for (size_t k = 0; k < n && status == OK; k++) {
            double seconds = 0.0;
            status = run_product(&seconds, s, session, &products[k]);
            if (i > 0 && status == OK)
                products[k].best_flop_s = fmax(products[k].best_flop_s, products[k].flop / seconds);
        }
    }
    return status;
}

static int64_t image_rows(const struct session *s, int64_t n_images)
{
    return n_images * clip_image_positions(&s->clip->dims);
}

/* ---------------------------------------------------------------- peak */

int speed_peak(double *flop_s, const struct session *s, int64_t n_images)
{
    const struct tower_dims *towers[] = {&s->clip->dims.vision, &s->clip->dims.text};
    const int64_t rows[] = {image_rows(s, n_images), CLIP_TEXT_CHUNK_ROWS};
    *flop_s = 0.0;
    int status = OK;
    for (int t = 0; t < 2; t++) {
        const int64_t W = towers[t]->width, M = towers[t]->mlp_width;
        const int64_t shapes[][2] = {{W, 3 * W}, {W, W}, {W, M}, {M, W}};
        for (int i = 0; i < 4 * N_KERNELS && status == OK; i++) {
            const struct product p = {rows[t], shapes[i / N_KERNELS][0], shapes[i / N_KERNELS][1],
                                      (enum kernel)(i % N_KERNELS)};
            scope *one = scope_open(s->scope, SCOPE_GRAD_OFF);
            struct timed_product timed = make_timed(one, s, &p);
            status = time_products(one, s, &timed, 1, 8);
            const int closed = scope_close(one);
            status = status == OK ? closed : status;
            *flop_s = fmax(*flop_s, timed.best_flop_s);
        }
    }
    return status;
}

/* ---------------------------------------------------------------- estimates */

/* The rate of norms and activations, by the residual norm of one chunk. */
static int byte_rate(double *bytes_s, const struct session *session)
{
    enum { REPEATS = 20 };
    const struct clip *c = session->clip;
    const int64_t W = c->dims.text.width;
    scope *s = scope_open(session->scope, SCOPE_GRAD_OFF);
    tensor *x = t_zeros(s, SHAPE(1, CLIP_TEXT_CHUNK_ROWS, W), c->types.master, c->device);
    tensor *y = t_zeros(s, SHAPE(1, CLIP_TEXT_CHUNK_ROWS, W), c->types.products, c->device);
    const double bytes = (double)(CLIP_TEXT_CHUNK_ROWS * W) * (2.0 * (double)dtype_size(c->types.master) +
                                                               2.0 * (double)dtype_size(c->types.products));
    *bytes_s = 0.0;
    int status = OK;
    for (int i = 0; status == OK && i <= REPEATS; i++) {
        const double start_s = clock_s();
        t_residual_norm_(s, x, y, y, NULL, 0, 1e-5);
        status = device_synchronize(session->device);
        const double rate = bytes / (clock_s() - start_s);
        if (i > 0 && rate > *bytes_s)
            *bytes_s = rate;
    }
    const int closed = scope_close(s);
    return status == OK ? closed : status;
}

int speed_measure(struct machine_speed *out, const struct session *s)
{
    enum { REPEATS = 40, IMAGES = 4 }; /* 3 s on two cores with ViT-B/16 */
    const struct tower_dims *text = &s->clip->dims.text, *vision = &s->clip->dims.vision;
    const enum kernel kernel = s->clip->fast ? KERNEL_PACKED : KERNEL_PLAIN;
    const struct product of_text = {CLIP_TEXT_CHUNK_ROWS, text->width, text->mlp_width, kernel};
    const struct product of_vision = {image_rows(s, IMAGES), vision->width, vision->mlp_width, kernel};
    *out = (struct machine_speed){0};
    scope *mine = scope_open(s->scope, SCOPE_GRAD_OFF);
    struct timed_product timed[] = {make_timed(mine, s, &of_text), make_timed(mine, s, &of_vision)};
    int status = time_products(mine, s, timed, 2, REPEATS);
    const int closed = scope_close(mine);
    status = status == OK ? closed : status;
    if (status == OK)
        status = byte_rate(&out->bytes_s, s);
    if (status == OK) /* as many operations of each */
        out->product_flop_s = 2.0 / (1.0 / timed[0].best_flop_s + 1.0 / timed[1].best_flop_s);
    return status;
}

static double seconds_with(const struct machine_speed *v, const struct clip_work *work, double product_share,
                           double attention_share)
{
    if (v->product_flop_s <= 0.0 || v->bytes_s <= 0.0 || product_share <= 0.0 || attention_share <= 0.0)
        return 0.0;
    return work->products / (product_share * v->product_flop_s) +
           work->attention / (attention_share * v->product_flop_s) + work->bytes / v->bytes_s;
}

double speed_seconds(const struct machine_speed *v, const struct clip_work *work)
{
    return seconds_with(v, work, PRODUCT_SHARE, ATTENTION_SHARE);
}

static double worst_error(const struct speed_sample *samples, size_t n, double product_share,
                          double attention_share)
{
    double worst = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double estimate =
            seconds_with(&samples[i].speed, &samples[i].work, product_share, attention_share);
        worst = fmax(worst, fabs(estimate / samples[i].seconds - 1.0));
    }
    return worst;
}

/* x p_i + y a_i = r_i, of p and a the seconds at full rate and r what is left without norms, each in parts of
 * the measured seconds; the shares are 1/x and 1/y. */
struct speed_fit speed_fit(const struct speed_sample *samples, size_t n)
{
    double pp = 0.0, pa = 0.0, aa = 0.0, pr = 0.0, ar = 0.0;
    for (size_t i = 0; i < n; i++) {
        const struct speed_sample *s = &samples[i];
        const double full = s->speed.product_flop_s * s->seconds;
        const double p = s->work.products / full, a = s->work.attention / full,
                     r = 1.0 - s->work.bytes / s->speed.bytes_s / s->seconds;
        pp += p * p;
        pa += p * a;
        aa += a * a;
        pr += p * r;
        ar += a * r;
    }
    const double determinant = pp * aa - pa * pa;
    struct speed_fit fit = {.worst_error = worst_error(samples, n, PRODUCT_SHARE, ATTENTION_SHARE)};
    if (determinant <= 1e-9 * pp * aa)
        return fit;
    fit.product_share = determinant / (pr * aa - ar * pa);
    fit.attention_share = determinant / (ar * pp - pr * pa);
    fit.fitted_worst_error = worst_error(samples, n, fit.product_share, fit.attention_share);
    return fit;
}
