/*
 * bf16 and fp16 products against fp32 throughout.
 *
 *   test_precision                                   the small recorded CLIP: losses and gradients, with
 * bounds; of fp16 also how many gradients vanish, which scaling the loss would be for
 *   test_precision MODEL MERGES DATA N [CHECKPOINT]  N test images of Caltech-101's base classes:
 * accuracy after every n, and the largest difference of a probability
 *
 * Any CPU computes in both here (or fixture_device); without instructions for it, slowly. Of fp16 these are
 * PyTorch's operations, as on CUDA; the images are compared in bf16.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "prompt/run/checkpoint.h"
#include "prompt/run/eval.h"
#include "tensor_check.h"

static const struct clip_dtypes FP32 = {.compute = DTYPE_F32, .accum = DTYPE_F32},
                                BF16 = {.compute = DTYPE_BF16, .accum = DTYPE_F32},
                                FP16 = {.compute = DTYPE_F16, .accum = DTYPE_F32};

/* ---------------------------------------------------------------- the small CLIP, with bounds */

enum { B = 4, MAX_CHANGES = 2 };
static const double MAX_LOSS_ERROR = 0.04; /* relative */
static const double MAX_VANISHED = 0.001;  /* share of the gradients that are not zero in fp32 */

/*
 * Both encoders in bf16 against the plain one in fp32, the filter's picks forced to fp32's. Measured
 * 2026-11-25, the worst of both encoders: losses 1.7e-2; gradients 6.8e-2 and 0.9985, without the filter,
 * where twelve prompts a layer stand beside sixteen patches, 0.24 and 0.985.
 */
static const struct test_case {
    const char *name;
    const char *changes[MAX_CHANGES]; /* of the recorded defaults */
    double max_gradient_error;        /* max-norm of a tensor, relative */
    double min_cosine;                /* of a tensor's gradients */
} CASES[] = {
    {"default", {NULL}, 0.15, 0.995},
    {"three iterations", {"iterations=3"}, 0.15, 0.995},
    {"no generators", {"vision_prompt.generator=false", "text_prompt.generator=false"}, 0.15, 0.995},
    {"no filter", {"filter=false"}, 0.5, 0.96},
};

struct side {
    struct fixture fixture;
    struct method *method;
};

static void side_open(struct side *out, const struct test_case *c, struct clip_dtypes dtypes,
                      enum encoder encoder)
{
    fixture_open(&out->fixture, FIXTURE_DIR, dtypes, encoder);
    const char *changes[MAX_CHANGES + 1] = {NULL};
    memcpy(changes, c->changes, sizeof c->changes);
    const struct method_options options = fixture_options(fixture_defaults(&out->fixture), changes);
    MUST(fixture_method(&out->method, &out->fixture, out->fixture.scope, &options));
}

static void side_close(struct side *side)
{
    method_free(side->method);
    fixture_close(&side->fixture);
}

static double dot(scope *s, const tensor *a, const tensor *b)
{
    double value = 0.0;
    MUST(t_item_f64(&value, s, t_sum(s, t_mul(s, a, b))));
    return value;
}

struct errors {
    double loss, gradient, cosine;
    size_t n_values, n_vanished; /* of gradients that are not zero in fp32; zero in the half type */
};

static void count_vanished(struct errors *e, scope *s, const tensor *got, const tensor *want)
{
    const size_t n = (size_t)t_numel(want);
    double *values = malloc(2 * n * sizeof *values);
    MUST(values ? OK : error_out_of_memory());
    MUST(t_read_f64(values, n, s, got));
    MUST(t_read_f64(values + n, n, s, want));
    for (size_t i = 0; i < n; i++) {
        e->n_values += values[n + i] != 0.0;
        e->n_vanished += values[n + i] != 0.0 && values[i] == 0.0;
    }
    free(values);
}

