/* SGD and AdamW against hand computation, the learning rate by epoch. */
#include "torch_test.h"

#include <math.h>

#include "prompt/nn/optimizer.h"
#include "prompt/nn/schedule.h"

/* ---------------------------------------------------------------- learning rate */

static void expect_rate(const struct schedule_options *o, int64_t epoch, double want)
{
    const double got = schedule_lr(o, epoch, 0);
    if (!(fabs(got - want) <= 5e-8)) /* the values are given to seven digits after the point */
        fail_msg("epoch %d: rate %.9g, expected %.9g", (int)epoch, got, want);
}

static void test_optim__cosine_starts_after_the_warm_up_and_counts_it(void **state)
{
    (void)state;
    const struct schedule_options o = {
        .schedule = SCHEDULE_COSINE, .lr = 0.008, .warmup_lr = 1e-5, .warmup_epochs = 1, .n_epochs = 5};
    const double want[] = {1e-5, 0.008, 0.0072361, 0.0052361, 0.0027639};
    for (int64_t epoch = 1; epoch <= 5; epoch++)
        expect_rate(&o, epoch, want[epoch - 1]);
}

static void test_optim__two_epochs_are_a_warm_up_and_the_full_rate(void **state)
{
    (void)state;
    const struct schedule_options o = {
        .schedule = SCHEDULE_COSINE, .lr = 0.008, .warmup_lr = 1e-5, .warmup_epochs = 1, .n_epochs = 2};
    expect_rate(&o, 1, 1e-5);
    expect_rate(&o, 2, 0.008);
}

static void test_optim__without_warm_up_the_cosine_starts_at_once(void **state)
{
    (void)state;
    const struct schedule_options o = {
        .schedule = SCHEDULE_COSINE, .lr = 0.008, .warmup_lr = 1e-5, .warmup_epochs = 0, .n_epochs = 4};
    const double want[] = {0.008, 0.0068284, 0.004, 0.0011716};
    for (int64_t epoch = 1; epoch <= 4; epoch++)
        expect_rate(&o, epoch, want[epoch - 1]);
}

static void test_optim__constant_rate_has_a_warm_up_too(void **state)
{
    (void)state;
    const struct schedule_options o = {
        .schedule = SCHEDULE_CONSTANT, .lr = 0.008, .warmup_lr = 1e-5, .warmup_epochs = 2, .n_epochs = 4};
    const double want[] = {1e-5, 1e-5, 0.008, 0.008};
    for (int64_t epoch = 1; epoch <= 4; epoch++)
        expect_rate(&o, epoch, want[epoch - 1]);
}

static void test_optim__cosine_by_step_starts_at_the_rate_and_stops_short_of_the_lowest(void **state)
{
    (void)state;
    const struct schedule_options o = {SCHEDULE_COSINE_STEP, 2e-4, 1e-5, .min_lr = 1e-6, .n_steps = 4};
    /* torch.optim.lr_scheduler.CosineAnnealingLR(T_max=4, eta_min=1e-6), stepped after each step */
    const double want[] = {2e-4, 1.708571247280615e-4, 1.005e-4, 3.014287527193853e-5};
    for (int64_t step = 1; step <= 4; step++)
        if (!(fabs(schedule_lr(&o, 1, step) - want[step - 1]) <= 5e-12))
            fail_msg("step %d: rate %.9g", (int)step, schedule_lr(&o, 1, step));
}

/* ---------------------------------------------------------------- SGD */

enum { N = 2 };

/* Trained tensors "w" [N] and "b" [1] in fp64; the loss sum(c * w^2) / 2 + 3 b has gradients c w and 3. */
struct problem {
    scope *scope;
    struct params trained;
    tensor *w, *b;
};

static const double START[N] = {1.0, -2.0};
static const double CURVATURE[N] = {0.5, 4.0};

static tensor *leaf(scope *s, const double *values, int64_t n)
{
    tensor *t = t_clone(s, t_from_memory(s, values, DTYPE_F64, SHAPE(n)));
    t_require_grad(s, t);
    return t;
}

static void problem_open(struct problem *p)
{
    *p = (struct problem){.scope = scope_open(NULL, SCOPE_GRAD_OFF)};
    p->w = leaf(p->scope, START, N);
    p->b = leaf(p->scope, (const double[]){1.0}, 1);
    assert_ok(params_add(&p->trained, "w", p->w));
    assert_ok(params_add(&p->trained, "b", p->b));
}

static void problem_close(struct problem *p)
{
    params_free(&p->trained);
    assert_ok(scope_close(p->scope));
}

