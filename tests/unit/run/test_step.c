/* A step of training on the recorded small CLIP: which steps change the prompts. */
#include "fixture_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/report/metrics.h"
#include "step.h"

enum { B = 2 };

struct job {
    scope *scope;
    struct method *method;
    struct optimizer optimizer;
    struct step_batch batch;
    float *before; /* of the vision prompts */
};

static const tensor *prompts_of(const struct job *job)
{
    return params_find(&job->method->trained, "vision_prompts");
}

static size_t prompt_bytes(const struct job *job)
{
    return (size_t)t_numel(prompts_of(job)) * sizeof(float);
}

static void job_open(struct job *job, struct fixture *w, double loss_weight)
{
    *job = (struct job){.scope = scope_open(NULL, SCOPE_GRAD_OFF)};
    struct method_options options = fixture_options(fixture_defaults(w), NULL);
    options.loss_weight = loss_weight;
    assert_ok(fixture_method(&job->method, w, job->scope, &options));
    assert_ok(optimizer_init(
        &job->optimizer, job->scope, &job->method->trained,
        &(struct optimizer_options){.momentum = w->momentum, .weight_decay = w->weight_decay}));
    tensor *index = t_from_i64(job->scope, (const int64_t[B]){0, 1}, SHAPE(B), CPU);
    job->batch = (struct step_batch){.pixels = t_index_select(job->scope, w->pixels, 0, index),
                                     .labels = t_index_select(job->scope, w->labels, 0, index)};
    job->before = malloc(prompt_bytes(job));
    assert_non_null(job->before);
    memcpy(job->before, t_data(prompts_of(job)), prompt_bytes(job));
}

static void job_close(struct job *job)
{
    free(job->before);
    optimizer_deinit(&job->optimizer);
    method_free(job->method);
    assert_ok(scope_close(job->scope));
}

static struct step_numbers step(struct job *job, const struct fixture *w, double lr)
{
    struct step_numbers numbers;
    scope *s = scope_open(job->scope, SCOPE_GRAD_ON);
    assert_ok(step_train(&numbers, s, job->method, &job->optimizer, &w->texts, job->batch, lr));
    assert_ok(scope_close(s));
    return numbers;
}

static bool is_changed(const struct job *job)
{
    return memcmp(job->before, t_data(prompts_of(job)), prompt_bytes(job)) != 0;
}

static void test_step__gradients_are_those_of_the_step_alone(void **state)
{
    struct job job;
    job_open(&job, *state, 1.0);
    const struct step_numbers first = step(&job, *state, 0.0), second = step(&job, *state, 0.0);
    assert_true(first.largest_gradient > 0.0 && first.largest_gradient == second.largest_gradient);
    assert_false(is_changed(&job));
    (void)step(&job, *state, 0.01);
    assert_true(is_changed(&job));
    job_close(&job);
}

static void test_step__accuracies_are_those_of_the_logits(void **state)
{
    struct fixture *w = *state;
    struct job job;
    job_open(&job, w, 1.0);
    const struct step_numbers numbers = step(&job, w, 0.0);
    const int64_t N = job.method->options.n_iterations, K = w->texts.rows->n;
    float *logits = calloc((size_t)(B * (N + 1) * K), sizeof *logits);
    int64_t *labels = calloc((size_t)B, sizeof *labels);
    assert_non_null(logits);
    assert_non_null(labels);
    const struct step_inputs in = {.pixels = job.batch.pixels};
    assert_ok(step_logits(logits, NULL, job.scope, job.method, &w->texts, &in));
    assert_ok(t_read_i64(labels, (size_t)B, job.scope, job.batch.labels));
    for (int64_t n = 1; n <= N; n++) {
        int64_t n_right = 0;
        for (int64_t b = 0; b < B; b++)
            n_right += metrics_predict(logits + (b * (N + 1) + n) * K, K) == labels[b];
        assert_true(numbers.accuracies[n - 1] == 1.0 - (double)(B - n_right) / (double)B);
    }
    free(logits);
    free(labels);
    job_close(&job);
}

/* So large a weight leaves the loss finite, but not its gradient. */
static void test_step__a_gradient_that_is_not_finite_changes_nothing(void **state)
{
    struct job job;
    job_open(&job, *state, 1e37);
    const struct step_numbers numbers = step(&job, *state, 0.01);
    assert_true(isfinite(numbers.loss));
    assert_true(!isfinite(numbers.largest_gradient));
    assert_false(step_is_finite(&numbers));
    assert_false(is_changed(&job));
    job_close(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_step__gradients_are_those_of_the_step_alone),
        torch_unit_test(test_step__accuracies_are_those_of_the_logits),
        torch_unit_test(test_step__a_gradient_that_is_not_finite_changes_nothing),
    };
    return fixture_run_both("step", tests, DTYPE_F32);
}