static void compare_gradients(struct errors *e, scope *s, const struct params *got, const struct params *want)
{
    for (size_t i = 0; i < want->n; i++) {
        const tensor *g = t_grad(s, got->items[i].value), *w = t_grad(s, want->items[i].value);
        e->gradient = fmax(e->gradient, tensor_relative_error(s, g, w));
        e->cosine = fmin(e->cosine, dot(s, g, w) / sqrt(dot(s, g, g) * dot(s, w, w)));
        count_vanished(e, s, g, w);
    }
}

static bool run_case(const struct test_case *c, struct clip_dtypes dtypes, enum encoder encoder)
{
    struct side fp32, half;
    side_open(&fp32, c, FP32, ENCODER_PLAIN);
    side_open(&half, c, dtypes, encoder);
    struct errors e = {.cosine = 1.0};
    int64_t *picks = calloc((size_t)(METHOD_MAX_ITERATIONS * B * fp32.fixture.texts.rows->n), sizeof *picks);
    scope *s = scope_open(NULL, SCOPE_GRAD_ON);
    const tensor *index =
        t_from_i64(s, (const int64_t[B]){0, 1, 2, 3}, SHAPE(B), (struct device){DEVICE_CPU, 0});
    tensor *want[2], *got[2];
    fixture_pass(&want[0], &want[1], s, &fp32.fixture, fp32.method, index,
                 &(struct method_trace){.picks = picks});
    fixture_pass(&got[0], &got[1], s, &half.fixture, half.method, index,
                 &(struct method_trace){.force = true, .picks = picks});
    e.loss = tensor_relative_error(s, got[1], want[1]);
    compare_gradients(&e, s, &half.method->trained, &fp32.method->trained);
    MUST(scope_close(s));
    free(picks);
    side_close(&fp32);
    side_close(&half);
    const double vanished = (double)e.n_vanished / (double)e.n_values;
    const bool ok = e.loss <= MAX_LOSS_ERROR && e.gradient <= c->max_gradient_error &&
                    e.cosine >= c->min_cosine &&
                    e.gradient > 0.0 && /* no difference at all is no half type; one loss may round alike */
                    e.n_values > 0 && vanished <= MAX_VANISHED;
    printf("%-4s %-8s %-5s %-16s losses %.1e  gradients %.1e  cosine %.5f  vanished %zu of %zu\n",
           ok ? "ok" : "FAIL", dtype_name(dtypes.compute), encoder_names[encoder], c->name, e.loss,
           e.gradient, e.cosine, e.n_vanished, e.n_values);
    return ok;
}

static int run_cases(void)
{
    MUST(torch_init(1));
    int n_failed = 0;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        n_failed += !run_case(&CASES[i], BF16, ENCODER_PLAIN);
        n_failed += !run_case(&CASES[i], BF16, ENCODER_FAST);
        n_failed += !run_case(&CASES[i], FP16, ENCODER_PLAIN);
        n_failed += !run_case(&CASES[i], FP16, ENCODER_FAST);
    }
    printf("%d failed, %zu tensors leaked\n", n_failed, scope_live_tensors());
    return n_failed > 0 || scope_live_tensors() != 0;
}

/* ---------------------------------------------------------------- real images */

struct places {
    char *model, *merges, *data;
    const char *checkpoint; /* NULL: untrained prompts */
};