static void backward(struct problem *p)
{
    scope *s = scope_open(p->scope, SCOPE_GRAD_ON);
    tensor *c = t_from_memory(s, CURVATURE, DTYPE_F64, SHAPE(N));
    tensor *loss = t_scale(s, t_sum(s, t_mul(s, c, t_mul(s, p->w, p->w))), 0.5);
    assert_ok(t_backward(s, t_add(s, loss, t_scale(s, t_sum(s, p->b), 3.0))));
    assert_ok(scope_close(s));
}

static void expect_near(struct problem *p, const double *w, double b, double tolerance)
{
    double got[N + 1];
    assert_ok(t_read_f64(got, N, p->scope, p->w));
    assert_ok(t_item_f64(&got[N], p->scope, p->b));
    for (int i = 0; i <= N; i++) {
        const double want = i < N ? w[i] : b;
        if (!(fabs(got[i] - want) <= tolerance * fmax(1.0, fabs(want))))
            fail_msg("value %d is %.17g, expected %.17g", i, got[i], want);
    }
}

static void expect_values(struct problem *p, const double *w, double b)
{
    expect_near(p, w, b, 1e-15);
}

static void test_optim__three_steps_are_those_of_a_hand_computation(void **state)
{
    (void)state;
    const double momentum = 0.9, decay = 0.1, rates[] = {0.1, 0.2, 0.05};
    struct problem p;
    problem_open(&p);
    struct sgd sgd;
    sgd_init(&sgd, p.scope, &p.trained, momentum, decay);
    double w[N] = {START[0], START[1]}, b = 1.0, v[N + 1] = {0};
    for (int step = 0; step < 3; step++) {
        sgd_clear_grad(&sgd);
        backward(&p);
        assert_ok(sgd_step(&sgd, rates[step]));
        for (int i = 0; i < N; i++) {
            v[i] = momentum * v[i] + (CURVATURE[i] * w[i] + decay * w[i]);
            w[i] -= rates[step] * v[i];
        }
        v[N] = momentum * v[N] + (3.0 + decay * b);
        b -= rates[step] * v[N];
        expect_values(&p, w, b);
    }
    /* the first numbers on paper: w - 0.1 (0.5 + 0.1) = 0.94; then v = 0.9 0.6 + 0.6 0.94 = 1.104 */
    assert_true(fabs(w[0] - (0.94 - 0.2 * 1.104 - 0.05 * (0.9 * 1.104 + 0.6 * (0.94 - 0.2208)))) < 1e-15);
    sgd_deinit(&sgd);
    problem_close(&p);
}

static void test_optim__without_momentum_nothing_is_stored(void **state)
{
    (void)state;
    struct problem p;
    problem_open(&p);
    struct sgd sgd;
    sgd_init(&sgd, p.scope, &p.trained, 0.0, 0.0);
    for (int step = 0; step < 2; step++) {
        sgd_clear_grad(&sgd);
        backward(&p);
        assert_ok(sgd_step(&sgd, 0.1));
    }
    assert_int_equal(sgd.momentum.n, 0);
    expect_values(&p, (const double[]){0.95 * 0.95, -2.0 * 0.6 * 0.6}, 1.0 - 2 * 0.3);
    sgd_deinit(&sgd);
    problem_close(&p);
}

static void test_optim__a_step_leaves_the_gradient_as_it_was(void **state)
{
    (void)state;
    struct problem p;
    problem_open(&p);
    struct sgd sgd;
    sgd_init(&sgd, p.scope, &p.trained, 0.9, 0.1);
    backward(&p);
    assert_ok(sgd_step(&sgd, 0.1));
    assert_ok(sgd_step(&sgd, 0.1)); /* the velocity must not be the gradient's memory */
    double gradient[N];
    assert_ok(t_read_f64(gradient, N, p.scope, t_grad(p.scope, p.w)));
    assert_true(gradient[0] == 0.5 && gradient[1] == -8.0);
    sgd_deinit(&sgd);
    problem_close(&p);
}

static void test_optim__steps_leave_no_tensor_but_the_velocity(void **state)
{
    (void)state;
    struct problem p;
    problem_open(&p);
    struct sgd sgd;
    sgd_init(&sgd, p.scope, &p.trained, 0.9, 0.1);
    const size_t before = scope_live_tensors();
    for (int step = 0; step < 3; step++) {
        backward(&p);
        assert_ok(sgd_step(&sgd, 0.1));
        sgd_clear_grad(&sgd);
    }
    assert_int_equal(scope_live_tensors(), before + 2);
    sgd_deinit(&sgd);
    problem_close(&p);
}

