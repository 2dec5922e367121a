/* Scopes: lifetimes, the first failure and its one line, gradient mode. */
#include "torch_test.h"

#include <stdio.h>
#include <string.h>

static tensor *ones(scope *s, int64_t rows, int64_t columns)
{
    return t_full(s, SHAPE(rows, columns), 1.0, DTYPE_F32, CPU);
}

/* ---------------------------------------------------------------- lifetimes */

static void test_scope__close_frees_what_was_made(void **state)
{
    (void)state;
    const size_t before = scope_live_tensors();
    scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    t_add(s, ones(s, 2, 3), ones(s, 2, 3));
    assert_int_equal(scope_live_tensors(), before + 3);
    assert_int_equal(scope_close(s), OK);
    assert_int_equal(scope_live_tensors(), before);
}

static void test_scope__keep_outlives_the_scope(void **state)
{
    (void)state;
    scope *outer = scope_open(NULL, SCOPE_GRAD_INHERIT);
    scope *s = scope_open(outer, SCOPE_GRAD_INHERIT);
    tensor *kept = scope_keep(s, ones(s, 2, 3));
    assert_int_equal(scope_close(s), OK);
    double sum = 0.0;
    assert_ok(t_item_f64(&sum, outer, t_sum(outer, kept)));
    assert_true(sum == 6.0);
    assert_int_equal(scope_close(outer), OK);
}

static void test_scope__share_is_the_same_tensor_elsewhere(void **state)
{
    (void)state;
    scope *a = scope_open(NULL, SCOPE_GRAD_INHERIT), *b = scope_open(NULL, SCOPE_GRAD_INHERIT);
    tensor *mine = ones(a, 1, 1);
    tensor *theirs = scope_share(b, mine);
    t_scale_(a, mine, 5.0);
    assert_int_equal(scope_close(a), OK);
    double value = 0.0;
    assert_ok(t_item_f64(&value, b, theirs));
    assert_true(value == 5.0);
    assert_int_equal(scope_close(b), OK);
}

static void test_scope__keep_and_share_pass_a_missing_tensor_on(void **state)
{
    (void)state;
    scope *outer = scope_open(NULL, SCOPE_GRAD_INHERIT);
    scope *s = scope_open(outer, SCOPE_GRAD_INHERIT);
    assert_null(scope_keep(s, NULL));
    assert_null(scope_share(outer, NULL));
    assert_true(scope_ok(s) && scope_ok(outer)); /* NULL comes from a failure already reported */
    assert_int_equal(scope_close(s), OK);
    assert_int_equal(scope_close(outer), OK);
}

/* ---------------------------------------------------------------- failures */

static void test_scope__keeps_the_first_failure(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    assert_null(t_matmul(s, ones(s, 2, 3), ones(s, 4, 5)));
    char first[512];
    snprintf(first, sizeof first, "%s", error_message());
    assert_non_null(strstr(first, "t_matmul: "));
    const size_t n = scope_live_tensors();
    assert_null(t_reshape(s, ones(s, 2, 3), SHAPE(7)));
    scope_fail(s, ERR_NUMERIC);
    assert_int_equal(scope_live_tensors(), n); /* later operations did nothing */
    assert_false(scope_ok(s));
    assert_int_equal(scope_status(s), ERR_TORCH);
    assert_int_equal(scope_close(s), ERR_TORCH);
    assert_string_equal(error_message(), first);
}

static void test_scope__failure_reaches_the_parent(void **state)
{
    (void)state;
    scope *outer = scope_open(NULL, SCOPE_GRAD_INHERIT);
    scope *s = scope_open(outer, SCOPE_GRAD_INHERIT);
    tensor *good = ones(s, 1, 1);
    scope_fail(s, error_set(ERR_NUMERIC, "by hand"));
    assert_true(scope_ok(outer)); /* not before the scope is closed */
    assert_null(scope_keep(s, good));
    assert_int_equal(scope_close(s), ERR_NUMERIC);
    assert_int_equal(scope_status(outer), ERR_NUMERIC);
    scope *late = scope_open(outer, SCOPE_GRAD_INHERIT); /* a scope below a failed one has failed */
    assert_null(ones(late, 1, 1));
    assert_int_equal(scope_close(late), ERR_NUMERIC);
    assert_int_equal(scope_close(outer), ERR_NUMERIC);
    assert_string_equal(error_message(), "by hand");
}

