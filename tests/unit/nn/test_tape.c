/* Hand-written backwards among autograd's: chains, shared graphs, unused nodes, freed memory. */
#include "torch_test.h"

#include <math.h>
#include <stdlib.h>

#include "prompt/nn/tape.h"

/* A hand-written node: y = factor * sum of the inputs. */
struct scaled_sum {
    double factor;
    size_t n;
    bool fails;
};

static int n_states;      /* alive */
static double visited[8]; /* factors of the nodes in the order of their backwards */
static size_t n_visited;

static void backward(tensor **grads, scope *s, void *state, const tensor *output_grad)
{
    const struct scaled_sum *st = state;
    visited[n_visited++] = st->factor;
    if (st->fails) {
        scope_fail(s, error_set(ERR_NUMERIC, "by hand"));
        return;
    }
    for (size_t i = 0; i < st->n; i++)
        grads[i] = t_scale(s, output_grad, st->factor);
}

static void free_state(void *state)
{
    n_states--;
    free(state);
}

static tensor *scaled_sum(struct tape *t, scope *outer, double factor, const tensor *const *in, size_t n,
                          bool fails)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    tensor *sum = t_scale(s, in[0], factor);
    for (size_t i = 1; i < n; i++)
        sum = t_add(s, sum, t_scale(s, in[i], factor));
    sum = scope_keep(s, sum);
    scope_close(s);
    struct scaled_sum *state = malloc(sizeof *state);
    const tensor **inputs = malloc(n * sizeof *inputs);
    assert_true(state && inputs);
    *state = (struct scaled_sum){factor, n, fails};
    for (size_t i = 0; i < n; i++)
        inputs[i] = in[i];
    n_states++;
    return tape_add(
        t, outer, sum,
        (struct tape_node){
            .inputs = inputs, .n_inputs = n, .state = state, .backward = backward, .free_state = free_state});
}
#define SCALED_SUM(t, s, factor, ...) scaled_sum(t, s, factor, TENSORS(__VA_ARGS__), false)

static tensor *leaf(scope *s, double value)
{
    tensor *t = t_full(s, SHAPE(2), value, DTYPE_F64, CPU);
    t_require_grad(s, t);
    return t;
}

/* Both elements of the gradient; NAN if there is none. */
static double grad_of(scope *s, const tensor *t)
{
    double g[2] = {NAN, NAN};
    const tensor *grad = t_grad(s, t);
    if (grad)
        assert_ok(t_read_f64(g, 2, s, grad));
    if (grad)
        assert_true(g[0] == g[1]);
    return g[0];
}

static int begin(void **state)
{
    n_states = 0;
    n_visited = 0;
    return torch_test_begin(state);
}

static int end(void **state)
{
    return torch_test_end(state) == 0 && n_states == 0 ? 0 : -1;
}

/* ---------------------------------------------------------------- gradients */

/* x -> x^2 -> 3 (.) -> exp -> 5 (. + x) -> sum: autograd before, between and after two nodes. */
static void test_tape__autograd_goes_on_through_a_chain(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_ON);
    struct tape t = {0};
    const double x = 0.5;
    tensor *in = leaf(s, x);
    tensor *a = SCALED_SUM(&t, s, 3.0, t_mul(s, in, in));
    tensor *b = SCALED_SUM(&t, s, 5.0, t_exp(s, a), in);
    assert_ok(tape_backward(&t, s, t_sum(s, b)));
    assert_true(fabs(grad_of(s, in) - 5.0 * (exp(3.0 * x * x) * 6.0 * x + 1.0)) < 1e-12);
    assert_int_equal(n_visited, 2);
    assert_true(visited[0] == 5.0 && visited[1] == 3.0); /* last first */
    assert_int_equal(t.n, 0);
    assert_int_equal(n_states, 0); /* freed as they were visited */
    tape_free(&t);
    assert_ok(scope_close(s));
}

/* Both nodes and the loss read one result of autograd, and the second node reads the first: all shares must
 * add up. */
static void test_tape__shares_of_a_shared_graph_add_up(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_ON);
    struct tape t = {0};
    tensor *in = leaf(s, 2.0);
    tensor *shared = t_mul(s, in, in); /* slope 4 */
    tensor *a = SCALED_SUM(&t, s, 3.0, shared);
    tensor *b = SCALED_SUM(&t, s, 7.0, shared, a);
    assert_ok(tape_backward(&t, s, t_sum(s, t_add(s, t_add(s, a, b), shared))));
    assert_true(grad_of(s, in) == 4.0 * (3.0 + 7.0 + 7.0 * 3.0 + 1.0));
    tape_free(&t);
    assert_ok(scope_close(s));
}