static void test_optim__a_missing_gradient_names_the_tensor(void **state)
{
    (void)state;
    struct problem p;
    problem_open(&p);
    struct sgd sgd;
    sgd_init(&sgd, p.scope, &p.trained, 0.9, 0.0);
    backward(&p);
    t_clear_grad(p.scope, p.b);
    assert_int_equal(sgd_step(&sgd, 0.1), ERR_NUMERIC);
    assert_string_equal(error_message(), "trained tensor 'b' has no gradient");
    sgd_deinit(&sgd);
    params_free(&p.trained);
    assert_int_equal(scope_close(p.scope), ERR_NUMERIC);
}

/* ---------------------------------------------------------------- AdamW */

static void test_optim__the_rate_of_pretraining_rises_to_the_peak_and_ends_at_zero(void **state)
{
    (void)state;
    const double want[] = {0.25, 0.5, 0.75, 1.0, 0.8535534, 0.5, 0.1464466, 0.0};
    for (int64_t step = 1; step <= 8; step++)
        if (!(fabs(warmup_cosine_lr(1.0, step, 4, 8) - want[step - 1]) <= 5e-8))
            fail_msg("step %d: rate %.9g", (int)step, warmup_cosine_lr(1.0, step, 4, 8));
}

/* Step `step` of the equations for one value w with gradient g. */
static void adamw_by_hand(double *w, double *first, double *second, double g, double lr, double decay,
                          int step)
{
    *w -= lr * decay * *w;
    *first = 0.9 * *first + 0.1 * g;
    *second = 0.98 * *second + 0.02 * g * g;
    *w -= lr * (*first / (1 - pow(0.9, step))) / (sqrt(*second / (1 - pow(0.98, step))) + 1e-6);
}

/* "w" is a matrix [N,1] here, "b" is not, so only w decays. */
static void test_optim__adamw_is_its_equations_and_decays_matrices_alone(void **state)
{
    (void)state;
    const double decay = 0.1, rates[] = {0.1, 0.2, 0.05};
    struct problem p;
    problem_open(&p);
    p.trained.items[0].value = p.w = t_reshape(p.scope, t_detach(p.scope, p.w), SHAPE(N, 1));
    t_require_grad(p.scope, p.w);
    struct adamw adamw;
    const struct adamw_options options = {0.9, 0.98, 1e-6, decay, .decays_vectors = false};
    assert_ok(adamw_init(&adamw, p.scope, &p.trained, &options));
    double w[N] = {START[0], START[1]}, b = 1.0, first[N + 1] = {0}, second[N + 1] = {0};
    for (int step = 1; step <= 3; step++) {
        params_clear_grad(p.scope, &p.trained);
        scope *s = scope_open(p.scope, SCOPE_GRAD_ON);
        tensor *c = t_from_memory(s, CURVATURE, DTYPE_F64, SHAPE(N, 1));
        tensor *loss = t_scale(s, t_sum(s, t_mul(s, c, t_mul(s, p.w, p.w))), 0.5);
        assert_ok(t_backward(s, t_add(s, loss, t_scale(s, t_sum(s, p.b), 3.0))));
        assert_ok(scope_close(s));
        assert_ok(adamw_step(&adamw, rates[step - 1], step));
        for (int i = 0; i < N; i++)
            adamw_by_hand(&w[i], &first[i], &second[i], CURVATURE[i] * w[i], rates[step - 1], decay, step);
        adamw_by_hand(&b, &first[N], &second[N], 3.0, rates[step - 1], 0.0, step);
        expect_near(&p, w, b, 1e-12);
    }
    /* torch.optim.AdamW([w, b], betas=(0.9, 0.98), eps=1e-6) of PyTorch 2.13 ends here */
    expect_near(&p, (const double[]){0.6208344874513275, -1.5849838927034734}, 0.6500001166666276, 1e-12);
    adamw_deinit(&adamw);
    problem_close(&p);
}

/* The optimizer of a training decays every tensor, with PyTorch's constants. */
static void test_optim__adamw_of_a_training_decays_all(void **state)
{
    (void)state;
    struct problem p;
    problem_open(&p);
    struct optimizer adamw;
    assert_ok(optimizer_init(&adamw, p.scope, &p.trained,
                             &(struct optimizer_options){.kind = OPTIMIZER_ADAMW, .weight_decay = 0.1}));
    for (int step = 1; step <= 3; step++) {
        optimizer_clear_grad(&adamw);
        backward(&p);
        assert_ok(optimizer_step(&adamw, 0.1, step));
    }
    /* torch.optim.AdamW([w, b], lr=0.1, weight_decay=0.1) of PyTorch 2.13 ends here */
    expect_near(&p, (const double[]){0.6751012262874627, -1.6443686831798792}, 0.673289000990034, 1e-12);
    optimizer_deinit(&adamw);
    problem_close(&p);
}

