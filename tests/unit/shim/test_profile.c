/* The profile of a thread's operations: their calls, and their FLOP counted by hand. */
#include "torch_test.h"

#include <string.h>

#include "prompt/torch/fused.h"
#include "prompt/torch/profile.h"

enum { MAX_OPS = 16 };

/* Ends the profile and asserts that it holds one call of `name` with these FLOP; the others count none. */
static void expect_flop(const char *name, double flop, double backward_flop)
{
    struct op_cost ops[MAX_OPS];
    const size_t n = profile_stop(ops, MAX_OPS);
    size_t n_found = 0;
    assert_in_range(n, 1, MAX_OPS);
    for (size_t i = 0; i < n; i++) {
        const bool is_it = strcmp(ops[i].name, name) == 0;
        n_found += is_it;
        assert_true(ops[i].seconds >= 0.0);
        assert_true(ops[i].n_calls >= 1);
        if (is_it)
            assert_int_equal(ops[i].n_calls, 1);
        if (ops[i].flop != (is_it ? flop : 0.0) || ops[i].backward_flop != (is_it ? backward_flop : 0.0))
            fail_msg("%s of %s: %.0f and %.0f FLOP", ops[i].name, name, ops[i].flop, ops[i].backward_flop);
    }
    assert_int_equal(n_found, 1);
}

static tensor *some(scope *s, const int64_t *dims, size_t n_dims)
{
    return t_full(s, dims, n_dims, 0.5, DTYPE_F32, CPU);
}

/* A leaf that is trained, or a constant. */
static tensor *leaf(scope *s, bool is_trained, const int64_t *dims, size_t n_dims)
{
    tensor *t = some(s, dims, n_dims);
    if (is_trained)
        t_require_grad(s, t);
    return t;
}

/* A product's gradients are one more product for each operand that wants one. */
static void test_profile__products_and_their_gradients(void **state)
{
    (void)state;
    const double LINEAR = 2.0 * 2 * 3 * 4 * 5, CONV = 2.0 * 2 * 8 * 2 * 2 * (3 * 2 * 2);
    for (int trained = 0; trained < 4; trained++) {
        const bool first = trained & 1, second = trained & 2;
        const double n_gradients = (double)first + (double)second;
        scope *s = scope_open(NULL, SCOPE_GRAD_ON);
        tensor *x = leaf(s, first, SHAPE(2, 3, 4)), *w = leaf(s, second, SHAPE(5, 4));
        assert_ok(profile_start(CPU));
        assert_non_null(t_linear(s, x, w, NULL));
        expect_flop("t_linear", LINEAR, n_gradients * LINEAR);
        tensor *b = leaf(s, second, SHAPE(2, 4, 5));
        assert_ok(profile_start(CPU));
        assert_non_null(t_matmul(s, x, b));
        expect_flop("t_matmul", LINEAR, n_gradients * LINEAR);
        tensor *pixels = leaf(s, first, SHAPE(2, 3, 4, 4)), *patches = leaf(s, second, SHAPE(8, 3, 2, 2));
        assert_ok(profile_start(CPU));
        assert_non_null(t_conv2d_patches(s, pixels, patches));
        expect_flop("t_conv2d_patches", CONV, n_gradients * CONV);
        assert_ok(scope_close(s));
    }
}

static void test_profile__without_gradients_there_is_no_backward(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *x = leaf(s, true, SHAPE(2, 3, 4)), *w = leaf(s, true, SHAPE(5, 4));
    assert_ok(profile_start(CPU));
    assert_non_null(t_relu(s, t_linear(s, x, w, NULL)));
    expect_flop("t_linear", 240.0, 0.0);
    assert_ok(scope_close(s));
}

/* Two products a pair of query and key; five in the backward, whichever operands want a gradient. */
static void test_profile__attention(void **state)
{
    (void)state;
    const double all = 2.0 * 2 * 2 * (3 * 3) * 4, causal = 2.0 * 2 * 2 * (1 + 2 + 3) * 4; /* per head pair */
    for (int is_causal = 0; is_causal < 2; is_causal++)
        for (int trained = 0; trained < 2; trained++) {
            const double one = (is_causal ? causal : all) * 2; /* heads */
            scope *s = scope_open(NULL, SCOPE_GRAD_ON);
            tensor *q = leaf(s, trained, SHAPE(2, 2, 3, 4)), *k = some(s, SHAPE(2, 2, 3, 4));
            assert_ok(profile_start(CPU));
            assert_non_null(t_attention(s, q, k, k, is_causal));
            expect_flop("t_attention", one, trained ? 2.5 * one : 0.0);
            assert_ok(scope_close(s));
        }
}

