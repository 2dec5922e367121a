/*
 * Every method against the independent PyTorch implementation in tests/reference: test_method DIR [CASE...]
 *
 * DIR is what tests/reference/record.py wrote. For each case: logits, losses, the filter's picks and the
 * gradients of all trained tensors on the first batch, and the change of the parameters after the recorded
 * SGD steps at full rate, with the filter's own picks. Then the features of an ensemble of templates. One line
 * per case; exit status 1 if any is beyond its tolerance.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "prompt/base/path.h"
#include "prompt/config/config.h"
#include "prompt/nn/optim.h"
#include "tensor_check.h"

/* Measured 2026-11-24 over 24 cases, fp32 against fp64: logits 4e-5, losses 1e-5, gradients 1e-5, changes
 * 2e-5. */
static const double LOGITS_TOLERANCE = 2e-4;
static const double LOSS_TOLERANCE = 1e-4;
static const double GRADIENT_TOLERANCE = 1e-4;
static const double CHANGE_TOLERANCE = 1e-4;
static const double ENSEMBLE_TOLERANCE = 1e-6; /* of normalized features; measured 2026-11-25: 2e-7 */

struct errors {
    double logits, losses, gradients, changes;
    int64_t n_picks_differing;
    int64_t n_numbers; /* compared */
};

/* ---------------------------------------------------------------- one case */

static const tensor *expected(const struct safetensors *file, const char *kind, const char *name)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s", kind, name);
    const tensor *t = params_find(&file->tensors, full);
    if (!t) {
        fprintf(stderr, "'%s' is not in the file\n", full);
        exit(1);
    }
    return t;
}

static void set_initial(scope *s, const struct method *m, const struct safetensors *file)
{
    size_t n_initial = 0;
    for (size_t i = 0; i < file->tensors.n; i++)
        n_initial += strncmp(file->tensors.items[i].name, "initial/", 8) == 0;
    if (n_initial != m->trained.n) {
        fprintf(stderr, "%zu trained tensors, expected %zu\n", m->trained.n, n_initial);
        exit(1);
    }
    for (size_t i = 0; i < m->trained.n; i++) {
        const struct param *p = &m->trained.items[i];
        const tensor *value = expected(file, "initial/", p->name);
        if (!isfinite(tensor_max_difference(s, p->value, value))) {
            fprintf(stderr, "'%s' has another shape\n", p->name);
            exit(1);
        }
        t_copy_(s, p->value, value);
    }
}

static void worst(double *worst_so_far, double error)
{
    if (!(error <= *worst_so_far))
        *worst_so_far = error;
}

/* Forward and backward on one recorded batch; gradients are left in the leaves. */
static void pass(scope *s, struct method_output *out, struct method_losses *losses, const struct fixture *w,
                 const struct method *m, const tensor *index, struct method_trace *trace)
{
    tensor *loss = fixture_loss(s, out, losses, w, m, index, trace);
    if (loss)
        MUST(method_backward(out, s, loss));
    method_output_free(out); /* the logits stay with the scope */
}

/* The whole loss, and its weighted terms of agreement with the frozen CLIP if the case has them. */
static void compare_loss(struct errors *e, scope *s, const struct method_losses *losses,
                         const struct safetensors *file)
{
    if (!losses->total)
        return;
    worst(&e->losses, tensor_relative_error(s, losses->total, expected(file, "", "loss")));
    const tensor *terms = params_find(&file->tensors, "terms");
    const tensor *const found[] = {losses->agreement.text, losses->agreement.image, losses->agreement.logits};
    for (int64_t i = 0; terms && i < 3; i++) {
        double want = 0.0, got = 0.0;
        MUST(t_item_f64(&want, s, t_select(s, terms, 0, i)));
        if (found[i])
            MUST(t_item_f64(&got, s, found[i]));
        worst(&e->losses, fabs(got - want));
    }
}

