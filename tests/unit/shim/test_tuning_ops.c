/* The operations of trained changes in a tower: scale and shift of a norm, products that are added, dropout's masks. */
#include "fused_check.h"

/* ---------------------------------------------------------------- scale and shift */

enum { ROWS = 37, W = 24 };

/* Inputs: y [1,ROWS,W], scale and shift [1,1,W]. */
static tensor *affine_forward(scope *s, tensor *const *in, const void *sizes)
{
    (void)sizes;
    tensor *y = t_reshape(s, in[0], SHAPE(ROWS, W));
    tensor *out = t_affine(s, y, t_reshape(s, in[1], SHAPE(W)), t_reshape(s, in[2], SHAPE(W)));
    return t_reshape(s, out, SHAPE(1, ROWS, W));
}

static void affine_backward(tensor **grads, scope *s, tensor *const *in, const tensor *d_out,
                            const void *sizes)
{
    (void)sizes;
    const enum dtype accum = t_dtype(in[0]) == DTYPE_F64 ? DTYPE_F64 : DTYPE_F32;
    tensor *d = t_clone(s, t_reshape(s, d_out, SHAPE(ROWS, W)));
    tensor *sums[2] = {t_zeros(s, SHAPE(W), accum, CPU), t_zeros(s, SHAPE(W), accum, CPU)};
    t_affine_backward_(s, d, t_reshape(s, in[0], SHAPE(ROWS, W)), t_reshape(s, in[1], SHAPE(W)), sums[0],
                       sums[1]);
    grads[0] = t_reshape(s, d, SHAPE(1, ROWS, W));
    grads[1] = t_reshape(s, sums[0], SHAPE(1, 1, W));
    grads[2] = t_reshape(s, sums[1], SHAPE(1, 1, W));
}

static tensor *affine_reference(scope *s, tensor *const *in, const void *sizes)
{
    (void)sizes;
    return t_add(s, t_mul(s, in[0], in[1]), in[2]);
}

static void test_tuning_ops__affine(void **state)
{
    (void)state;
    const struct operation op = {.name = "affine",
                                 .n_inputs = 3,
                                 .dims = {{1, ROWS, W}, {1, 1, W}, {1, 1, W}},
                                 .n_summed = ROWS,
                                 .forward = affine_forward,
                                 .backward = affine_backward,
                                 .reference = affine_reference};
    for (size_t k = 0; k < N_NUMBERS; k++)
        check_one(&op, k);
}

/* Sums go on from what is there, and may be left out. */
static void test_tuning_ops__affine_adds_to_its_sums(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *d = random_tensor(s, 1, SHAPE(ROWS, W)), *y = random_tensor(s, 2, SHAPE(ROWS, W));
    tensor *scale = random_tensor(s, 3, SHAPE(W));
    tensor *once = t_zeros(s, SHAPE(W), DTYPE_F64, CPU), *twice = t_zeros(s, SHAPE(W), DTYPE_F64, CPU);
    t_affine_backward_(s, t_clone(s, d), y, scale, once, NULL);
    t_affine_backward_(s, t_clone(s, d), y, scale, twice, NULL);
    t_affine_backward_(s, t_clone(s, d), y, scale, twice, NULL);
    assert_true(tensor_relative_error(s, twice, t_scale(s, once, 2.0)) < 1e-14);
    assert_ok(scope_close(s));
}

static void test_tuning_ops__products_are_added(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *a = random_tensor(s, 1, SHAPE(5, 7)), *b = random_tensor(s, 2, SHAPE(5, 3));
    tensor *c = random_tensor(s, 3, SHAPE(7, 3));
    tensor *want = t_add(s, a, t_matmul(s, b, t_transpose(s, c, 0, 1)));
    t_add_product_(s, a, b, t_transpose(s, c, 0, 1));
    assert_true(tensor_relative_error(s, a, want) < 1e-14);
    assert_ok(scope_close(s));
}

/* ---------------------------------------------------------------- dropout */

enum { N_LONG = 1001, N_ROWS = 40 };
static const struct dropout_stream STREAM = {.p = 0.25, .seed = 5, .step = 3, .product = 77};

static tensor *mask(scope *s, const struct dropout_stream *stream, const int64_t *rows, int64_t n_rows,
                    int64_t n)
{
    return t_dropout_mask(s, stream, rows, n_rows, n, DTYPE_F64, CPU);
}

static bool is_same(scope *s, const tensor *a, const tensor *b)
{
    return tensor_max_difference(s, a, b) == 0.0;
}

static void test_tuning_ops__a_mask_keeps_its_share(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct dropout_stream stream = STREAM;
        stream.p = 0.25 * i;
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        tensor *kept = mask(s, &stream, NULL, N_ROWS, N_LONG);
        double sum = 0.0;
        assert_ok(t_item_f64(&sum, s, t_sum(s, kept)));
        assert_true(fabs(sum / (N_ROWS * N_LONG) - (1.0 - stream.p)) < 0.011); /* five standard deviations */
        assert_true(is_same(s, t_mul(s, kept, kept), kept));                   /* 0 and 1 */
        assert_ok(scope_close(s));
    }
}

static void test_tuning_ops__a_row_is_its_own_and_begins_as_a_longer_one(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *all = mask(s, &STREAM, NULL, N_ROWS, N_LONG);
    tensor *some = mask(s, &STREAM, (const int64_t[]){31, 7}, 2, 34);
    assert_true(is_same(s, t_narrow(s, some, 0, 0, 1), t_narrow(s, t_narrow(s, all, 0, 31, 1), 1, 0, 34)));
    assert_true(is_same(s, t_narrow(s, some, 0, 1, 1), t_narrow(s, t_narrow(s, all, 0, 7, 1), 1, 0, 34)));
    assert_false(is_same(s, t_narrow(s, some, 0, 0, 1), t_narrow(s, some, 0, 1, 1)));
    assert_ok(scope_close(s));
}

static void test_tuning_ops__each_number_of_the_stream_makes_another_mask(void **state)
{
    (void)state;
    struct dropout_stream others[] = {STREAM, STREAM, STREAM};
    others[0].seed++;
    others[1].step++;
    others[2].product++;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *one = mask(s, &STREAM, NULL, 1, N_LONG);
    assert_true(is_same(s, one, mask(s, &STREAM, NULL, 1, N_LONG)));
    for (size_t i = 0; i < 3; i++)
        assert_false(is_same(s, one, mask(s, &others[i], NULL, 1, N_LONG)));
    assert_null(mask(s, &(struct dropout_stream){.p = 1.0}, NULL, 1, 8));
    assert_int_equal(scope_close(s), ERR_TORCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_tuning_ops__affine),
        torch_unit_test(test_tuning_ops__affine_adds_to_its_sums),
        torch_unit_test(test_tuning_ops__products_are_added),
        torch_unit_test(test_tuning_ops__a_mask_keeps_its_share),
        torch_unit_test_3_threads(test_tuning_ops__a_row_is_its_own_and_begins_as_a_longer_one),
        torch_unit_test(test_tuning_ops__each_number_of_the_stream_makes_another_mask),
    };
    return cmocka_run_group_tests_name("tuning_ops", tests, NULL, NULL);
}
