/*
 * The gradient of ProMPT's loss in every trained tensor against central differences, in fp64 on the recorded
 * small CLIP, with both encoders; the filter's picks are forced, so that no step crosses a change of them.
 */
#include "fixture_test.h"

#include <math.h>
#include <stdlib.h>

#include "prompt/base/rng.h"

static const double TOLERANCE = 1e-7; /* measured 2026-11-24 over the settings below: at most 1.1e-8 */
static const double STEP = 1e-6;      /* the prompts start at 0.02: 1e-5 curves by 1e-6 */
enum { N_DIRECTIONS = 2, B = 2, MAX_TRAINED = 10 };

struct setting {
    const char *name;
    const char *changes[3]; /* of the recorded defaults */
};

static const struct setting SETTINGS[] = {
    {"default", {NULL}},
    {"no vision generator", {"vision_prompt.generator=false"}},
    {"no text generator", {"text_prompt.generator=false"}},
    {"no generators", {"vision_prompt.generator=false", "text_prompt.generator=false"}},
    {"no filter", {"filter=false"}},
    {"one iteration", {"iterations=1"}},
    {"three iterations", {"iterations=3"}},
    {"lambda 0.5", {"lambda=0.5"}},
    {"raw input", {"generator_input=raw"}},
    {"three text prompts", {"text_prompt.count=3"}},
    {"seven text prompts", {"text_prompt.count=7"}},
    {"fixed start token", {"text_prompt.covers_sos=false"}},
    {"fixed start token, seven", {"text_prompt.covers_sos=false", "text_prompt.count=7"}},
    {"fewer classes than prompts", {"vision_prompt.count=14"}},
    {"all layers", {"vision_prompt.depth=3"}},
    {"one layer", {"vision_prompt.depth=1"}},
    {"detached, one iteration", {"detach_iterations=true", "iterations=1"}},
};

/* One setting: a method, a batch, and the picks that are forced. */
struct problem {
    const struct fixture *fixture;
    scope *scope;
    struct method *method;
    tensor *index; /* [B] */
    int64_t *picks;
};

/* The loss; with `with_gradients` they are left in the leaves. */
static double loss_of(struct problem *p, bool with_gradients)
{
    scope *s = scope_open(p->scope, with_gradients ? SCOPE_GRAD_ON : SCOPE_GRAD_OFF);
    struct method_output out;
    struct method_trace trace = {.force = true, .picks = p->picks};
    tensor *loss = fixture_loss(s, &out, NULL, p->fixture, p->method, p->index, &trace);
    double value = 0.0;
    if (with_gradients)
        assert_ok(method_backward(&out, s, loss));
    assert_ok(t_item_f64(&value, s, loss));
    method_output_free(&out);
    assert_ok(scope_close(s));
    return value;
}

static void problem_open(struct problem *p, struct fixture *w, const char *const *changes)
{
    *p = (struct problem){.fixture = w, .scope = scope_open(NULL, SCOPE_GRAD_OFF)};
    const struct method_options options = fixture_options(fixture_defaults(w), changes);
    assert_ok(fixture_method(&p->method, w, p->scope, &options));
    assert_int_equal(t_dtype(p->method->trained.items[0].value), DTYPE_F64);
    p->index = t_from_i64(p->scope, (const int64_t[B]){0, 1}, SHAPE(B), CPU);
    p->picks = calloc((size_t)(METHOD_MAX_ITERATIONS * B * w->texts.rows->n), sizeof *p->picks);
    assert_non_null(p->picks);
    scope *s = scope_open(p->scope, SCOPE_GRAD_OFF);
    struct method_output out;
    struct method_trace trace = {.force = false, .picks = p->picks};
    (void)fixture_loss(s, &out, NULL, w, p->method, p->index, &trace);
    method_output_free(&out);
    assert_ok(scope_close(s));
}

static void problem_close(struct problem *p)
{
    method_free(p->method);
    free(p->picks);
    assert_ok(scope_close(p->scope));
}

static tensor *random_direction(scope *s, const tensor *like, struct rng *rng)
{
    const int64_t n = t_numel(like);
    double *values = malloc((size_t)n * sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < n; i++)
        values[i] = rng_normal(rng);
    int64_t dims[3];
    for (int64_t i = 0; i < t_dim(like); i++)
        dims[i] = t_size(like, i);
    tensor *t = t_clone(s, t_from_memory(s, values, DTYPE_F64, dims, (size_t)t_dim(like)));
    free(values);
    return t;
}

static double dot(scope *s, const tensor *a, const tensor *b)
{
    double value = 0.0;
    assert_ok(t_item_f64(&value, s, t_sum(s, t_mul(s, a, b))));
    return value;
}