static void test_scope__parents_own_failure_stays(void **state)
{
    (void)state;
    scope *outer = scope_open(NULL, SCOPE_GRAD_INHERIT);
    scope *s = scope_open(outer, SCOPE_GRAD_INHERIT);
    scope_fail(outer, ERR_SHAPE);
    scope_fail(s, ERR_NUMERIC);
    assert_int_equal(scope_close(s), ERR_NUMERIC);
    assert_int_equal(scope_close(outer), ERR_SHAPE);
}

static void test_scope__a_failure_that_follows_from_another_keeps_its_message(void **state)
{
    (void)state;
    scope *a = scope_open(NULL, SCOPE_GRAD_INHERIT), *b = scope_open(NULL, SCOPE_GRAD_INHERIT);
    scope_fail(a, error_set(ERR_NUMERIC, "by hand"));
    assert_null(t_exp(b, NULL)); /* the operand that `a` failed to make */
    assert_int_equal(scope_close(b), ERR_NUMERIC);
    assert_string_equal(error_message(), "by hand");
    assert_int_equal(scope_close(a), ERR_NUMERIC);
    b = scope_open(NULL, SCOPE_GRAD_INHERIT); /* no failed scope is open any more */
    assert_null(t_exp(b, NULL));
    assert_int_equal(scope_close(b), ERR_TORCH);
    assert_string_equal(error_message(), "t_exp: expected a tensor, found none");
}

static void test_scope__no_scope_is_a_failed_scope(void **state)
{
    (void)state;
    assert_null(t_zeros(NULL, SHAPE(2), DTYPE_F32, CPU));
    assert_null(scope_keep(NULL, NULL));
    assert_false(scope_ok(NULL));
    scope_fail(NULL, ERR_TORCH);
    double value = 7.0;
    assert_int_equal(t_item_f64(&value, NULL, NULL), ERR_MEMORY);
    assert_true(value == 7.0);
    assert_int_equal(t_backward(NULL, NULL), ERR_MEMORY);
    assert_int_equal(scope_status(NULL), ERR_MEMORY);
    error_clear();
    assert_int_equal(scope_close(NULL), ERR_MEMORY);
    assert_string_equal(error_message(), "out of memory");
}

/* Queries without a tensor. */
static void test_scope__no_tensor_has_no_shape(void **state)
{
    (void)state;
    assert_int_equal(t_dim(NULL), -1);
    assert_int_equal(t_size(NULL, 0), -1);
    assert_int_equal(t_numel(NULL), -1);
    assert_int_equal(t_dtype(NULL), DTYPE_F32);
    assert_false(t_requires_grad(NULL));
    assert_null(t_data(NULL));
    assert_null(t_grad(NULL, NULL));
}

/* ---------------------------------------------------------------- errors become one line */

