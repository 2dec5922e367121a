/*
 * Calls of the shim fail one at a time (SQLite's way): in a training step with its checkpoint, of ProMPT and of the
 * methods that change the towers, and in an evaluation from the files on, with both encoders. Each failure must come out as a status with its message,
 * leave no tensor, file or gradient mode behind, and never crash.
 *
 * By default one call of each call site fails, the last that the job makes there: the others differ from it
 * in what was done before them alone. With PROMPT_FAULTS=all every call fails, eight times as many.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fixture_test.h"
#include "prompt/base/file.h"
#include "prompt/run/checkpoint.h"
#include "temp_dir.h"

static struct temp_dir dir;

static char TEXT[] = "x";
static const struct progress AT = {.step = 1, .n_steps = 1};
static const struct provenance FROM = {.config = TEXT,
                                       .config_hash = TEXT,
                                       .weights_sha256 = TEXT,
                                       .sample_digest = TEXT,
                                       .class_digest = TEXT,
                                       .class_names = TEXT,
                                       .n_classes = 1,
                                       .pipeline = {TEXT, "", TEXT, 1}};

/* ---------------------------------------------------------------- the jobs */

/* What one step of run/train.c does. */
static int step(scope *run, struct fixture *w, struct method *m, struct optimizer *optimizer)
{
    scope *s = scope_open(run, SCOPE_GRAD_ON);
    struct method_output out;
    optimizer_clear_grad(optimizer);
    tensor *index = t_from_i64(s, (const int64_t[]){0}, SHAPE(1), CPU);
    tensor *loss = fixture_loss(s, &out, NULL, w, m, index, NULL);
    double value = NAN;
    int status = method_backward(&out, s, loss);
    method_output_free(&out);
    if (status == OK)
        status = t_item_f64(&value, s, loss);
    if (status == OK)
        status = optimizer_step(optimizer, w->lr, 1);
    int closed = scope_close(s);
    return status == OK ? closed : status;
}

/* The second stage of a method that has one. */
static int begin_second(scope *run, struct fixture *w, struct method *m, struct optimizer *optimizer)
{
    if (method_active(m) == &m->trained)
        return OK;
    int status = method_begin_stage(m, 1, &w->texts);
    optimizer_deinit(optimizer);
    const struct optimizer_options options = {.kind = OPTIMIZER_ADAMW};
    return status == OK ? optimizer_init(optimizer, run, method_active(m), &options) : status;
}

/* Two steps, for the momentum's beginning and its use, and a checkpoint. */
static int train_with(struct fixture *w, const char *path, const char *change)
{
    scope *run = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *m = NULL;
    struct optimizer sgd = {.kind = OPTIMIZER_SGD};
    const struct method_options options =
        fixture_options(fixture_defaults(w), (const char *const[]){change, NULL});
    int status = fixture_method(&m, w, run, &options);
    if (status == OK) {
        /* some chunks are computed again in the backward pass (fast encoder) */
        w->texts.keep_bytes = clip_text_kept_bytes(w->clip, &w->texts, 1) / 2.0;
        status = optimizer_init(
            &sgd, run, method_active(m),
            &(struct optimizer_options){.momentum = w->momentum, .weight_decay = w->weight_decay});
    }
    if (status == OK) {
        status = step(run, w, m, &sgd);
    }
    if (status == OK)
        status = begin_second(run, w, m, &sgd);
    if (status == OK)
        status = step(run, w, m, &sgd);
    if (status == OK)
        status = checkpoint_write(path, m, &sgd, &AT, &FROM);
    optimizer_deinit(&sgd);
    method_free(m);
    int closed = scope_close(run);
    return status == OK ? closed : status;
}

static int train(struct fixture *w, const char *path)
{
    return train_with(w, path, "iterations=1");
}

static int evaluate_with(scope *run, struct fixture *w, const char *path)
{
    struct method *m = NULL;
    const struct method_options options =
        fixture_options(fixture_defaults(w), (const char *const[]){"iterations=1", NULL});
    int status = fixture_method(&m, w, run, &options);
    struct provenance from = {0};
    struct progress at;
    if (status == OK)
        status = provenance_read(&from, &at, path);
    if (status == OK)
        status = checkpoint_read_tensors(m, NULL, path);
    if (status == OK) {
        scope *s = scope_open(run, SCOPE_GRAD_OFF);
        struct method_output out;
        float logits[2 * 12];
        method_forward(
            &out, s, m,
            &(struct method_inputs){.classes = &w->texts, .pixels = t_narrow(s, w->pixels, 0, 0, 1)});
        status = t_read_f32(logits, 2 * 12, s, t_stack(s, (const tensor *const *)out.logits, 2, 1));
        method_output_free(&out);
        int closed = scope_close(s);
        status = status == OK ? closed : status;
    }
    provenance_free(&from);
    method_free(m);
    return status;
}

/* Trains by `change`, or evaluates if there is none, from the weights' file on. */
static int use_own_model(struct fixture *shared, const char *path, const char *change)
{
    struct fixture w = *shared; /* but its own model */
    w.weights = NULL;
    w.clip = NULL;
    w.texts = (struct class_texts){0};
    w.whole = (struct token_rows){0};
    scope *run = scope_open(NULL, SCOPE_GRAD_OFF);
    int status = weights_open(&w.weights, run, FIXTURE_DIR "/model.safetensors", NULL);
    if (status == OK)
        status = clip_create(&w.clip, run, w.weights, CPU,
                             (struct clip_dtypes){.compute = DTYPE_F32, .accum = DTYPE_F32},
                             fixture_group_encoder);
    if (status == OK)
        status = change ? train_with(&w, path, change) : evaluate_with(run, &w, path);
    class_texts_free(&w.texts);
    clip_free(w.clip);
    weights_close(w.weights);
    int closed = scope_close(run);
    return status == OK ? closed : status;
}

