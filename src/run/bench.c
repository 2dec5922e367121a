/* The benchmark of one step. */
#include "prompt/run/bench.h"

#include <stdlib.h>
#include <string.h>

#include "peak.h"
#include "prompt/base/process.h"
#include "prompt/base/rng.h"
#include "prompt/run/cost.h"
#include "step.h"

/* One point of the benchmark. */
struct bench {
    struct bench_options options;
    struct session *session;
    struct class_list classes;
    struct method *method;
    struct optimizer optimizer;
    struct step_batch batch;
    float *logits;   /* [B,N+1,K], host */
    double *seconds; /* [repeats] */
    int64_t n_timed;
    struct bench_result result; /* filled step by step */
};

/* ---------------------------------------------------------------- one step */

static int train_step(struct bench *b)
{
    scope *s = scope_open(b->session->scope, SCOPE_GRAD_ON);
    struct step_numbers numbers;
    /* a rate of 0: each step computes the same */
    int status = step_train(&numbers, s, b->method, &b->optimizer, &b->classes.texts, b->batch, 0.0);
    if (status == OK && !step_is_finite(&numbers))
        status = error_set(ERR_NUMERIC,
                           "the loss or a gradient is not finite; try other weights or another precision");
    const int closed = scope_close(s);
    return status == OK ? closed : status;
}

static int step(struct bench *b)
{
    return b->options.train ? train_step(b)
                            : step_logits(b->logits, NULL, b->session->scope, b->method, &b->classes.texts,
                                          &(struct step_inputs){.pixels = b->batch.pixels});
}

static void note_peak(struct bench *b)
{
    const size_t peak = process_peak_bytes(), earlier = b->options.earlier_bytes;
    b->result.peak_bytes = peak > earlier ? peak - earlier : 0;
}

int bench_time(struct bench *b)
{
    const int64_t faults = process_minor_faults();
    const double start_s = clock_s();
    int status = step(b); /* it reads its result, so it waits for the device */
    if (status != OK || b->n_timed == b->options.repeats)
        return status;
    b->seconds[b->n_timed++] = clock_s() - start_s;
    b->result.minor_faults = process_minor_faults() - faults;
    if (b->options.is_alone)
        note_peak(b);
    return OK;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One more step, operation by operation. */
static int profile_step(struct bench *b)
{
    struct bench_result *out = &b->result;
    const uint64_t reads = device_reads(), uploads = device_uploads();
    int status = profile_start(b->session->device);
    if (status == OK)
        status = step(b);
    out->device_reads = (double)(device_reads() - reads);
    out->device_uploads = (double)(device_uploads() - uploads);
    const size_t n = profile_stop(out->ops, BENCH_MAX_OPS);
    out->n_ops = n < BENCH_MAX_OPS ? n : BENCH_MAX_OPS;
    return status;
}

/* ---------------------------------------------------------------- opening */

/* Random pixels; the labels go through the classes in turn. */
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
        b->batch.pixels =
            t_from_f32(s->scope, pixels, SHAPE(n_images, 3, S, S), s->clip->dtypes.accum, s->device);
        b->batch.step = b->batch.stage_step = 1;
        b->batch.labels = t_from_i64(s->scope, labels, SHAPE(n_images), s->device);
        status = scope_status(s->scope);
    }
    free(pixels);
    free(labels);
    return status;
}

static int prepare(struct bench *b, char *const *names, int64_t n_names)
{
    const struct config *c = b->session->config;
    const int64_t n_images = b->options.n_images;
    const struct session *s = b->session;
    int status = OK;
    if ((status = class_list_open_names(&b->classes, s->scope, b->session, s->clip, names, n_names,
                                        (struct class_list_use){n_images, b->options.train})) != OK ||
        (b->options.train &&
         (status = class_list_add_teacher(&b->classes, s->scope, b->session, s->clip)) != OK) ||
        (status = session_create_method(&b->method, b->session, n_names, 0)) != OK)
        return status;
    const struct optimizer_options options = session_optimizer_options(c);
    if ((status = optimizer_init(&b->optimizer, s->scope, method_active(b->method), &options)) != OK ||
        (status = make_batch(b, n_images)) != OK)
        return status;
    b->logits = malloc((size_t)(n_images * (METHOD_MAX_ITERATIONS + 1) * n_names) * sizeof *b->logits);
    b->seconds = malloc((size_t)b->options.repeats * sizeof *b->seconds);
    return b->logits && b->seconds ? OK : error_out_of_memory();
}

/* Plans the memory, measures the peak and runs a step that warms up. */
static int warm_up(struct bench *b)
{
    const struct bench_options *o = &b->options;
    struct bench_result *r = &b->result;
    (void)cost_plan(b->session, b->method, &b->classes,
                    &(struct cost_options){.batch_size = o->n_images, .n_images = o->n_images});
    r->n_iterations = b->method->options.n_iterations;
    int status = OK;
    if (o->measure_peak) /* here and after the steps: machines have slow moments */
        status = peak_measure(&r->peak_flop_s, b->session, o->n_images);
    process_reset_peak();
    if (status == OK)
        status = step(b);
    note_peak(b);
    return status;
}

int bench_open(struct bench **out, struct session *s, char *const *names, int64_t n_names,
               const struct bench_options *options)
{
    *out = NULL;
    struct bench *b = calloc(1, sizeof *b);
    if (!b)
        return error_out_of_memory();
    b->session = s;
    b->options = *options;
    b->result = (struct bench_result){.n_classes = n_names, .n_images = options->n_images};
    int status = prepare(b, names, n_names);
    if (status == OK)
        status = warm_up(b);
    if (status != OK) {
        bench_close(b);
        return status;
    }
    *out = b;
    return OK;
}

int bench_finish(struct bench_result *out, struct bench *b)
{
    struct bench_result *r = &b->result;
    const int64_t n = b->n_timed;
    double peak_flop_s = 0.0;
    qsort(b->seconds, (size_t)n, sizeof *b->seconds, by_value);
    r->seconds = b->seconds[0];
    r->median_seconds = 0.5 * (b->seconds[(n - 1) / 2] + b->seconds[n / 2]);
    int status = profile_step(b);
    if (status == OK && b->options.measure_peak)
        status = peak_measure(&peak_flop_s, b->session, b->options.n_images);
    r->peak_flop_s = peak_flop_s > r->peak_flop_s ? peak_flop_s : r->peak_flop_s;
    *out = *r;
    return status;
}

void bench_close(struct bench *b)
{
    if (!b)
        return;
    free(b->logits);
    free(b->seconds);
    optimizer_deinit(&b->optimizer);
    method_free(b->method);
    class_list_close(&b->classes);
    free(b);
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
        {"t_linear", OP_PRODUCT},
        {"t_matmul", OP_PRODUCT},
        {"t_conv2d_patches", OP_PRODUCT},
        {"t_tree_attention", OP_ATTENTION},
        {"t_tree_attention_backward", OP_ATTENTION},
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

void bench_group(struct group_cost out[N_OP_GROUPS], const struct bench_result *r)
{
    memset(out, 0, N_OP_GROUPS * sizeof *out);
    for (size_t i = 0; i < r->n_ops; i++) {
        struct group_cost *group = &out[group_of(r->ops[i].name)];
        group->seconds += r->ops[i].seconds;
        group->flop += r->ops[i].flop + r->ops[i].backward_flop;
    }
}