static tensor *wrong_matmul(scope *s)
{
    return t_matmul(s, ones(s, 2, 3), ones(s, 4, 5));
}
static tensor *wrong_add(scope *s)
{
    return t_add(s, ones(s, 2, 3), ones(s, 2, 4));
}
static tensor *wrong_cat(scope *s)
{
    return t_cat(s, TENSORS(ones(s, 2, 3), ones(s, 4, 5)), 0);
}
static tensor *no_tensor(scope *s)
{
    return t_add(s, ones(s, 2, 3), NULL);
}
static tensor *no_tensor_in_list(scope *s)
{
    return t_cat(s, TENSORS(ones(s, 2, 3), NULL), 0);
}
static tensor *index_out_of_range(scope *s)
{
    return t_index_select(s, ones(s, 2, 3), 0, t_from_i64(s, (const int64_t[]){9}, SHAPE(1), CPU));
}
static tensor *no_such_axis(scope *s)
{
    return t_select(s, ones(s, 2, 3), 5, 0);
}
static tensor *wrong_index_type(scope *s)
{
    return t_gather(s, ones(s, 2, 3), 0, ones(s, 2, 3));
}
static tensor *label_out_of_range(scope *s)
{
    return t_cross_entropy(s, ones(s, 1, 3), t_from_i64(s, (const int64_t[]){3}, SHAPE(1), CPU));
}
static tensor *more_than_there_is(scope *s)
{
    return t_top_indices(s, ones(s, 2, 3), 4);
}
static tensor *no_such_device(scope *s)
{
    const struct device device = {DEVICE_CUDA, (int)device_count_cuda()};
    return t_to_device(s, ones(s, 2, 3), device);
}
static tensor *negative_size(scope *s)
{
    return t_zeros(s, SHAPE(-3), DTYPE_F32, CPU);
}
static tensor *no_gradient(scope *s)
{
    (void)t_backward(s, ones(s, 1, 1));
    return NULL;
}
static tensor *gradient_of_integers(scope *s)
{
    t_require_grad(s, t_zeros(s, SHAPE(2), DTYPE_I64, CPU));
    return NULL;
}
static tensor *wrong_copy(scope *s)
{
    t_copy_(s, ones(s, 2, 3), ones(s, 4, 5));
    return NULL;
}