static void compare_first_batch(struct errors *e, const struct fixture *w, const struct method *m,
                                const struct safetensors *file)
{
    const tensor *batches = expected(file, "", "batches"), *picks = expected(file, "", "picks");
    const size_t n_picks = t_numel(picks) > 0 ? (size_t)t_numel(picks) : 0;
    scope *s = scope_open(w->scope, SCOPE_GRAD_ON);
    struct method_output out;
    struct method_losses losses = {.total = NULL};
    int64_t *got = calloc(n_picks + 1, sizeof *got), *want = calloc(n_picks + 1, sizeof *want);
    struct method_trace trace = {.force = false, .picks = got};
    MUST(t_read_i64(want, n_picks, s, picks));

    pass(s, &out, &losses, w, m, t_select(s, batches, 0, 0), &trace);
    if (m->options.vision_generator && m->options.filter && m->options.n_iterations > 0)
        for (size_t i = 0; i < n_picks; i++)
            e->n_picks_differing += got[i] != want[i];
    trace = (struct method_trace){.force = true, .picks = want};
    pass(s, &out, &losses, w, m, t_select(s, batches, 0, 0), &trace);

    const int64_t N = out.n_iterations;
    tensor *logits = t_stack(s, (const tensor *const *)out.logits, (size_t)N + 1, 1);
    worst(&e->logits, tensor_max_difference(s, logits, expected(file, "", "logits")));
    e->n_numbers += t_numel(logits);
    if (N > 0 && m->trained.n > 0)
        worst(&e->losses,
              tensor_max_difference(s, t_stack(s, (const tensor *const *)losses.cross_entropy, (size_t)N, 0),
                                    expected(file, "", "losses")));
    compare_loss(e, s, &losses, file);
    for (size_t i = 0; i < m->trained.n; i++) {
        const struct param *p = &m->trained.items[i];
        worst(&e->gradients,
              tensor_relative_error(s, t_grad(s, p->value), expected(file, "gradient/", p->name)));
        e->n_numbers += t_numel(p->value);
    }
    free(got);
    free(want);
    MUST(scope_close(s));
}

static void compare_steps(struct errors *e, const struct fixture *w, struct method *m,
                          const struct safetensors *file)
{
    if (m->trained.n == 0)
        return;
    const tensor *batches = expected(file, "", "batches"), *picks = expected(file, "", "step_picks");
    const int64_t n_steps = t_size(batches, 0);
    const size_t n_picks = (size_t)(t_numel(picks) / n_steps);
    scope *all = scope_open(w->scope, SCOPE_GRAD_OFF);
    set_initial(all, m, file);
    struct sgd optimizer;
    sgd_init(&optimizer, all, &m->trained, w->momentum, w->weight_decay);
    const bool picks_matter = m->options.vision_generator && m->options.filter;
    int64_t *want = calloc(n_picks + 1, sizeof *want), *got = calloc(n_picks + 1, sizeof *got);
    struct method_trace trace = {.force = false, .picks = got};
    for (int64_t i = 0; i < n_steps; i++) {
        scope *s = scope_open(all, SCOPE_GRAD_ON);
        struct method_output out;
        MUST(t_read_i64(want, n_picks, s, t_select(s, picks, 0, i)));
        pass(s, &out, NULL, w, m, t_select(s, batches, 0, i), &trace);
        for (size_t j = 0; picks_matter && j < n_picks; j++)
            e->n_picks_differing += got[j] != want[j];
        MUST(sgd_step(&optimizer, w->lr));
        MUST(scope_close(s));
    }
    for (size_t i = 0; i < m->trained.n; i++) {
        const struct param *p = &m->trained.items[i];
        const tensor *initial = t_to_device(all, expected(file, "initial/", p->name), w->clip->device);
        tensor *change = t_sub(all, t_detach(all, p->value), initial);
        worst(&e->changes, tensor_relative_error(all, change, expected(file, "change/", p->name)));
        e->n_numbers += t_numel(p->value);
    }
    free(want);
    free(got);
    sgd_deinit(&optimizer);
    MUST(scope_close(all));
}

