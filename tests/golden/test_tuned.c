/*
 * CLIP-LoRA and 2SFS against the independent PyTorch implementation in tests/reference: test_tuned DIR TUNED
 *
 * DIR is what record.py wrote, TUNED what record_tuned.py wrote. With both encoders: logits and gradients of the
 * first batch, losses and changes of ten steps of AdamW with its rate by step; logits and gradients with dropout,
 * whose masks record_tuned.py draws by itself; the start and the logits of 2SFS's second stage. One line per
 * comparison; exit status 1 if any is beyond its tolerance.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"
#include "prompt/base/path.h"
#include "prompt/nn/optimizer.h"
#include "tensor_check.h"

/* Of each tensor's largest number. Measured 2026-11-29: fp32 logits 1e-6, losses 4e-6, gradients 6e-6; fp64 1e-7, 1e-7,
 * 1e-7 (the recorded values are fp32). Changes, over 6 starts and orders of batches, half of them on 2 threads, too:
 * fp32 at most 1.04e-4 (a Zen 3, 2026-11-30), fp64 2.8e-6. AdamW divides by the size of each gradient, which
 * magnifies the rounding of small ones. */
static const struct numbers {
    const char *name;
    enum dtype dtype;
    double tolerance, change_tolerance;
} PRECISIONS[] = {{"fp32", DTYPE_F32, 2e-5, 1.5e-4}, {"fp64", DTYPE_F64, 1e-6, 1e-5}};

struct test {
    struct fixture *w;
    const struct numbers *numbers;
    const char *dir;
    int n_failed, n_checks;
};

static void check_within(struct test *t, const char *what, double error, double tolerance)
{
    const bool ok = error <= tolerance;
    printf("%-4s %-48s %.1e\n", ok ? "ok" : "FAIL", what, error);
    t->n_failed += !ok;
    t->n_checks++;
}

static void check(struct test *t, const char *what, double error)
{
    check_within(t, what, error, t->numbers->tolerance);
}

static const tensor *expected(const struct safetensors *file, const char *prefix, const char *kind,
                              const char *name)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s%s", prefix, kind, name);
    const tensor *t = params_find(&file->tensors, full);
    if (!t) {
        fprintf(stderr, "'%s' is not in the file\n", full);
        exit(1);
    }
    return t;
}

static struct safetensors *open_file(struct test *t, scope *s, const char *name)
{
    struct safetensors *file = NULL;
    char *path = path_join(t->dir, name);
    MUST(safetensors_open(&file, s, path));
    free(path);
    return file;
}

static struct method *open_method(struct test *t, scope *s, const char *const *changes)
{
    struct method *m = NULL;
    const struct method_options options = fixture_options(fixture_defaults(t->w), changes);
    MUST(fixture_method(&m, t->w, s, &options));
    return m;
}

static void set_initial(scope *s, const struct method *m, const struct safetensors *file, const char *prefix)
{
    const struct params *active = method_active(m);
    for (size_t i = 0; i < active->n; i++)
        t_copy_(s, active->items[i].value, expected(file, prefix, "initial/", active->items[i].name));
    MUST(scope_status(s));
}

/* Forward and backward on recorded rows of pixels; the logits [B,K]. */
static tensor *pass(scope *s, double *loss, const struct test *t, const struct method *m, const tensor *index)
{
    struct method_output out;
    struct method_losses losses = {.total = NULL};
    tensor *total = fixture_loss(s, &out, &losses, t->w, m, index, NULL);
    MUST(scope_status(s));
    MUST(method_backward(&out, s, total));
    MUST(t_item_f64(loss, s, total));
    method_output_free(&out);
    return out.logits[1];
}

static double worst_gradient(scope *s, const struct method *m, const struct safetensors *file,
                             const char *prefix, const char *kind)
{
    const struct params *active = method_active(m);
    double worst = 0.0;
    for (size_t i = 0; i < active->n; i++)
        worst = fmax(worst, tensor_relative_error(s, t_grad(s, active->items[i].value),
                                                  expected(file, prefix, kind, active->items[i].name)));
    return worst;
}

/* The first batch, then ten steps. */
static void check_training(struct test *t, struct method *m, const struct safetensors *file,
                           const char *prefix)
{
    scope *all = scope_open(t->w->scope, SCOPE_GRAD_OFF);
    const struct params *active = method_active(m);
    const tensor *batches = expected(file, prefix, "batches", ""),
                 *losses = expected(file, prefix, "losses", "");
    const struct schedule_options schedule = {
        .schedule = SCHEDULE_COSINE_STEP, .lr = 2e-3, .min_lr = 1e-6, .n_steps = t_size(batches, 0)};
    struct optimizer optimizer;
    const struct optimizer_options options = {.kind = OPTIMIZER_ADAMW, .weight_decay = 0.01};
    double loss_error = 0.0, change_error = 0.0;
    set_initial(all, m, file, prefix);
    MUST(optimizer_init(&optimizer, all, active, &options));
    for (int64_t i = 0; i < schedule.n_steps; i++) {
        scope *s = scope_open(all, SCOPE_GRAD_ON);
        double loss = NAN, want = NAN;
        tensor *logits = pass(s, &loss, t, m, t_select(s, batches, 0, i));
        if (i == 0) {
            check(t, "logits", tensor_relative_error(s, logits, expected(file, prefix, "logits", "")));
            check(t, "gradients", worst_gradient(s, m, file, prefix, "gradient/"));
        }
        MUST(t_item_f64(&want, s, t_select(s, losses, 0, i)));
        loss_error = fmax(loss_error, fabs(loss - want) / want);
        MUST(optimizer_step(&optimizer, schedule_lr(&schedule, 1, i + 1), i + 1));
        MUST(scope_close(s));
    }
    for (size_t i = 0; i < active->n; i++) {
        const char *name = active->items[i].name;
        const tensor *initial =
            t_to_device(all, expected(file, prefix, "initial/", name), t->w->clip->device);
        tensor *change = t_sub(all, t_detach(all, active->items[i].value), initial);
        change_error =
            fmax(change_error, tensor_relative_error(all, change, expected(file, prefix, "change/", name)));
    }
    check(t, "losses of ten steps", loss_error);
    check_within(t, "changes by ten steps", change_error, t->numbers->change_tolerance);
    optimizer_deinit(&optimizer);
    MUST(scope_close(all));
}