/* |slope - difference| / max(|difference|, the size that a slope along a normal direction has: |gradient|).
 */
static double error_along(struct problem *p, scope *s, tensor *value, const tensor *gradient,
                          const tensor *direction)
{
    tensor *before = t_clone(s, value);
    t_add_scaled_(s, value, direction, STEP);
    const double above = loss_of(p, false);
    t_copy_(s, value, before);
    t_add_scaled_(s, value, direction, -STEP);
    const double below = loss_of(p, false);
    t_copy_(s, value, before);
    const double difference = (above - below) / (2 * STEP);
    const double size = sqrt(dot(s, gradient, gradient));
    assert_true(size > 1e-6); /* a gradient of zero would agree with anything that does nothing */
    return fabs(dot(s, gradient, direction) - difference) / fmax(fabs(difference), size);
}

/* The largest error over all trained tensors and directions. */
static double largest_error(struct fixture *w, const char *const *changes)
{
    struct problem p;
    problem_open(&p, w, changes);
    (void)loss_of(&p, true);
    const struct params *trained = &p.method->trained;
    tensor *gradients[MAX_TRAINED];
    assert_in_range(trained->n, 1, MAX_TRAINED);
    for (size_t i = 0; i < trained->n; i++) /* the losses that follow clear the leaves' own */
        gradients[i] = t_clone(p.scope, t_grad(p.scope, trained->items[i].value));
    assert_ok(scope_status(p.scope));

    double largest = 0.0;
    struct rng rng;
    rng_init(&rng, 1, RNG_INIT, 0, 0);
    for (size_t i = 0; i < trained->n; i++)
        for (int d = 0; d < N_DIRECTIONS; d++) {
            scope *s = scope_open(p.scope, SCOPE_GRAD_OFF);
            tensor *value = trained->items[i].value;
            const double error = error_along(&p, s, value, gradients[i], random_direction(s, value, &rng));
            if (!(error <= largest))
                largest = error;
            assert_ok(scope_close(s));
        }
    problem_close(&p);
    return largest;
}

static void test_gradients__are_central_differences_for_every_setting(void **state)
{
    int n_failed = 0;
    double largest = 0.0;
    for (size_t i = 0; i < sizeof SETTINGS / sizeof SETTINGS[0]; i++) {
        const double error = largest_error(*state, SETTINGS[i].changes);
        if (!(error <= TOLERANCE)) {
            print_error("%s: relative error %.1e\n", SETTINGS[i].name, error);
            n_failed++;
        }
        largest = fmax(largest, error);
    }
    print_message("largest relative error %.1e\n", largest);
    assert_int_equal(n_failed, 0);
}

/* The check above can fail: a gradient that is cut between iterations is not that of the loss. */
static void test_gradients__of_detached_iterations_are_not(void **state)
{
    const char *const changes[] = {"detach_iterations=true", NULL};
    assert_true(largest_error(*state, changes) > 1e-2);
}

/* The prompts' gradients, [vision, text], owned by the problem's scope. */
static void prompt_gradients(const tensor *out[2], struct problem *p)
{
    const struct params *trained = &p->method->trained;
    (void)loss_of(p, true);
    out[0] = t_grad(p->scope, params_find(trained, "vision_prompts"));
    out[1] = t_grad(p->scope, params_find(trained, "text_prompts"));
}

/* The second iteration's loss does not reach the prompts that the first one starts from. */
static void test_gradients__of_a_detached_iteration_end_there(void **state)
{
    const char *const detached[] = {"detach_iterations=true", NULL};
    const char *const single[] = {"iterations=1", NULL};
    struct problem two, one;
    const tensor *of_two[2], *of_one[2];
    problem_open(&two, *state, detached);
    prompt_gradients(of_two, &two);
    problem_open(&one, *state, single);
    prompt_gradients(of_one, &one);
    for (int i = 0; i < 2; i++) {
        const tensor *difference = t_sub(one.scope, of_two[i], of_one[i]);
        const double size = sqrt(dot(one.scope, of_one[i], of_one[i]));
        assert_true(size > 1e-6);
        assert_true(sqrt(dot(one.scope, difference, difference)) < 1e-12 * size);
    }
    problem_close(&one);
    problem_close(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_gradients__are_central_differences_for_every_setting),
        torch_unit_test(test_gradients__of_detached_iterations_are_not),
        torch_unit_test(test_gradients__of_a_detached_iteration_end_there),
    };
    return fixture_run_both("gradients", tests, DTYPE_F64);
}