/* From the weights' file and a checkpoint to logits. */
static int evaluate(struct fixture *shared, const char *path)
{
    return use_own_model(shared, path, NULL);
}

static int train_lora(struct fixture *shared, const char *path)
{
    return use_own_model(shared, path, "method=clip_lora");
}

static int train_two_stage(struct fixture *shared, const char *path)
{
    return use_own_model(shared, path, "method=two_stage");
}

/* ---------------------------------------------------------------- which calls fail */

typedef int job(struct fixture *, const char *);

#define MAX_CALLS 40000

/* Which call site each call of a job comes from: the watch of the shim has no argument for it. */
static const void *sites[MAX_CALLS];
static size_t n_calls;

static void note_site(const void *site)
{
    if (n_calls < MAX_CALLS)
        sites[n_calls] = site;
    n_calls++;
}

/* A job without a failure: its calls are counted, and their sites noted. */
static void watch_calls(job *run, struct fixture *w, const char *path)
{
    n_calls = 0;
    shim_watch_calls(note_site);
    const int status = run(w, path);
    shim_watch_calls(NULL);
    assert_ok(status);
    assert_in_range(n_calls, 500, MAX_CALLS);
}

/* True if the n-th call, from 1, is to fail: if it is the last of its site. */
static bool is_chosen(size_t n)
{
    const char *which = getenv("PROMPT_FAULTS");
    if (which && strcmp(which, "all") == 0)
        return true;
    for (size_t later = n; later < n_calls; later++) {
        if (sites[later] == sites[n - 1])
            return false;
    }
    return true;
}

/* What must hold after a failure of the n-th call. */
static void check_failure(int status, uint64_t n, size_t n_live)
{
    if (status != ERR_TORCH)
        fail_msg("call %d: status %d (%s)", (int)n, status, error_message());
    if (!strstr(error_message(), ": injected fault"))
        fail_msg("call %d: the message is '%s'", (int)n, error_message());
    if (scope_live_tensors() != n_live)
        fail_msg("call %d (%s): %zu tensors are left", (int)n, error_message(),
                 scope_live_tensors() - n_live);
    scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    tensor *leaf = t_zeros(s, SHAPE(1), DTYPE_F32, CPU);
    t_require_grad(s, leaf);
    assert_false(
        t_requires_grad(t_exp(s, leaf))); /* the fixture's scope has gradients off, a step's has them on */
    assert_ok(scope_close(s));
}

/* Lets the chosen calls of a job fail, one a run. `output` is the file that it writes at its end, or NULL. */
static void fail_calls(job *run, struct fixture *w, const char *path, const char *output)
{
    const size_t n_live = scope_live_tensors();
    watch_calls(run, w, path);
    if (output)
        temp_remove(&dir, strrchr(output, '/') + 1);
    size_t n_failed = 0;
    for (size_t n = 1; n <= n_calls; n++) {
        if (!is_chosen(n))
            continue;
        n_failed++;
        error_clear();
        shim_fail_after(n);
        int status = run(w, path);
        shim_fail_after(0);
        check_failure(status, n, n_live);
        if (output)
            assert_false(file_exists(output));
    }
    error_clear();
    shim_fail_after(n_calls + 1);
    assert_ok(run(w, path));
    shim_fail_after(0);
    assert_string_equal(error_message(), ""); /* else a fault was passed over */
    assert_int_equal(scope_live_tensors(), n_live);
    print_message("%zu of %zu calls failed\n", n_failed, n_calls);
    assert_in_range(n_failed, 60, n_calls); /* a job has 98 to 291 sites, by how much is inlined */
}

static void test_faults__calls_of_a_training_step_may_fail(void **state)
{
    const char *path = temp_path(&dir, "training.safetensors");
    fail_calls(train, *state, path, path);
    assert_true(file_exists(path));
    temp_remove(&dir, "training.safetensors");
}

/* The first step also loads and packs what the towers' changes need. */
static void test_faults__calls_of_steps_that_change_the_towers_may_fail(void **state)
{
    const char *path = temp_path(&dir, "tuning.safetensors");
    struct fixture *w = *state;
    w->step = 1; /* with dropout */
    fail_calls(train_lora, w, path, path);
    fail_calls(train_two_stage, w, path, path);
    w->step = 0;
    temp_remove(&dir, "tuning.safetensors");
}

static void test_faults__calls_of_an_evaluation_may_fail(void **state)
{
    const char *path = temp_path(&dir, "evaluation.safetensors");
    assert_ok(train(*state, path));
    fail_calls(evaluate, *state, path, NULL);
    temp_remove(&dir, "evaluation.safetensors");
}

/* ---------------------------------------------------------------- main */

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_faults__calls_of_a_training_step_may_fail),
        torch_unit_test(test_faults__calls_of_steps_that_change_the_towers_may_fail),
        torch_unit_test(test_faults__calls_of_an_evaluation_may_fail),
    };
    if (temp_dir_open(&dir) != 0)
        return 1;
    int n_failed = 0;
    n_failed += fixture_run_both("faults", tests, DTYPE_F32);
    return n_failed + (temp_dir_close(&dir) != 0);
}