/* What the checkpoint was trained with, and K of its training; without one the defaults, and 0. */
static void configure(struct config *c, int64_t *n_train_classes, const struct places *p)
{
    *n_train_classes = 0;
    MUST(config_init(c));
    if (p->checkpoint) {
        struct provenance provenance = {0};
        struct progress progress;
        MUST(provenance_read(&provenance, &progress, p->checkpoint));
        MUST(config_read_text(c, provenance.config, strlen(provenance.config), p->checkpoint, CONFIG_RUN));
        *n_train_classes = provenance.n_classes;
        provenance_free(&provenance);
    }
    const char *const keys[][2] = {{"model.path", p->model},
                                   {"model.merges", p->merges},
                                   {"data.root", p->data},
                                   {"precision", "fp32"},
                                   {"device", "cpu"}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        MUST(config_set_key(c, keys[i][0], keys[i][1]));
}

static void evaluate(struct eval_result *out, struct session *s, const struct dataset *d,
                     const struct item_list *items, int64_t n_train_classes, const char *checkpoint)
{
    struct class_list classes;
    struct method *m = NULL;
    MUST(class_list_open(&classes, s->scope, s, s->clip, d, CLASS_SUBSET_BASE,
                         (struct class_list_use){s->config->eval_batch_size, false}));
    MUST(session_create_method(&m, s, n_train_classes > 0 ? n_train_classes : classes.n, 0));
    if (checkpoint)
        MUST(checkpoint_read_tensors(m, NULL, checkpoint));
    MUST(eval_run(out, s, m, &classes, items, (struct eval_options){.keep_logits = true}));
    method_free(m);
    class_list_close(&classes);
}

/* exp(a_k - max a) / sum. */
static double probability(const float *logits, int64_t K, int64_t class_idx)
{
    const double largest = (double)logits[metrics_predict(logits, K)];
    double sum = 0.0;
    for (int64_t k = 0; k < K; k++)
        sum += exp((double)logits[k] - largest);
    return exp((double)logits[class_idx] - largest) / sum;
}

static double probability_difference(const float *a, const float *b, int64_t K)
{
    double largest = 0.0;
    for (int64_t k = 0; k < K; k++)
        largest = fmax(largest, fabs(probability(a, K, k) - probability(b, K, k)));
    return largest;
}

static void print_differences(const struct eval_result *fp32, const struct eval_result *bf16)
{
    const int64_t N = fp32->metrics.n_iterations, K = fp32->metrics.n_classes,
                  n_images = fp32->metrics.n_images;
    printf("%" PRId64 " images, %" PRId64 " classes\n", n_images, K);
    printf("n  accuracy fp32    bf16  other class  largest difference of a probability\n");
    for (int64_t n = 0; n <= N; n++) {
        int64_t n_other = 0;
        double largest = 0.0;
        for (int64_t i = 0; i < n_images; i++) {
            const float *a = fp32->logits + (i * (N + 1) + n) * K, *b = bf16->logits + (i * (N + 1) + n) * K;
            n_other += metrics_predict(a, K) != metrics_predict(b, K);
            largest = fmax(largest, probability_difference(a, b, K));
        }
        printf("%" PRId64 "  %12.2f %% %6.2f %% %12" PRId64 "  %.2e\n", n,
               100.0 * metrics_accuracy(&fp32->metrics, n), 100.0 * metrics_accuracy(&bf16->metrics, n),
               n_other, largest);
    }
}

static int run_images(const struct places *p, int64_t n_images)
{
    struct config config;
    struct log log;
    struct session *s = NULL;
    struct dataset *d = NULL;
    struct item_list base, items;
    struct eval_result fp32, bf16;
    int64_t n_train_classes = 0;
    configure(&config, &n_train_classes, p);
    log_init(&log, false);
    MUST(session_open(&s, &config, &log, NULL));
    MUST(session_open_dataset(&d, s, "caltech101"));
    MUST(item_list_subset(&base, &d->test, CLASS_SUBSET_BASE, d->n_classes));
    MUST(item_list_limit(&items, &base, n_images));
    MUST(session_open_model(s));
    evaluate(&fp32, s, d, &items, n_train_classes, p->checkpoint);
    clip_free(s->clip);
    MUST(clip_create(&s->clip, s->scope, s->weights, s->device, BF16, config.encoder));
    evaluate(&bf16, s, d, &items, n_train_classes, p->checkpoint);
    print_differences(&fp32, &bf16);
    eval_result_free(&fp32);
    eval_result_free(&bf16);
    item_list_free(&items);
    item_list_free(&base);
    dataset_free(d);
    session_close(s);
    config_free(&config);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return run_cases();
    const int64_t n_images = argc == 5 || argc == 6 ? strtoll(argv[4], NULL, 10) : 0;
    if (n_images < 1) {
        fprintf(stderr, "usage: test_precision [MODEL MERGES DATA N [CHECKPOINT]]\n");
        return 2;
    }
    return run_images(&(struct places){argv[1], argv[2], argv[3], argc == 6 ? argv[5] : NULL}, n_images);
}
