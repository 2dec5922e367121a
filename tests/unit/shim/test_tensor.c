/* Tensors: to and from host memory, types, shapes, devices, the order of equals. */
#include "torch_test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static tensor *ones(scope *s, int64_t rows, int64_t columns)
{
    return t_full(s, SHAPE(rows, columns), 1.0, DTYPE_F32, CPU);
}

static tensor *row(scope *s, const float *values, int64_t n)
{
    return t_from_f32(s, values, SHAPE(n), DTYPE_F32, CPU);
}

/* ---------------------------------------------------------------- host memory */

static void test_tensor__readers_return_the_scopes_failure(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    tensor *good = ones(s, 1, 1);
    scope_fail(s, error_set(ERR_NUMERIC, "before"));
    float f = 7;
    double d = 7;
    int64_t i = 7;
    assert_int_equal(t_read_f32(&f, 1, s, good), ERR_NUMERIC);
    assert_int_equal(t_read_f64(&d, 1, s, good), ERR_NUMERIC);
    assert_int_equal(t_read_i64(&i, 1, s, good), ERR_NUMERIC);
    assert_int_equal(t_item_f64(&d, s, good), ERR_NUMERIC);
    assert_true(f == 7 && d == 7 && i == 7);
    assert_int_equal(scope_close(s), ERR_NUMERIC);
}

static void test_tensor__readers_check_the_count(void **state)
{
    (void)state;
    float out[6] = {7, 7, 7, 7, 7, 7};
    scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    assert_int_equal(t_read_f32(out, 5, s, ones(s, 2, 3)), ERR_TORCH);
    assert_string_equal(error_message(), "t_read_f32: expected 5 values, found 6");
    assert_true(out[0] == 7);
    assert_int_equal(scope_close(s), ERR_TORCH);
    s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    double item = 0.0;
    assert_int_equal(t_item_f64(&item, s, ones(s, 2, 3)), ERR_TORCH);
    assert_int_equal(scope_close(s), ERR_TORCH);
}

static void test_tensor__reads_are_counted_and_nothing_else(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    float out[6];
    double item = 0.0;
    const uint64_t before = device_reads();
    tensor *t = t_scale(s, ones(s, 2, 3), 2.0);
    assert_int_equal(device_reads() - before, 0);
    assert_ok(t_read_f32(out, 6, s, t));
    assert_ok(t_item_f64(&item, s, t_sum(s, t)));
    assert_int_equal(device_reads() - before, 2);
    assert_ok(scope_close(s));
}

static void test_tensor__readers_follow_strides(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    const float values[] = {1, 2, 3, 4, 5, 6};
    tensor *t = t_transpose(s, t_reshape(s, row(s, values, 6), SHAPE(2, 3)), 0, 1);
    assert_null(t_data(t)); /* not contiguous */
    int64_t out[6];
    assert_ok(t_read_i64(out, 6, s, t));
    const int64_t want[] = {1, 4, 2, 5, 3, 6};
    assert_memory_equal(out, want, sizeof want);
    assert_int_equal(scope_close(s), OK);
}

static void test_tensor__from_memory_is_a_view(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    float memory[] = {1, 2, 3, 4};
    tensor *view = t_from_memory(s, memory, DTYPE_F32, SHAPE(2, 2));
    tensor *copy = t_from_f32(s, memory, SHAPE(2, 2), DTYPE_F32, CPU);
    assert_ptr_equal(t_data(view), memory);
    assert_ptr_not_equal(t_data(copy), memory);
    memory[3] = 9;
    float got[4];
    assert_ok(t_read_f32(got, 4, s, view));
    assert_true(got[3] == 9);
    assert_ok(t_read_f32(got, 4, s, copy));
    assert_true(got[3] == 4);
    assert_int_equal(scope_close(s), OK);
}

static void test_tensor__types_convert_as_their_names_say(void **state)
{
    (void)state;
    /* 1/3 and 1e5 show the precision and range of each type; 2 bits of mantissa fit all */
    const struct {
        enum dtype dtype;
        const char *name;
        size_t size;
        double third, large;
    } cases[] = {
        {DTYPE_F32, "float32", 4, 0.3333333432674408, 100000},
        {DTYPE_F64, "float64", 8, 1.0 / 3.0, 100000},
        {DTYPE_F16, "float16", 2, 0.333251953125, HUGE_VAL},
        {DTYPE_BF16, "bfloat16", 2, 0.333984375, 99840},
        {DTYPE_I64, "int64", 8, 0, 100000},
        {DTYPE_I32, "int32", 4, 0, 100000},
        {DTYPE_BOOL, "bool", 1, 1, 1},
    };
    const double values[] = {1.0 / 3.0, 1e5};
    scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    tensor *t = t_from_memory(s, values, DTYPE_F64, SHAPE(2));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tensor *converted = t_to(s, t, cases[i].dtype);
        assert_int_equal(t_dtype(converted), cases[i].dtype);
        assert_string_equal(dtype_name(cases[i].dtype), cases[i].name);
        assert_int_equal(dtype_size(cases[i].dtype), cases[i].size);
        double got[2];
        assert_ok(t_read_f64(got, 2, s, converted));
        if (got[0] != cases[i].third || got[1] != cases[i].large)
            fail_msg("%s: %.17g %.17g", cases[i].name, got[0], got[1]);
    }
    assert_int_equal(scope_close(s), OK);
}