static void test_profile__packed_products(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *weight = t_pack_weight(s, some(s, SHAPE(8, 16)), 6);
    assert_ok(profile_start(CPU));
    assert_non_null(t_packed_linear(s, weight, NULL, some(s, SHAPE(6, 16))));
    expect_flop("t_packed_linear", 2.0 * 6 * 16 * 8, 0.0);
    assert_ok(scope_close(s));
}

/* Of the backward's five products d_q's may be missing, and d_k's and d_v's be of the last keys alone. */
static void test_profile__dense_attention_there_and_back(void **state)
{
    (void)state;
    const double product = 2.0 * 2 * (3 * 5) * 8, of_last = 2.0 * 2 * (3 * 1) * 8;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *q = some(s, SHAPE(2, 3, 8)), *k = some(s, SHAPE(2, 5, 8)), *aux = NULL;
    assert_ok(profile_start(CPU));
    tensor *out = t_dense_attention(s, q, k, k, 2, &aux);
    expect_flop("t_dense_attention", 2.0 * product, 0.0);
    tensor *d_q = some(s, SHAPE(2, 3, 8)), *d_k = some(s, SHAPE(2, 5, 8)), *d_v = some(s, SHAPE(2, 5, 8));
    assert_ok(profile_start(CPU));
    t_dense_attention_backward(s, out, q, k, k, aux, 2, d_q, d_k, d_v, 0);
    expect_flop("t_dense_attention_backward", 5.0 * product, 0.0);
    tensor *last_k = some(s, SHAPE(2, 1, 8)), *last_v = some(s, SHAPE(2, 1, 8));
    assert_ok(profile_start(CPU));
    t_dense_attention_backward(s, out, q, k, k, aux, 2, NULL, last_k, last_v, 4);
    expect_flop("t_dense_attention_backward", 2.0 * product + 2.0 * of_last, 0.0);
    assert_ok(scope_close(s));
}

/* A chain of three nodes behind a prefix of two: 1 + 2 + 3 nodes are seen, and the prefix by each. */
static void test_profile__tree_attention_there_and_back(void **state)
{
    (void)state;
    const int32_t first[] = {0, 1, 3, 6}, seen[] = {0, 0, 1, 0, 1, 2};
    const struct tree_mask chain = {
        .n_nodes = 3, .n_queries = 3, .first = first, .seen = seen, .n_seen_max = 3};
    const double product = 2.0 * 2 * (6 + 3 * 2) * 8;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *rows = some(s, SHAPE(2, 3, 8)), *prefix = some(s, SHAPE(2, 2, 8));
    const struct tree_attention a = {rows, rows, rows, prefix, prefix, .n_heads = 2, .mask = &chain};
    assert_ok(profile_start(CPU));
    tensor *out = t_tree_attention(s, &a);
    expect_flop("t_tree_attention", 2.0 * product, 0.0);
    tensor *d_q = some(s, SHAPE(2, 3, 8)), *d_k = some(s, SHAPE(2, 3, 8)), *d_v = some(s, SHAPE(2, 3, 8));
    assert_ok(profile_start(CPU));
    t_tree_attention_backward(s, &a, out, d_q, d_k, d_v, NULL, NULL);
    expect_flop("t_tree_attention_backward", 5.0 * product, 0.0);
    assert_ok(scope_close(s));
}

static void test_profile__the_most_expensive_first_and_no_more_than_asked(void **state)
{
    (void)state;
    struct op_cost ops[MAX_OPS] = {{0}};
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *small = some(s, SHAPE(2, 2)), *large = some(s, SHAPE(512, 512));
    assert_int_equal(profile_stop(ops, MAX_OPS), 0); /* none is running */
    assert_ok(profile_start(CPU));
    for (int i = 0; i < 3; i++)
        assert_non_null(t_relu(s, small));
    assert_non_null(t_matmul(s, large, large));
    assert_int_equal(profile_stop(ops, 1), 2);
    assert_string_equal(ops[0].name, "t_matmul");
    assert_null(ops[1].name);
    assert_non_null(t_relu(s, small)); /* not timed any more */
    assert_int_equal(profile_stop(ops, MAX_OPS), 0);
    assert_ok(scope_close(s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_profile__products_and_their_gradients),
        torch_unit_test(test_profile__without_gradients_there_is_no_backward),
        torch_unit_test(test_profile__attention),
        torch_unit_test(test_profile__packed_products),
        torch_unit_test(test_profile__dense_attention_there_and_back),
        torch_unit_test(test_profile__tree_attention_there_and_back),
        torch_unit_test(test_profile__the_most_expensive_first_and_no_more_than_asked),
    };
    return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