/* The authors' scale of the logits is 100, whatever the model's. */
static void test_lora(struct test *t)
{
    const double logit_scale = t->w->clip->logit_scale;
    scope *s = scope_open(t->w->scope, SCOPE_GRAD_OFF);
    struct safetensors *file = open_file(t, s, "clip_lora.safetensors");
    struct method *m = open_method(t, s, (const char *const[]){"method=clip_lora", "lora.dropout=0", NULL});
    t->w->clip->logit_scale = 100.0;
    printf("CLIP-LoRA\n");
    check_training(t, m, file, "");
    method_free(m);

    struct safetensors *masked = open_file(t, s, "dropout.safetensors");
    m = open_method(t, s, (const char *const[]){"method=clip_lora", NULL});
    set_initial(s, m, file, "");
    scope *pass_scope = scope_open(s, SCOPE_GRAD_ON);
    double loss = NAN;
    MUST(t_item_f64(&loss, s, expected(masked, "", "step", "")));
    t->w->step = (int64_t)loss;
    tensor *logits = pass(pass_scope, &loss, t, m, t_select(s, expected(file, "", "batches", ""), 0, 0));
    check(t, "logits with dropout", tensor_relative_error(s, logits, expected(masked, "", "logits", "")));
    check(t, "gradients with dropout", worst_gradient(s, m, masked, "", "gradient/"));
    t->w->step = 0;
    t->w->clip->logit_scale = logit_scale;
    MUST(scope_close(pass_scope));
    method_free(m);
    MUST(scope_close(s));
    safetensors_close(file);
    safetensors_close(masked);
}

/* The logits of all images; classes that are not in `rows` [K] (-1) are told by their captions. */
static void check_selection(struct test *t, const struct method *m, const struct safetensors *file)
{
    scope *s = scope_open(t->w->scope, SCOPE_GRAD_OFF);
    const int64_t K = t->w->texts.rows->n, n_images = t_size(t->w->pixels, 0);
    t->w->texts.trained_rows = malloc((size_t)K * sizeof *t->w->texts.trained_rows);
    MUST(t_read_i64(t->w->texts.trained_rows, (size_t)K, s, expected(file, "", "selective.rows", "")));
    struct method_output out;
    const struct method_inputs in = {.classes = &t->w->texts, .pixels = t->w->pixels};
    method_forward(&out, s, m, &in);
    const tensor *want = expected(file, "", "selective.logits", "");
    check(t, "logits of known and new classes", tensor_relative_error(s, out.logits[1], want));
    if (t_size(want, 0) != n_images)
        fixture_die("other images");
    method_output_free(&out);
    MUST(scope_close(s));
}

static void test_two_stage(struct test *t)
{
    scope *s = scope_open(t->w->scope, SCOPE_GRAD_OFF);
    struct safetensors *file = open_file(t, s, "two_stage.safetensors");
    struct method *m = open_method(t, s, (const char *const[]){"method=two_stage", NULL});
    printf("2SFS\n");
    for (size_t i = 0; i < method_active(m)->n; i++) {
        const struct param *p = &method_active(m)->items[i];
        check(t, p->name, tensor_relative_error(s, p->value, expected(file, "", "initial/", p->name)));
    }
    check_training(t, m, file, "");
    for (size_t i = 0; i < method_active(m)->n; i++) { /* as recorded, not as trained here */
        const struct param *p = &method_active(m)->items[i];
        t_copy_(s, p->value, expected(file, "", "initial/", p->name));
        t_add_scaled_(s, t_detach(s, p->value),
                      t_to_device(s, expected(file, "", "change/", p->name), t->w->clip->device), 1.0);
    }
    MUST(method_begin_stage(m, 1, &t->w->texts));
    const tensor *classifier = params_find(&m->trained, "classifier");
    const tensor *start = expected(file, "stage_two.", "initial/", "classifier");
    check(t, "start of the classifier", tensor_relative_error(s, classifier, start));
    check_training(t, m, file, "stage_two.");
    check_selection(t, m, file);
    method_free(m);
    MUST(scope_close(s));
    safetensors_close(file);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: test_tuned DIR TUNED\n");
        return 2;
    }
    MUST(torch_init(1));
    struct test t = {.dir = argv[2]};
    static const enum encoder encoders[] = {ENCODER_PLAIN, ENCODER_FAST};
    for (size_t i = 0; i < 4; i++) {
        struct fixture w;
        t.numbers = &PRECISIONS[i / 2];
        fixture_open(&w, argv[1],
                     (struct clip_dtypes){.compute = t.numbers->dtype, .accum = t.numbers->dtype},
                     encoders[i % 2]);
        printf("%s encoder, %s\n", encoder_names[encoders[i % 2]], t.numbers->name);
        t.w = &w;
        test_lora(&t);
        test_two_stage(&t);
        fixture_close(&w);
    }
    printf("%d comparisons, %d failed, %zu tensors leaked\n", t.n_checks, t.n_failed, scope_live_tensors());
    return t.n_failed > 0 || t.n_checks == 0 || scope_live_tensors() != 0;
}