static void test_tape__a_node_that_nobody_used_is_not_visited(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_ON);
    struct tape t = {0};
    tensor *in = leaf(s, 2.0), *unused = leaf(s, 1.0);
    (void)SCALED_SUM(&t, s, 11.0, unused);
    tensor *b = SCALED_SUM(&t, s, 3.0, in);
    (void)SCALED_SUM(&t, s, 13.0, b);
    assert_ok(tape_backward(&t, s, t_sum(s, b)));
    assert_true(grad_of(s, in) == 3.0);
    assert_true(isnan(grad_of(s, unused)));
    assert_int_equal(n_visited, 1);
    tape_free(&t);
    assert_ok(scope_close(s));
}

static void test_tape__an_input_that_needs_no_gradient_gets_none(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_ON);
    struct tape t = {0};
    tensor *in = leaf(s, 2.0), *constant = t_full(s, SHAPE(2), 1.0, DTYPE_F64, CPU);
    tensor *a = SCALED_SUM(&t, s, 3.0, constant, in);
    assert_ok(tape_backward(&t, s, t_sum(s, a)));
    assert_true(grad_of(s, in) == 3.0);
    assert_true(isnan(grad_of(s, constant)));
    tape_free(&t);
    assert_ok(scope_close(s));
}

static void test_tape__an_empty_one_is_autograd_alone(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_ON);
    struct tape t = {0};
    tensor *in = leaf(s, 2.0);
    assert_ok(tape_backward(&t, s, t_sum(s, t_mul(s, in, in))));
    assert_true(grad_of(s, in) == 4.0);
    tape_free(&t);
    assert_ok(scope_close(s));
}

/* ---------------------------------------------------------------- ends */

static void test_tape__freeing_without_a_backward_frees_all(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_ON);
    struct tape t = {0};
    const tensor *x = leaf(s, 2.0);
    for (int i = 0; i < 20; i++) /* more than the tape holds at first */
        x = SCALED_SUM(&t, s, 1.5, x);
    assert_int_equal(n_states, 20);
    assert_int_equal(t.n, 20);
    tape_free(&t);
    assert_int_equal(n_states, 0);
    assert_null(t.nodes);
    tape_free(&t);
    assert_ok(scope_close(s));
}

static void test_tape__a_backward_that_fails_ends_the_walk(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_ON);
    struct tape t = {0};
    tensor *in = leaf(s, 2.0);
    tensor *a = SCALED_SUM(&t, s, 3.0, in);
    tensor *b = scaled_sum(&t, s, 5.0, TENSORS(a), true);
    assert_int_equal(tape_backward(&t, s, t_sum(s, b)), ERR_NUMERIC);
    assert_int_equal(n_visited, 1);
    tape_free(&t);
    assert_int_equal(scope_close(s), ERR_NUMERIC);
    assert_string_equal(error_message(), "by hand");
}

static void test_tape__a_failed_scope_takes_no_node_and_frees_it_later(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_ON);
    struct tape t = {0};
    tensor *in = leaf(s, 2.0);
    scope_fail(s, error_set(ERR_NUMERIC, "by hand"));
    assert_null(SCALED_SUM(&t, s, 3.0, in));
    assert_int_equal(tape_backward(&t, s, in), ERR_NUMERIC);
    tape_free(&t);
    assert_int_equal(scope_close(s), ERR_NUMERIC);
}

#define tape_unit_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        tape_unit_test(test_tape__autograd_goes_on_through_a_chain),
        tape_unit_test(test_tape__shares_of_a_shared_graph_add_up),
        tape_unit_test(test_tape__a_node_that_nobody_used_is_not_visited),
        tape_unit_test(test_tape__an_input_that_needs_no_gradient_gets_none),
        tape_unit_test(test_tape__an_empty_one_is_autograd_alone),
        tape_unit_test(test_tape__freeing_without_a_backward_frees_all),
        tape_unit_test(test_tape__a_backward_that_fails_ends_the_walk),
        tape_unit_test(test_tape__a_failed_scope_takes_no_node_and_frees_it_later),
    };
    return cmocka_run_group_tests_name("tape", tests, NULL, NULL);
}