static void test_scope__what_libtorch_throws_is_one_line(void **state)
{
    (void)state;
    const struct {
        tensor *(*make)(scope *s);
        const char *says;
    } cases[] = {
        {wrong_matmul, "t_matmul: mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"},
        {wrong_add, "t_add: The size of tensor a (3) must match the size of tensor b (4)"},
        {wrong_cat, "t_cat: Sizes of tensors must match"},
        {no_tensor, "t_add: expected a tensor, found none"},
        {no_tensor_in_list, "t_cat: expected a tensor, found none"},
        {index_out_of_range, "t_index_select: "},
        {no_such_axis, "t_select: Dimension out of range"},
        {wrong_index_type, "t_gather: "},
        {label_out_of_range, "t_cross_entropy: Target 3 is out of bounds"},
        {more_than_there_is, "t_top_indices: "},
        {no_such_device, "t_to_device: "},
        {negative_size, "t_zeros: "},
        {no_gradient, "t_backward: "},
        {gradient_of_integers, "t_require_grad: "},
        {wrong_copy, "t_copy_: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
        error_clear();
        assert_null(cases[i].make(s));
        const char *message = error_message();
        if (strncmp(message, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("expected '%s', found '%s'", cases[i].says, message);
        assert_null(strchr(message, '\n'));
        assert_null(strstr(message, "Exception raised from")); /* the backtrace's first words */
        assert_null(strstr(message, "frame #"));
        assert_int_equal(scope_close(s), ERR_TORCH);
    }
}

static void test_scope__injected_fault_falls_on_the_nth_call_alone(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    shim_fail_after(3);
    assert_non_null(ones(s, 1, 1));
    assert_non_null(ones(s, 1, 1));
    assert_null(ones(s, 1, 1));
    assert_string_equal(error_message(), "t_full: injected fault");
    assert_int_equal(scope_close(s), ERR_TORCH);
    s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    assert_non_null(ones(s, 1, 1));
    assert_int_equal(scope_close(s), OK);
}

/* ---------------------------------------------------------------- gradient mode */

/* Whether operations are recorded now. */
static bool records(void)
{
    scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    tensor *leaf = ones(s, 1, 1);
    t_require_grad(s, leaf);
    bool recorded = t_requires_grad(t_scale(s, leaf, 2.0));
    assert_int_equal(scope_close(s), OK);
    return recorded;
}

static void test_scope__gradient_mode_ends_with_its_scope(void **state)
{
    (void)state;
    assert_true(records());
    scope *off = scope_open(NULL, SCOPE_GRAD_OFF);
    assert_false(records());
    scope *inherited = scope_open(off, SCOPE_GRAD_INHERIT);
    assert_false(records());
    scope *on = scope_open(inherited, SCOPE_GRAD_ON);
    assert_true(records());
    assert_int_equal(scope_close(on), OK);
    assert_false(records());
    assert_int_equal(scope_close(inherited), OK);
    assert_false(records());
    assert_int_equal(scope_close(off), OK);
    assert_true(records());
}

static void test_scope__gradient_mode_is_restored_after_a_failure(void **state)
{
    (void)state;
    scope *off = scope_open(NULL, SCOPE_GRAD_OFF);
    scope *on = scope_open(off, SCOPE_GRAD_ON);
    assert_null(wrong_matmul(on));
    assert_int_equal(scope_close(on), ERR_TORCH);
    assert_false(records());
    assert_int_equal(scope_close(off), ERR_TORCH);
    assert_true(records());
}

static void test_scope__in_place_operations_are_not_recorded(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_ON);
    tensor *leaf = ones(s, 1, 1);
    t_require_grad(s, leaf);
    t_add_scaled_(s, leaf, ones(s, 1, 1), -0.5); /* libtorch refuses to change a leaf that it records */
    t_scale_(s, leaf, 4.0);
    double value = 0.0;
    assert_ok(t_item_f64(&value, s, leaf));
    assert_true(value == 2.0);
    assert_true(t_requires_grad(leaf));
    assert_int_equal(scope_close(s), OK);
}

static void test_scope__gradients_add_up_until_cleared(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_ON);
    tensor *leaf = ones(s, 1, 1);
    assert_null(t_grad(s, leaf));
    assert_true(scope_ok(s));
    t_require_grad(s, leaf);
    double value = 0.0;
    for (int pass = 1; pass <= 2; pass++) {
        assert_ok(t_backward(s, t_sum(s, t_scale(s, leaf, 3.0))));
        assert_ok(t_item_f64(&value, s, t_grad(s, leaf)));
        assert_true(value == 3.0 * pass);
    }
    t_clear_grad(s, leaf);
    assert_null(t_grad(s, leaf));
    assert_int_equal(scope_close(s), OK);
}

/* Requests more than the address space from libtorch's allocator. */
static void test_scope__says_how_much_memory_was_asked_for(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    assert_null(t_zeros(s, SHAPE((int64_t)1 << 45), DTYPE_F32, (struct device){DEVICE_CPU, 0}));
    assert_int_equal(scope_status(s), ERR_MEMORY);
    assert_string_equal(error_message(), "out of memory: 128.0 TiB more were requested (by t_zeros)");
    assert_int_equal(scope_close(s), ERR_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_scope__close_frees_what_was_made),
        torch_unit_test(test_scope__keep_outlives_the_scope),
        torch_unit_test(test_scope__share_is_the_same_tensor_elsewhere),
        torch_unit_test(test_scope__keep_and_share_pass_a_missing_tensor_on),
        torch_unit_test(test_scope__keeps_the_first_failure),
        torch_unit_test(test_scope__failure_reaches_the_parent),
        torch_unit_test(test_scope__parents_own_failure_stays),
        torch_unit_test(test_scope__a_failure_that_follows_from_another_keeps_its_message),
        torch_unit_test(test_scope__no_scope_is_a_failed_scope),
        torch_unit_test(test_scope__no_tensor_has_no_shape),
        torch_unit_test(test_scope__what_libtorch_throws_is_one_line),
        torch_unit_test(test_scope__says_how_much_memory_was_asked_for),
        torch_unit_test(test_scope__injected_fault_falls_on_the_nth_call_alone),
        torch_unit_test(test_scope__gradient_mode_ends_with_its_scope),
        torch_unit_test(test_scope__gradient_mode_is_restored_after_a_failure),
        torch_unit_test(test_scope__in_place_operations_are_not_recorded),
        torch_unit_test(test_scope__gradients_add_up_until_cleared),
    };
    return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