static void test_tensor__sizes_count_from_both_ends(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    tensor *t = t_zeros(s, SHAPE(2, 3, 5), DTYPE_U8, CPU);
    assert_int_equal(t_dim(t), 3);
    assert_int_equal(t_numel(t), 30);
    assert_int_equal(t_size(t, 0), 2);
    assert_int_equal(t_size(t, -1), 5);
    assert_int_equal(t_size(t, 3), -1);
    assert_int_equal(t_size(t, -4), -1);
    assert_int_equal(t_dim(t_sum(s, t)), 0);
    assert_int_equal(scope_close(s), OK);
}

static void test_tensor__top_indices_take_the_lowest_of_equals(void **state)
{
    (void)state;
    const float values[] = {1, 5, 5, 2, 5, 1, /**/ 0, 0, 0, 0, 0, 0, /**/ -3, -1, -2, -1, -3, -9};
    const int64_t want[] = {1, 2, 4, 3, /**/ 0, 1, 2, 3, /**/ 1, 3, 2, 0};
    scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    int64_t got[12];
    assert_ok(t_read_i64(got, 12, s, t_top_indices(s, t_reshape(s, row(s, values, 18), SHAPE(3, 6)), 4)));
    assert_memory_equal(got, want, sizeof want);
    assert_int_equal(scope_close(s), OK);
}

/* ---------------------------------------------------------------- devices */

static void test_tensor__devices_are_parsed_and_written(void **state)
{
    (void)state;
    struct device device = {DEVICE_CUDA, 3};
    char text[16];
    assert_ok(device_parse(&device, "cpu"));
    assert_int_equal(device.kind, DEVICE_CPU);
    device_format(text, sizeof text, device);
    assert_string_equal(text, "cpu");
    assert_ok(device_parse(&device, "auto"));
    assert_int_equal(device.kind, device_count_cuda() > 0 ? DEVICE_CUDA : DEVICE_CPU);
    device_format(text, sizeof text, (struct device){DEVICE_CUDA, 12});
    assert_string_equal(text, "cuda:12");
}

static void test_tensor__a_wrong_device_says_what_is_there(void **state)
{
    (void)state;
    struct device device;
    const char *const unknown[] = {"", "gpu", "CPU", "cuda:", "cuda:x", "cuda:1x", "cuda:-1", "cuda 0"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        char want[96];
        snprintf(want, sizeof want, "device '%s': expected auto, cpu, cuda or cuda:i", unknown[i]);
        assert_int_equal(device_parse(&device, unknown[i]), ERR_USAGE);
        assert_string_equal(error_message(), want);
    }
    assert_int_equal(device_parse(&device, "cuda:4096"), ERR_USAGE);
    assert_non_null(strstr(error_message(), "device 'cuda:4096' does not exist; found: cpu"));
}

/* An update is no operation that a gradient flows through. */
static void test_tensor__a_leaf_is_updated_in_place(void **state)
{
    (void)state;
    float got[2];
    scope *s = scope_open(NULL, SCOPE_GRAD_ON);
    tensor *leaf = ones(s, 1, 2);
    t_require_grad(s, leaf);
    t_add_scaled_(s, leaf, ones(s, 1, 2), 0.5);
    assert_ok(scope_status(s));
    assert_ok(t_read_f32(got, 2, s, leaf));
    assert_true(got[0] == 1.5F && t_requires_grad(leaf));
    assert_ok(scope_close(s));
}

/* Of long rows libtorch has another sort for processors with vectors. */
static void test_tensor__top_indices_of_a_long_row_take_the_lowest_of_equals(void **state)
{
    (void)state;
    enum { N = 1000, LEVELS = 4 };
    float values[N];
    int64_t got[N], want[N], n = 0;
    for (int64_t i = 0; i < N; i++)
        values[i] = (float)(i * 7 % LEVELS);
    for (int64_t level = LEVELS - 1; level >= 0; level--)
        for (int64_t i = 0; i < N; i++)
            if (i * 7 % LEVELS == level)
                want[n++] = i;
    scope *s = scope_open(NULL, SCOPE_GRAD_INHERIT);
    assert_ok(t_read_i64(got, N, s, t_top_indices(s, t_reshape(s, row(s, values, N), SHAPE(1, N)), N)));
    assert_memory_equal(got, want, sizeof want);
    assert_ok(scope_close(s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_tensor__readers_return_the_scopes_failure),
        torch_unit_test(test_tensor__readers_check_the_count),
        torch_unit_test(test_tensor__reads_are_counted_and_nothing_else),
        torch_unit_test(test_tensor__readers_follow_strides),
        torch_unit_test(test_tensor__from_memory_is_a_view),
        torch_unit_test(test_tensor__types_convert_as_their_names_say),
        torch_unit_test(test_tensor__sizes_count_from_both_ends),
        torch_unit_test(test_tensor__top_indices_take_the_lowest_of_equals),
        torch_unit_test(test_tensor__a_leaf_is_updated_in_place),
        torch_unit_test(test_tensor__top_indices_of_a_long_row_take_the_lowest_of_equals),
        torch_unit_test(test_tensor__devices_are_parsed_and_written),
        torch_unit_test(test_tensor__a_wrong_device_says_what_is_there),
    };
    return cmocka_run_group_tests_name("tensor", tests, NULL, NULL);
}