/* True if all of the case is within the tolerances. */
static bool run_case(struct fixture *w, const char *dir, const char *name, int64_t *n_numbers)
{
    const struct json *entry = json_get(json_get(json_root(w->doc), "cases"), name);
    if (!entry) {
        fprintf(stderr, "no case '%s'\n", name);
        exit(1);
    }
    scope *s = scope_open(w->scope, SCOPE_GRAD_OFF);
    char file_name[160];
    snprintf(file_name, sizeof file_name, "%s.safetensors", name);
    char *path = path_join(dir, file_name);
    struct safetensors *file = NULL;
    MUST(safetensors_open(&file, s, path));
    const struct method_options options = fixture_options(json_get(entry, "keys"), NULL);
    struct method *m = NULL;
    MUST(fixture_method(&m, w, s, &options));
    set_initial(s, m, file);

    struct errors e = {0};
    compare_first_batch(&e, w, m, file);
    compare_steps(&e, w, m, file);
    bool ok = e.logits <= LOGITS_TOLERANCE && e.losses <= LOSS_TOLERANCE &&
              e.gradients <= GRADIENT_TOLERANCE && e.changes <= CHANGE_TOLERANCE && e.n_numbers > 0;
    printf("%-4s %-34s logits %.1e  losses %.1e  gradients %.1e  changes %.1e  picks differing %" PRId64 "\n",
           ok ? "ok" : "FAIL", name, e.logits, e.losses, e.gradients, e.changes, e.n_picks_differing);
    *n_numbers += e.n_numbers;
    method_free(m);
    MUST(scope_close(s));
    safetensors_close(file);
    free(path);
    return ok;
}

/* The features of several templates: CLIP's ensemble, or PromptSRC's teacher. */
static bool run_ensemble(const struct fixture *w, enum template_mean mean, const char *name,
                         int64_t *n_numbers)
{
    scope *s = scope_open(w->scope, SCOPE_GRAD_OFF);
    const tensor *captions = expected(w->file, "", "ensemble_captions"), *want = expected(w->file, "", name);
    const int64_t n = t_size(captions, 0), end = w->names.ids[w->names.ends[0]];
    struct token_rows *rows = calloc((size_t)n, sizeof *rows);
    for (int64_t i = 0; i < n; i++)
        rows[i] = fixture_read_captions(s, t_select(s, captions, 0, i), end);
    const tensor *features = clip_encode_captions(s, w->clip, rows, (size_t)n, mean);
    MUST(scope_status(s));
    const double error = tensor_max_difference(s, t_select(s, features, 0, 0), want);
    const bool ok = error <= ENSEMBLE_TOLERANCE;
    printf("%-4s %-34s features %.1e\n", ok ? "ok" : "FAIL", name, error);
    *n_numbers += t_numel(want);
    for (int64_t i = 0; i < n; i++)
        token_rows_free(&rows[i]);
    free(rows);
    MUST(scope_close(s));
    return ok;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: test_method DIR [CASE...]\n");
        return 2;
    }
    MUST(torch_init(1));
    int n_failed = 0, n_cases = 0;
    int64_t n_numbers = 0;
    static const enum encoder encoders[] = {ENCODER_PLAIN, ENCODER_FAST};
    for (size_t e = 0; e < 2; e++) {
        struct fixture w;
        fixture_open(&w, argv[1], (struct clip_dtypes){.compute = DTYPE_F32, .accum = DTYPE_F32},
                     encoders[e]);
        printf("%s encoder\n", encoder_names[encoders[e]]);
        for (int i = 2; i < argc; i++, n_cases++)
            n_failed += !run_case(&w, argv[1], argv[i], &n_numbers);
        const struct json *cases = json_get(json_root(w.doc), "cases");
        for (const struct json *v = argc == 2 ? json_first(cases) : NULL; v; v = json_next(v), n_cases++)
            n_failed += !run_case(&w, argv[1], json_key(v), &n_numbers);
        n_failed += !run_ensemble(&w, TEMPLATE_MEAN_NORMALIZED, "ensemble_features", &n_numbers);
        n_failed += !run_ensemble(&w, TEMPLATE_MEAN_RAW, "teacher_promptsrc", &n_numbers);
        n_cases += 2;
        fixture_close(&w);
    }
    printf("%d cases, %d failed, %" PRId64 " numbers compared, %zu tensors leaked\n", n_cases, n_failed,
           n_numbers, scope_live_tensors());
    return n_failed > 0 || n_cases == 0 || scope_live_tensors() != 0;
}
