/*
 * A step has the form that a device can capture and replay: after the first one, which makes what the later ones find,
 * every step makes the same calls on tensors of the same shapes; between the upload of its batch and the read of its
 * numbers it neither reads the device nor takes anything from the host; and the heap stays as it is.
 */
#include "fixture_test.h"

#include <malloc.h>
#include <stdlib.h>

#include "batch.h"

enum { B = 2, N_STEPS = 5, N_IMAGES = 8, N_METHODS = METHOD_TWO_STAGE + 1 };
enum { SLACK_BYTES = 32 << 10 }; /* small blocks that the allocator keeps at hand */

struct setting {
    enum method_kind kind;
    const char *changes[5]; /* of the recorded defaults */
    int64_t stage;
    bool has_dropout; /* whose masks come from the host */
};

#define DEEP "context.count=2", "context.depth=2"
static const struct setting SETTINGS[] = {
    {METHOD_PROMPT, {"method=prompt"}, 0, false},
    {METHOD_PROMPT, {"filter=false", "text_prompt.covers_sos=false"}, 0, false},
    {METHOD_PROMPT, {"text_prompt.generator=false"}, 0, false},
    {METHOD_COOP, {"method=coop"}, 0, false},
    {METHOD_COOP, {"method=coop", "context.position=middle", "context.class_specific=true"}, 0, false},
    {METHOD_COCOOP, {"method=cocoop"}, 0, false},
    {METHOD_VPT, {"method=vpt"}, 0, false},
    {METHOD_KGCOOP, {"method=kgcoop"}, 0, false},
    {METHOD_IVLP, {"method=ivlp", DEEP, "vision_prompt.depth=2"}, 0, false},
    {METHOD_PROMPTSRC, {"method=promptsrc", DEEP, "vision_prompt.depth=2"}, 0, false},
    {METHOD_MAPLE, {"method=maple", DEEP}, 0, false},
    {METHOD_CLIP_LORA, {"method=clip_lora", "lora.dropout=0"}, 0, false},
    {METHOD_CLIP_LORA, {"method=clip_lora"}, 0, true},
    {METHOD_TWO_STAGE, {"method=two_stage"}, 0, false},
    {METHOD_TWO_STAGE, {"method=two_stage"}, 1, false},
};
enum { N_SETTINGS = sizeof SETTINGS / sizeof SETTINGS[0] };

static const struct optimizer_options OPTIMIZERS[] = {
    {.kind = OPTIMIZER_SGD, .momentum = 0.9, .weight_decay = 5e-4},
    {.kind = OPTIMIZER_SGD},
    {.kind = OPTIMIZER_ADAMW, .weight_decay = 0.01},
};

/* ---------------------------------------------------------------- what is counted */

/* What some code has done. */
struct trace {
    uint64_t calls, shapes; /* hashes of the calls' sites and of the tensors' shapes, in order */
    uint64_t n_reads, n_uploads;
};

static struct trace at_hand; /* the watches of the shim have no argument */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(1099511628211);
}

static void note_call(const void *site)
{
    at_hand.calls = mix(at_hand.calls, (uintptr_t)site);
}

static void note_tensor(const tensor *made)
{
    at_hand.shapes = mix(at_hand.shapes, (uint64_t)t_dtype(made) + 1);
    for (int64_t i = 0; i < t_dim(made); i++)
        at_hand.shapes = mix(at_hand.shapes, (uint64_t)t_size(made, i));
}

static void trace_begin(void)
{
    at_hand = (struct trace){.n_reads = device_reads(), .n_uploads = device_uploads()};
    shim_watch_calls(note_call);
    shim_watch_tensors(note_tensor);
}

static struct trace trace_end(void)
{
    shim_watch_calls(NULL);
    shim_watch_tensors(NULL);
    at_hand.n_reads = device_reads() - at_hand.n_reads;
    at_hand.n_uploads = device_uploads() - at_hand.n_uploads;
    return at_hand;
}

/* Bytes in use. Those that the allocator has from the system may grow once, by 16 MiB, as it packs them otherwise. */
static size_t heap_bytes(void)
{
#ifdef __GLIBC__
    const struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
#else
    return 0;
#endif
}

/* ---------------------------------------------------------------- a training */

struct job {
    struct fixture *fixture;
    scope *scope;
    struct method *method;
    struct optimizer optimizer;
    struct batch_buffers buffers;
    float *pixels; /* [N_IMAGES,3,S,S] */
    int64_t labels[N_IMAGES];
};

static void job_open(struct job *job, struct fixture *w, const struct setting *setting,
                     const struct optimizer_options *optimizer)
{
    *job = (struct job){.fixture = w, .scope = scope_open(NULL, SCOPE_GRAD_OFF)};
    const struct method_options options = fixture_options(fixture_defaults(w), setting->changes);
    assert_int_equal(options.kind, setting->kind);
    assert_ok(fixture_method(&job->method, w, job->scope, &options));
    if (setting->stage > 0)
        assert_ok(method_begin_stage(job->method, setting->stage, &w->texts));
    assert_ok(optimizer_init(&job->optimizer, job->scope, method_active(job->method), optimizer));
    assert_ok(batch_buffers_open(&job->buffers, job->scope, w->clip, B));
    const size_t n = (size_t)t_numel(w->pixels);
    job->pixels = malloc(n * sizeof *job->pixels);
    assert_non_null(job->pixels);
    assert_ok(t_read_f32(job->pixels, n, job->scope, w->pixels));
    assert_ok(t_read_i64(job->labels, N_IMAGES, job->scope, w->labels));
}

