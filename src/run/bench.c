/* The benchmark of one step. */
#include "prompt/run/bench.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/process.h"
#include "prompt/base/rng.h"
#include "prompt/run/cost.h"
#include "prompt/run/speed.h"
#include "step.h"

/* What one point of the benchmark runs on. */
struct bench {
    struct session *session;
    struct class_list classes;
    struct method *method;
    struct sgd optimizer;
    tensor *pixels; /* [B,3,S,S] */
    tensor *labels; /* [B] */
    float *logits;  /* [B,N+1,K], host */
    bool train;
};

/* ---------------------------------------------------------------- one step */

static int train_step(struct bench *b)
{
    scope *s = scope_open(b->session->scope, SCOPE_GRAD_ON);
    struct step_numbers numbers;
    int status =
        step_gradients(&numbers, s, b->method, &b->optimizer, &b->classes.texts, b->pixels, b->labels);
    if (status == OK)
        status = sgd_step(&b->optimizer, 0.0); /* a rate of 0: each step computes the same */
    const int closed = scope_close(s);
    return status == OK ? closed : status;
}

static int step(struct bench *b)
{
    return b->train ? train_step(b)
                    : step_logits(b->logits, b->session->scope, b->method, &b->classes.texts, b->pixels);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The timed steps, after one that warms up. */
static int time_steps(struct bench_result *out, struct bench *b, int64_t repeats)
{
    double *seconds = malloc((size_t)repeats * sizeof *seconds);
    if (!seconds)
        return error_out_of_memory();
    int status = step(b);
    for (int64_t i = 0; status == OK && i < repeats; i++) {
        const int64_t faults = process_minor_faults();
        const double start_s = clock_s();
        status = step(b); /* it reads its result, so the device has finished */
        seconds[i] = clock_s() - start_s;
        out->minor_faults = process_minor_faults() - faults;
    }
    qsort(seconds, (size_t)repeats, sizeof *seconds, by_value);
    out->seconds = seconds[0];
    out->median_seconds = 0.5 * (seconds[(repeats - 1) / 2] + seconds[repeats / 2]);
    free(seconds);
    return status;
}

/* One more step, operation by operation. */
static int profile_step(struct bench_result *out, struct bench *b)
{
    const uint64_t reads = device_reads();
    int status = profile_start(b->session->device);
    if (status == OK)
        status = step(b);
    out->device_reads = (double)(device_reads() - reads);
    const size_t n = profile_stop(out->ops, BENCH_MAX_OPS);
    out->n_ops = n < BENCH_MAX_OPS ? n : BENCH_MAX_OPS;
    return status;
}

/* ---------------------------------------------------------------- opening */

/* Random pixels, and labels that run through the classes. */
static int make_batch(struct bench *b, int64_t n_images)
{
    const struct session *s = b->session;
    const int64_t S = s->clip->dims.image_px, n = n_images * 3 * S * S;
    float *pixels = malloc((size_t)n * sizeof *pixels);
    int64_t *labels = malloc((size_t)n_images * sizeof *labels);
    int status = pixels && labels ? OK : error_out_of_memory();
    if (status == OK) {
        struct rng rng;
        rng_init(&rng, (uint64_t)s->config->seed, RNG_INIT, 0, 0);
        for (int64_t i = 0; i < n; i++)
            pixels[i] = (float)rng_normal(&rng);
        for (int64_t i = 0; i < n_images; i++)
            labels[i] = i % b->classes.n;
        b->pixels = t_from_f32(s->scope, pixels, SHAPE(n_images, 3, S, S), s->clip->types.master, s->device);
        b->labels = t_from_i64(s->scope, labels, SHAPE(n_images), s->device);
        status = scope_status(s->scope);
    }
    free(pixels);
    free(labels);
    return status;
}

static int open_bench(struct bench *b, char *const *names, int64_t n_names, int64_t n_images)
{
    const struct config *c = b->session->config;
    int status = class_list_open_names(&b->classes, b->session, names, n_names, n_images);
    if (status == OK)
        status = session_create_method(&b->method, b->session, n_names);
    if (status == OK)
        sgd_init(&b->optimizer, b->session->scope, &b->method->trained, c->momentum, c->weight_decay);
    if (status == OK)
        status = make_batch(b, n_images);
    if (status != OK)
        return status;
    b->logits = malloc((size_t)(n_images * (METHOD_MAX_ITERATIONS + 1) * n_names) * sizeof *b->logits);
    return b->logits ? OK : error_out_of_memory();
}

static void close_bench(struct bench *b)
{
    free(b->logits);
    sgd_deinit(&b->optimizer);
    method_free(b->method);
    class_list_close(&b->classes);
}

int bench_run(struct bench_result *out, struct session *s, char *const *names, int64_t n_names,
              const struct bench_options *o)
{
    *out = (struct bench_result){.n_classes = n_names, .n_images = o->n_images};
    struct bench b = {.session = s, .train = o->train};
    double peak_before = 0.0, peak_after = 0.0;
    int status = open_bench(&b, names, n_names, o->n_images);
    if (status == OK) {
        const struct cost cost = cost_plan(s, b.method, &b.classes, o->n_images, o->n_images, 0);
        out->work = o->train ? cost.step_work : cost.forward_work;
        out->n_iterations = b.method->options.n_iterations;
        status = cost_seconds(&out->estimate_seconds, s, &out->work);
    }
    if (status == OK && o->measure_peak) /* before and after: machines have slow moments */
        status = speed_peak(&peak_before, s, o->n_images);
    process_reset_peak();
    if (status == OK)
        status = time_steps(out, &b, o->repeats);
    out->peak_bytes = process_peak_bytes();
    if (status == OK)
        status = profile_step(out, &b);
    if (status == OK && o->measure_peak)
        status = speed_peak(&peak_after, s, o->n_images);
    out->peak_flop_s = peak_before > peak_after ? peak_before : peak_after;
    close_bench(&b);
    return status;
}

/* ---------------------------------------------------------------- where the time goes */

const char *const op_group_names[N_OP_GROUPS] = {"matrix products", "attention", "norms",
                                                 "activation",      "autograd",  "the rest"};

static enum op_group group_of(const char *name)
{
    static const struct {
        const char *name;
        enum op_group group;
    } groups[] = {
        {"t_packed_linear", OP_PRODUCT},
        {"t_packed_linear_backward", OP_PRODUCT},
        {"t_linear", OP_PRODUCT},
        {"t_matmul", OP_PRODUCT},
        {"t_conv2d_patches", OP_PRODUCT},
        {"t_forest_attention", OP_ATTENTION},
        {"t_forest_attention_backward", OP_ATTENTION},
        {"t_dense_attention", OP_ATTENTION},
        {"t_dense_attention_backward", OP_ATTENTION},
        {"t_attention", OP_ATTENTION},
        {"t_residual_norm_", OP_NORM},
        {"t_norm_backward_", OP_NORM},
        {"t_layer_norm", OP_NORM},
        {"t_silu_", OP_ACTIVATION},
        {"t_gelu_", OP_ACTIVATION},
        {"t_mul_", OP_ACTIVATION},
        {"t_sigmoid", OP_ACTIVATION},
        {"t_backward_from", OP_AUTOGRAD},
    };
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (strcmp(name, groups[i].name) == 0)
            return groups[i].group;
    return OP_REST;
}

void bench_group(double seconds[N_OP_GROUPS], const struct bench_result *r)
{
    memset(seconds, 0, N_OP_GROUPS * sizeof *seconds);
    for (size_t i = 0; i < r->n_ops; i++)
        seconds[group_of(r->ops[i].name)] += r->ops[i].seconds;
}
