/* What one ProMPT step of the small CLIP costs, in counted calls, handles and FLOP: no clock, so no noise. */
#include "fixture_test.h"

#include "prompt/nn/optim.h"
#include "prompt/torch/profile.h"

/* Measured 2026-11-24, N = 2, B = 4, K = 12 in three chunks, 3 layers each: plain 1286 calls, 108 and 118
 * handles, fast 1845 calls, 489 and 107. */
static const struct {
    uint64_t n_calls;
    size_t n_kept, n_handles;
} LIMITS[] = {
    [ENCODER_FAST] = {2000, 540, 120},
    [ENCODER_PLAIN] = {1400, 120, 130},
};
/* Of a forward pass and of a step, from the shapes: exact. */
static const double FLOP[][2] = {
    [ENCODER_FAST] = {52806400, 98287360},
    [ENCODER_PLAIN] = {123849472, 241291264},
};
enum { B = 4 };
/* Bytes of the image side, of 17 + 4 tokens: by hand. */
static const double IMAGE_KEPT[] = {
    [ENCODER_FAST] = B * 21 * (2 * (5 * 48 + 192) + 3 * 48) * 4.0,
    [ENCODER_PLAIN] = B * 21 * 3 * 48 * 18.5 * 4.0,
};

struct job {
    scope *scope;
    struct method *method;
    struct sgd sgd;
    size_t n_kept;    /* handles of the last step between forward and backward */
    size_t n_handles; /* at its end, before its scope was closed */
};

static void job_open(struct job *job, struct fixture *w)
{
    *job = (struct job){.scope = scope_open(NULL, SCOPE_GRAD_OFF)};
    const struct method_options options = fixture_options(fixture_defaults(w), NULL);
    assert_ok(fixture_method(&job->method, w, job->scope, &options));
    sgd_init(&job->sgd, job->scope, &job->method->trained, w->momentum, w->weight_decay);
}

/* Closes what may have failed on purpose. */
static void job_close(struct job *job)
{
    sgd_deinit(&job->sgd);
    method_free(job->method);
    (void)scope_close(job->scope);
}

static int step(struct job *job, const struct fixture *w)
{
    const size_t before = scope_live_tensors();
    scope *s = scope_open(job->scope, SCOPE_GRAD_ON);
    struct method_output out;
    sgd_clear_grad(&job->sgd);
    tensor *index = t_from_i64(s, (const int64_t[B]){0, 1, 2, 3}, SHAPE(B), CPU);
    tensor *loss = fixture_loss(s, &out, NULL, w, job->method, index, NULL);
    job->n_kept = scope_live_tensors() - before;
    int status = method_backward(&out, s, loss);
    method_output_free(&out);
    if (status == OK)
        status = sgd_step(&job->sgd, w->lr);
    job->n_handles = scope_live_tensors() - before;
    int closed = scope_close(s);
    return status == OK ? closed : status;
}

/* True if the n-th call of a step comes to pass. */
static bool makes_call(struct fixture *w, uint64_t n)
{
    struct job job;
    job_open(&job, w);
    shim_fail_after(n);
    bool failed = step(&job, w) != OK;
    shim_fail_after(0);
    job_close(&job);
    return failed;
}

static void test_budget__calls_of_a_step(void **state)
{
    uint64_t least = 1, most = 1 << 14; /* call `least` is made, call `most` is not */
    assert_true(makes_call(*state, least));
    assert_false(makes_call(*state, most));
    while (most - least > 1) {
        const uint64_t middle = (least + most) / 2;
        if (makes_call(*state, middle))
            least = middle;
        else
            most = middle;
    }
    print_message("%d calls a step\n", (int)least);
    assert_in_range(least, 1, LIMITS[fixture_group_encoder].n_calls);
}

static void test_budget__handles_of_a_step(void **state)
{
    struct job job;
    job_open(&job, *state);
    assert_ok(step(&job, *state));
    print_message("%d handles after the forward pass, %d at the end\n", (int)job.n_kept, (int)job.n_handles);
    assert_in_range(job.n_kept, 1, LIMITS[fixture_group_encoder].n_kept);
    assert_in_range(job.n_handles, 1, LIMITS[fixture_group_encoder].n_handles);
    job_close(&job);
}

/* With room for the largest chunk alone the others are computed again. */
static void test_budget__a_pass_keeps_what_it_has_room_for(void **state)
{
    struct fixture *w = *state;
    struct job whole, part;
    job_open(&whole, w);
    assert_ok(step(&whole, w));
    job_close(&whole);
    job_open(&part, w);
    w->texts.keep_bytes = clip_text_chunk_bytes(w->clip, &w->texts, B);
    assert_ok(step(&part, w));
    job_close(&part);
    if (fixture_group_encoder == ENCODER_FAST)
        assert_in_range(part.n_kept, whole.n_kept / 3, 2 * whole.n_kept / 3);
    else
        assert_int_equal(part.n_kept, whole.n_kept);
}

static void test_budget__handles_do_not_grow_from_step_to_step(void **state)
{
    struct job job;
    job_open(&job, *state);
    assert_ok(step(&job, *state)); /* makes the momentum */
    const size_t live = scope_live_tensors();
    for (int i = 0; i < 10; i++) {
        assert_ok(step(&job, *state));
        assert_int_equal(scope_live_tensors(), live);
    }
    job_close(&job);
}

/* Products and attention of a forward pass or a step, autograd's gradients included. */
static double count_flop(struct fixture *w, bool backward)
{
    enum { MAX_OPS = 128 };
    struct op_cost ops[MAX_OPS];
    struct job job;
    struct method_output out;
    job_open(&job, w);
    assert_ok(profile_start(CPU));
    scope *s = scope_open(job.scope, backward ? SCOPE_GRAD_ON : SCOPE_GRAD_OFF);
    tensor *index = t_from_i64(s, (const int64_t[B]){0, 1, 2, 3}, SHAPE(B), CPU);
    tensor *loss = fixture_loss(s, &out, NULL, w, job.method, index, NULL);
    if (backward)
        assert_ok(method_backward(&out, s, loss));
    const size_t n = profile_stop(ops, MAX_OPS);
    method_output_free(&out);
    assert_ok(scope_close(s));
    job_close(&job);
    assert_in_range(n, 1, MAX_OPS);
    double flop = 0.0;
    for (size_t i = 0; i < n; i++)
        flop += ops[i].flop + ops[i].backward_flop;
    return flop;
}

static void test_budget__floating_point_operations_of_a_step(void **state)
{
    for (int backward = 0; backward < 2; backward++) {
        const double flop = count_flop(*state, backward), want = FLOP[fixture_group_encoder][backward];
        if (flop != want)
            fail_msg("%s: %.0f FLOP, expected %.0f", backward ? "step" : "forward", flop, want);
    }
}

static void test_budget__bytes_that_the_image_side_keeps(void **state)
{
    const struct fixture *w = *state;
    assert_true(clip_image_kept_bytes(w->clip, B, 4) == IMAGE_KEPT[fixture_group_encoder]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_budget__calls_of_a_step),
        torch_unit_test(test_budget__handles_of_a_step),
        torch_unit_test(test_budget__a_pass_keeps_what_it_has_room_for),
        torch_unit_test(test_budget__bytes_that_the_image_side_keeps),
        torch_unit_test(test_budget__handles_do_not_grow_from_step_to_step),
        torch_unit_test(test_budget__floating_point_operations_of_a_step),
    };
    return fixture_run_both("budget", tests, DTYPE_F32);
}