static void job_close(struct job *job)
{
    free(job->pixels);
    optimizer_deinit(&job->optimizer);
    method_free(job->method);
    assert_ok(scope_close(job->scope));
}

/* Uploads the images of a step, from 1. */
static struct step_batch upload(struct job *job, scope *s, int64_t step)
{
    const int64_t first = (step - 1) * B % N_IMAGES, n = t_numel(job->fixture->pixels) / N_IMAGES;
    const struct batch images = {.n = B, .pixels = job->pixels + first * n, .labels = job->labels + first};
    struct step_batch batch = {.step = step, .stage_step = step};
    batch_upload(&batch, s, &job->buffers, &images);
    return batch;
}

/* A step, as the training loop makes it, with a rate of its own. */
static struct trace take_step(struct job *job, int64_t step)
{
    struct step_numbers numbers;
    trace_begin();
    scope *s = scope_open(job->scope, SCOPE_GRAD_ON);
    const struct step_batch batch = upload(job, s, step);
    assert_ok(step_train(&numbers, s, job->method, &job->optimizer, &job->fixture->texts, batch,
                         1e-3 / (double)step));
    assert_true(step_is_finite(&numbers));
    assert_ok(scope_close(s));
    return trace_end();
}

/* The two parts of a step that a device could replay. */
static void check_parts(struct job *job, const struct setting *setting)
{
    scope *s = scope_open(job->scope, SCOPE_GRAD_ON);
    const struct step_batch batch = upload(job, s, 1 + N_STEPS);
    trace_begin();
    const tensor *numbers = step_compute(s, job->method, &job->optimizer, &job->fixture->texts, &batch);
    const struct trace compute = trace_end();
    optimizer_set(&job->optimizer, 1e-3, 1 + N_STEPS);
    trace_begin();
    assert_ok(optimizer_update(&job->optimizer));
    const struct trace update = trace_end();
    assert_non_null(numbers);
    assert_ok(scope_close(s));
    assert_int_equal(compute.n_reads, 0);
    assert_true((compute.n_uploads > 0) == setting->has_dropout);
    assert_int_equal(update.n_reads, 0);
    assert_int_equal(update.n_uploads, 0);
}

static void check_training(struct fixture *w, const struct setting *setting,
                           const struct optimizer_options *optimizer)
{
    struct job job;
    struct trace second = {0};
    size_t heap = 0, n_live = 0;
    job_open(&job, w, setting, optimizer);
    for (int64_t step = 1; step <= N_STEPS; step++) {
        const struct trace t = take_step(&job, step);
        assert_int_equal(t.n_reads, 1);
        if (!setting->has_dropout)
            assert_int_equal(t.n_uploads, 2); /* pixels and labels */
        if (step == 2) {
            second = t;
            heap = heap_bytes();
            n_live = scope_live_tensors();
        }
        if (step > 2) {
            assert_true(t.calls == second.calls);
            assert_true(t.shapes == second.shapes);
            assert_true(heap_bytes() <= heap + SLACK_BYTES);
            assert_int_equal(scope_live_tensors(), n_live);
        }
    }
    check_parts(&job, setting);
    job_close(&job);
}

/* The first step packs weights that the model keeps. */
static void pack(void **state)
{
    for (size_t i = 0; i < N_SETTINGS; i++) {
        struct job job;
        job_open(&job, *state, &SETTINGS[i], &OPTIMIZERS[0]);
        (void)take_step(&job, 1);
        job_close(&job);
    }
}

static void test_capture__training_of_every_method(void **state)
{
    bool is_seen[N_METHODS] = {[METHOD_CLIP] = true};
    for (size_t i = 0; i < N_SETTINGS; i++) {
        check_training(*state, &SETTINGS[i], &OPTIMIZERS[0]);
        is_seen[SETTINGS[i].kind] = true;
    }
    for (int kind = 0; kind < N_METHODS; kind++)
        assert_true(is_seen[kind] || method_is_fitted((enum method_kind)kind));
}

/* An update knows nothing of the method. */
static void test_capture__training_by_every_optimizer(void **state)
{
    for (size_t k = 1; k < sizeof OPTIMIZERS / sizeof OPTIMIZERS[0]; k++)
        check_training(*state, &SETTINGS[0], &OPTIMIZERS[k]);
}

/* ---------------------------------------------------------------- evaluation */

static struct trace evaluate(struct job *job, float *logits, const tensor *pixels)
{
    trace_begin();
    assert_ok(step_logits(logits, NULL, job->scope, job->method, &job->fixture->texts,
                          &(struct step_inputs){.pixels = pixels}));
    return trace_end();
}

static void test_capture__evaluation_of_every_method(void **state)
{
    struct fixture *w = *state;
    for (size_t i = 0; i < N_SETTINGS; i++) {
        struct job job;
        job_open(&job, w, &SETTINGS[i], &OPTIMIZERS[0]);
        const size_t n = (size_t)(N_IMAGES * (METHOD_MAX_ITERATIONS + 1) * w->texts.rows->n);
        float *logits = malloc(n * sizeof *logits);
        assert_non_null(logits);
        (void)evaluate(&job, logits, w->pixels);
        const struct trace second = evaluate(&job, logits, w->pixels),
                           third = evaluate(&job, logits, w->pixels);
        assert_int_equal(second.n_reads, 1);
        assert_int_equal(second.n_uploads, 0);
        assert_true(second.calls == third.calls && second.shapes == third.shapes);
        free(logits);
        job_close(&job);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pack),
        torch_unit_test(test_capture__training_of_every_method),
        torch_unit_test(test_capture__training_by_every_optimizer),
        torch_unit_test(test_capture__evaluation_of_every_method),
    };
    return fixture_run_both("capture", tests, DTYPE_F32);
}