/* ---------------------------------------------------------------- average over epochs */

static void test_optim__the_average_weighs_epochs_by_a_gaussian_and_replaces_the_last_values(void **state)
{
    (void)state;
    const struct average_options options = {.mean = 2.5, .deviation = 2.0, .n_epochs = 4};
    const double density[] = {exp(-0.28125), exp(-0.03125), exp(-0.03125), exp(-0.28125)};
    const double all = density[0] + density[1] + density[2] + density[3];
    struct problem p;
    struct average average;
    double want = 0.0;
    problem_open(&p);
    assert_ok(average_init(&average, p.scope, &p.trained, &options));
    for (int64_t epoch = 1; epoch <= 4; epoch++) {
        scope *s = scope_open(p.scope, SCOPE_GRAD_OFF);
        const double value = (double)(epoch * epoch);
        t_copy_(s, p.b, t_full(s, SHAPE(1), value, DTYPE_F64, CPU));
        want += density[epoch - 1] / all * value;
        assert_ok(scope_close(s));
        assert_ok(average_add(&average, epoch));
        expect_near(&p, START, epoch < 4 ? value : want, 1e-15);
    }
    average_deinit(&average);
    problem_close(&p);
}

static void test_optim__an_average_far_from_its_mean_is_the_nearest_epoch(void **state)
{
    (void)state;
    const struct average_options options = {.mean = 1000.0, .deviation = 1.0, .n_epochs = 3};
    assert_true(average_weight(&options, 3) == 1.0);
    assert_true(average_weight(&options, 1) == 0.0);
}

static void test_optim__gradients_are_scaled_down_to_the_largest_norm_together(void **state)
{
    (void)state;
    struct problem p;
    problem_open(&p);
    backward(&p); /* gradients 0.5, -8 and 3 */
    double norm = 0.0, gradient[N];
    assert_ok(params_clip_grad(&norm, p.scope, &p.trained, 100.0));
    assert_true(fabs(norm - sqrt(73.25)) < 1e-12);
    assert_ok(t_read_f64(gradient, N, p.scope, t_grad(p.scope, p.w)));
    assert_true(gradient[1] == -8.0); /* a smaller norm stays as it is */
    assert_ok(params_clip_grad(&norm, p.scope, &p.trained, 1.0));
    assert_ok(t_read_f64(gradient, N, p.scope, t_grad(p.scope, p.w)));
    assert_true(fabs(gradient[1] + 8.0 / sqrt(73.25)) < 1e-12);
    assert_ok(params_clip_grad(&norm, p.scope, &p.trained, 1.0));
    assert_true(fabs(norm - 1.0) < 1e-12);
    problem_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_optim__cosine_starts_after_the_warm_up_and_counts_it),
        torch_unit_test(test_optim__two_epochs_are_a_warm_up_and_the_full_rate),
        torch_unit_test(test_optim__without_warm_up_the_cosine_starts_at_once),
        torch_unit_test(test_optim__constant_rate_has_a_warm_up_too),
        torch_unit_test(test_optim__cosine_by_step_starts_at_the_rate_and_stops_short_of_the_lowest),
        torch_unit_test(test_optim__three_steps_are_those_of_a_hand_computation),
        torch_unit_test(test_optim__without_momentum_nothing_is_stored),
        torch_unit_test(test_optim__a_step_leaves_the_gradient_as_it_was),
        torch_unit_test(test_optim__steps_leave_no_tensor_but_the_velocity),
        torch_unit_test(test_optim__a_missing_gradient_names_the_tensor),
        torch_unit_test(test_optim__the_rate_of_pretraining_rises_to_the_peak_and_ends_at_zero),
        torch_unit_test(test_optim__adamw_is_its_equations_and_decays_matrices_alone),
        torch_unit_test(test_optim__adamw_of_a_training_decays_all),
        torch_unit_test(test_optim__the_average_weighs_epochs_by_a_gaussian_and_replaces_the_last_values),
        torch_unit_test(test_optim__an_average_far_from_its_mean_is_the_nearest_epoch),
        torch_unit_test(test_optim__gradients_are_scaled_down_to_the_largest_norm_together),
    };
    return cmocka_run_group_tests_name("optim", tests, NULL, NULL);
}
