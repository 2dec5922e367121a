/* The fused operations except attention: packed linear, residual and norm, SiLU and GELU. */
#include "fused_check.h"

/* ---------------------------------------------------------------- packed linear */

struct linear_sizes {
    int64_t rows, in, out;
    bool has_bias;
};

struct linear {
    tensor *weight; /* [out,in] */
    tensor *bias;   /* [out], or NULL */
};

/* The weight's values fit bf16, so they are the same in every type. */
static struct linear make_linear(scope *s, const struct linear_sizes *z, enum dtype dtype)
{
    tensor *weight = t_scale(s, random_tensor(s, 60, SHAPE(z->out, z->in)), 0.2);
    tensor *bias = random_tensor(s, 61, SHAPE(z->out));
    weight = copy_to(s, t_to(s, weight, DTYPE_BF16), dtype);
    bias = copy_to(s, t_to(s, bias, DTYPE_BF16), dtype);
    return (struct linear){weight, z->has_bias ? bias : NULL};
}

static tensor *linear_forward(scope *s, tensor *const *in, const void *sizes)
{
    const struct linear_sizes *z = sizes;
    const struct linear l = make_linear(s, z, t_dtype(in[0]));
    tensor *x = t_reshape(s, in[0], SHAPE(z->rows, z->in));
    tensor *y = t_packed_linear(s, t_pack_weight(s, l.weight, z->rows), l.bias, x);
    return t_reshape(s, y, SHAPE(1, z->rows, z->out));
}

static void linear_backward(tensor **grads, scope *s, tensor *const *in, const tensor *d_out,
                            const void *sizes)
{
    const struct linear_sizes *z = sizes;
    const struct linear l = make_linear(s, z, t_dtype(in[0]));
    tensor *transposed = t_pack_weight(s, t_transpose(s, l.weight, 0, 1), z->rows);
    tensor *dx = t_packed_linear(s, transposed, NULL, t_reshape(s, d_out, SHAPE(z->rows, z->out)));
    grads[0] = t_reshape(s, dx, SHAPE(1, z->rows, z->in));
}

static tensor *linear_reference(scope *s, tensor *const *in, const void *sizes)
{
    const struct linear_sizes *z = sizes;
    scope *off = scope_open(s, SCOPE_GRAD_OFF);
    const struct linear l = make_linear(off, z, DTYPE_F64);
    const tensor *weight = scope_keep(off, l.weight), *bias = scope_keep(off, l.bias);
    scope_close(off);
    return t_linear(s, in[0], weight, bias);
}

static void test_fused__packed_linear(void **state)
{
    (void)state;
    const int64_t shapes[][3] = {{1, 1, 1},     {3, 7, 5},    {33, 48, 144},  {5, 512, 31},
                                 {130, 65, 64}, {12, 32, 32}, {13, 520, 160}, {1000, 64, 96}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int has_bias = 0; has_bias < 2; has_bias++) {
            const struct linear_sizes z = {shapes[i][0], shapes[i][1], shapes[i][2], has_bias};
            const struct operation op = {.name = "packed linear",
                                         .n_inputs = 1,
                                         .dims = {{1, z.rows, z.in}},
                                         .sizes = &z,
                                         .forward = linear_forward,
                                         .backward = linear_backward,
                                         .reference = linear_reference};
            for (size_t k = 0; k < N_NUMBERS; k++)
                if (NUMBERS[k].compute != DTYPE_BF16 || device_has_bf16(CPU))
                    check_one(&op, k);
        }
}

static tensor *narrow_forward(scope *s, tensor *const *in, const void *sizes)
{
    const struct linear_sizes *z = sizes;
    const struct linear l = make_linear(s, z, t_dtype(in[0]));
    return t_reshape(
        s, t_packed_linear(s, t_pack_narrow(s, l.weight), l.bias, t_reshape(s, in[0], SHAPE(z->rows, z->in))),
        SHAPE(1, z->rows, z->out));
}

static void narrow_backward(tensor **grads, scope *s, tensor *const *in, const tensor *d_out,
                            const void *sizes)
{
    const struct linear_sizes *z = sizes;
    const struct linear l = make_linear(s, z, t_dtype(in[0]));
    tensor *transposed = t_pack_narrow(s, t_transpose(s, l.weight, 0, 1));
    tensor *dx = t_packed_linear(s, transposed, NULL, t_reshape(s, d_out, SHAPE(z->rows, z->out)));
    grads[0] = t_reshape(s, dx, SHAPE(1, z->rows, z->in));
}

/* Whole and incomplete tiles, panels, blocks of columns and of depth, chunks of rows; and no panels. */
static void test_fused__narrow_linear(void **state)
{
    (void)state;
    const int64_t shapes[][3] = {{1, 1, 1},      {12, 32, 32},  {13, 520, 160},
                                 {1000, 64, 96}, {25, 33, 512}, {7, 32, 40}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int has_bias = 0; has_bias < 2; has_bias++) {
            const struct linear_sizes z = {shapes[i][0], shapes[i][1], shapes[i][2], has_bias};
            const struct operation op = {.name = "narrow linear",
                                         .n_inputs = 1,
                                         .dims = {{1, z.rows, z.in}},
                                         .sizes = &z,
                                         .forward = narrow_forward,
                                         .backward = narrow_backward,
                                         .reference = linear_reference};
            for (size_t k = 0; k < N_NUMBERS; k++)
                if (NUMBERS[k].compute == NUMBERS[k].accum) /* fp32 and fp64 */
                    check_one(&op, k);
        }
}

/* A weight packed for some number of rows works for any. */
static void test_fused__packed_linear_of_any_number_of_rows(void **state)
{
    (void)state;
    const struct linear_sizes z = {.rows = 64, .in = 48, .out = 40, .has_bias = true};
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    const struct linear l = make_linear(s, &z, DTYPE_F32), plain = make_linear(s, &z, DTYPE_F64);
    const tensor *packed = t_pack_weight(s, l.weight, z.rows);
    for (int64_t rows = 1; rows < 300; rows = 3 * rows + 1) {
        tensor *x = t_to(s, random_tensor(s, 1, SHAPE(rows, z.in)), DTYPE_F32);
        tensor *want = t_linear(s, t_to(s, x, DTYPE_F64), plain.weight, plain.bias);
        expect_close(s, &worst[1][0], "rows", t_packed_linear(s, packed, l.bias, x), want,
                     NUMBERS[1].tolerance);
    }
    assert_ok(scope_close(s));
}

/* ---------------------------------------------------------------- residual and norm */

struct norm_sizes {
    int64_t B, T, W, offset, outer; /* rows begin at `offset` of `outer` */
    bool has_branch;
};

static const double EPS = 1e-3; /* large, so that its position matters */

/* x' = x + d in place, y [B,outer,W] and rstd [B,outer] around which nothing may be written. */
struct norm_output {
    tensor *x, *y, *rstd;
};

static struct norm_output run_norm(scope *s, tensor *const *in, const struct norm_sizes *z)
{
    const enum dtype compute = t_dtype(in[1]), accum = t_dtype(in[0]);
    struct norm_output o = {.x = t_clone(s, in[0]),
                            .y = t_full(s, SHAPE(z->B, z->outer, z->W), 9.0, compute, CPU),
                            .rstd = t_full(s, SHAPE(z->B, z->outer), 9.0, accum, CPU)};
    t_residual_norm_(s, o.x, z->has_branch ? t_clone(s, in[1]) : NULL, o.y, o.rstd, z->offset, EPS);
    return o;
}

static tensor *norm_forward(scope *s, tensor *const *in, const void *sizes)
{
    const struct norm_sizes *z = sizes;
    return t_narrow(s, run_norm(s, in, z).y, 1, z->offset, z->T);
}

static void norm_backward(tensor **grads, scope *s, tensor *const *in, const tensor *d_out, const void *sizes)
{
    const struct norm_sizes *z = sizes;
    const struct norm_output o = run_norm(s, in, z);
    tensor *dy = t_full(s, SHAPE(z->B, z->outer, z->W), 9.0, t_dtype(d_out), CPU);
    t_copy_(s, t_narrow(s, dy, 1, z->offset, z->T), d_out);
    tensor *g = t_full(s, SHAPE(z->B, z->T, z->W), NAN, t_dtype(in[0]), CPU); /* is written, not added to */
    t_norm_backward_(s, g, NULL, dy, o.y, o.rstd, z->offset, false);
    grads[0] = g;
    grads[1] = z->has_branch ? g : NULL;
    /* added to, with a copy in the compute dtype */
    tensor *sum = t_full(s, SHAPE(z->B, z->T, z->W), 3.0, t_dtype(in[0]), CPU);
    tensor *copy = t_full(s, SHAPE(z->B, z->T, z->W), NAN, t_dtype(in[1]), CPU);
    t_norm_backward_(s, sum, copy, dy, o.y, o.rstd, z->offset, true);
    tensor *three = t_full(s, SHAPE(1), 3.0, t_dtype(in[0]), CPU);
    assert_true(tensor_max_difference(s, sum, t_add(s, g, three)) <= 1e-5);
    assert_true(tensor_max_difference(s, copy, t_to(s, sum, t_dtype(in[1]))) == 0.0);
}

static tensor *norm_reference(scope *s, tensor *const *in, const void *sizes)
{
    const struct norm_sizes *z = sizes;
    tensor *one = t_full(s, SHAPE(z->W), 1.0, DTYPE_F64, CPU),
           *zero = t_full(s, SHAPE(z->W), 0.0, DTYPE_F64, CPU);
    return t_layer_norm(s, z->has_branch ? t_add(s, in[0], in[1]) : in[0], one, zero, EPS);
}

static void test_fused__residual_and_norm(void **state)
{
    (void)state;
    const struct norm_sizes sizes[] = {
        {1, 4, 7, 0, 4, true},     {2, 3, 7, 0, 3, true},    {2, 3, 16, 2, 5, true},
        {3, 20, 65, 1, 30, false}, {1, 40, 48, 0, 40, true}, {2, 5, 768, 4, 9, true},
        {4, 1, 512, 0, 1, false},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct norm_sizes *z = &sizes[i];
        const struct operation op = {.name = "residual and norm",
                                     .n_inputs = 2,
                                     .dims = {{z->B, z->T, z->W}, {z->B, z->T, z->W}},
                                     .is_accum = {true},
                                     .sizes = z,
                                     .forward = norm_forward,
                                     .backward = norm_backward,
                                     .reference = norm_reference};
        check(&op);
    }
}

static void test_fused__residual_and_norm_writes_its_rows_alone(void **state)
{
    (void)state;
    const struct norm_sizes z = {2, 3, 16, 2, 6, true};
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *in[2];
    for (uint64_t i = 0; i < 2; i++)
        in[i] = t_to(s, random_tensor(s, i, SHAPE(z.B, z.T, z.W)), DTYPE_F32);
    const struct norm_output o = run_norm(s, in, &z);
    assert_true(tensor_max_difference(s, o.x, t_add(s, in[0], in[1])) == 0.0);
    const tensor *nine = t_full(s, SHAPE(2, 1, 16), 9.0, DTYPE_F32, CPU);
    const tensor *nines = t_full(s, SHAPE(2, 1), 9.0, DTYPE_F32, CPU);
    for (int64_t row = 0; row < z.outer; row++) {
        const bool is_inside = row >= z.offset && row < z.offset + z.T;
        assert_true((tensor_max_difference(s, t_narrow(s, o.y, 1, row, 1), nine) > 0.0) == is_inside);
        assert_true((tensor_max_difference(s, t_narrow(s, o.rstd, 1, row, 1), nines) > 0.0) == is_inside);
    }
    assert_ok(scope_close(s));
}

/* ---------------------------------------------------------------- activations */

static tensor *silu_forward(scope *s, tensor *const *in, const void *sizes)
{
    (void)sizes;
    return t_silu_(s, t_clone(s, in[0]), false);
}

/* The slope times the gradient, as in the towers. */
static void silu_backward(tensor **grads, scope *s, tensor *const *in, const tensor *d_out, const void *sizes)
{
    tensor *slope = t_clone(s, in[0]);
    tensor *y = t_silu_(s, slope, true);
    assert_true(tensor_max_difference(s, y, silu_forward(s, in, sizes)) <=
                2e-2); /* one function covers both kinds */
    grads[0] = t_clone(s, d_out);
    t_mul_(s, grads[0], slope);
}

static tensor *silu_reference(scope *s, tensor *const *in, const void *sizes)
{
    (void)sizes;
    return t_mul(s, in[0], t_sigmoid(s, in[0]));
}

static tensor *gelu_forward(scope *s, tensor *const *in, const void *sizes)
{
    (void)sizes;
    return t_gelu_(s, t_clone(s, in[0]), false);
}

static void gelu_backward(tensor **grads, scope *s, tensor *const *in, const tensor *d_out, const void *sizes)
{
    (void)sizes;
    tensor *slope = t_clone(s, in[0]);
    (void)t_gelu_(s, slope, true);
    grads[0] = t_clone(s, d_out);
    t_mul_(s, grads[0], slope);
}

static tensor *gelu_reference(scope *s, tensor *const *in, const void *sizes)
{
    (void)sizes;
    return t_gelu(s, in[0]);
}

static void test_fused__activations(void **state)
{
    (void)state;
    const int64_t shapes[][3] = {{1, 1, 1}, {1, 3, 7}, {2, 5, 192}, {3, 50, 65}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct operation op = {.name = "SiLU",
                               .n_inputs = 1,
                               .forward = silu_forward,
                               .backward = silu_backward,
                               .reference = silu_reference};
        memcpy(op.dims[0], shapes[i], sizeof op.dims[0]);
        check(&op);
        op.name = "GELU";
        op.forward = gelu_forward;
        op.backward = gelu_backward;
        op.reference = gelu_reference;
        check(&op);
    }
}

/* ---------------------------------------------------------------- refusals */

static tensor *f32(scope *s, int64_t a, int64_t b, int64_t c)
{
    return t_full(s, SHAPE(a, b, c), 1.0, DTYPE_F32, CPU);
}

static tensor *packed(scope *s)
{
    return t_pack_weight(s, t_zeros(s, SHAPE(32, 8), DTYPE_F32, CPU), 3);
}

static void test_fused__operands_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    tensor *none = NULL;
    expect_refusal(s, t_residual_norm_(s, f32(s, 2, 3, 8), NULL, f32(s, 2, 3, 8), NULL, 1, EPS),
                   "rows do not fit");
    expect_refusal(s, t_residual_norm_(s, f32(s, 2, 3, 8), NULL, f32(s, 2, 4, 7), NULL, 0, EPS),
                   "rows do not fit");
    expect_refusal(s, t_residual_norm_(s, f32(s, 2, 3, 8), NULL, f32(s, 2, 4, 8), NULL, -1, EPS),
                   "rows do not fit");
    expect_refusal(s, t_residual_norm_(s, f32(s, 2, 3, 8), f32(s, 2, 2, 8), f32(s, 2, 3, 8), NULL, 0, EPS),
                   "d does not fit");
    expect_refusal(s,
                   t_residual_norm_(s, f32(s, 2, 3, 8), t_to(s, f32(s, 2, 3, 8), DTYPE_BF16), f32(s, 2, 3, 8),
                                    NULL, 0, EPS),
                   "d does not fit");
    expect_refusal(s, t_residual_norm_(s, f32(s, 2, 3, 8), NULL, f32(s, 2, 4, 8), f32(s, 2, 3, 1), 0, EPS),
                   "rstd does not fit");
    expect_refusal(
        s, t_residual_norm_(s, t_to(s, f32(s, 2, 3, 8), DTYPE_F64), NULL, f32(s, 2, 3, 8), NULL, 0, EPS),
        "x does not have the accumulate dtype");
    expect_refusal(s, t_residual_norm_(s, none, NULL, f32(s, 2, 3, 8), NULL, 0, EPS), "found none");
    expect_refusal(s, t_packed_linear(s, packed(s), NULL, f32(s, 2, 3, 7)), "x does not fit");
    expect_refusal(s, t_packed_linear(s, packed(s), t_zeros(s, SHAPE(31), DTYPE_F32, CPU), f32(s, 2, 3, 8)),
                   "the bias does not fit");
    expect_refusal(s,
                   t_norm_backward_(s, f32(s, 2, 3, 8), NULL, f32(s, 2, 3, 7), f32(s, 2, 3, 8),
                                    f32(s, 2, 3, 1), 0, false),
                   "dy does not fit");
    expect_refusal(s,
                   t_norm_backward_(s, f32(s, 2, 3, 8), NULL, f32(s, 2, 3, 8), f32(s, 2, 3, 8),
                                    f32(s, 2, 2, 1), 0, false),
                   "rstd does not fit");
    expect_refusal(s,
                   t_norm_backward_(s, f32(s, 2, 3, 8), f32(s, 2, 3, 7), f32(s, 2, 3, 8), f32(s, 2, 3, 8),
                                    f32(s, 2, 3, 1), 0, false),
                   "g_copy does not fit");
    expect_refusal(s, t_mul_(s, f32(s, 2, 3, 8), f32(s, 2, 3, 7)), "do not fit");
    expect_refusal(s, t_mul_(s, f32(s, 2, 3, 8), t_to(s, f32(s, 2, 3, 8), DTYPE_F64)), "do not fit");
    expect_refusal(s, t_silu_(s, t_transpose(s, f32(s, 2, 3, 8), 1, 2), true), "not contiguous");
    const struct linear_sizes z = {.rows = 4, .in = 8, .out = 6};
    tensor *w = NULL;
    expect_refusal(s,
                   (w = t_pack_weight(s, make_linear(s, &z, DTYPE_F32).weight, z.rows),
                    t_packed_linear(s, w, NULL, f32(s, 1, 4, 7))),
                   "x does not fit");
    expect_refusal(s,
                   (w = t_pack_weight(s, make_linear(s, &z, DTYPE_F32).weight, z.rows),
                    t_packed_linear(s, w, NULL, t_to(s, f32(s, 1, 4, 8), DTYPE_BF16))),
                   "x does not fit");
    const struct linear_sizes panels = {.rows = 4, .in = 8, .out = 32};
    expect_refusal(s,
                   (w = t_pack_narrow(s, make_linear(s, &panels, DTYPE_F32).weight),
                    t_packed_linear(s, w, NULL, t_to(s, f32(s, 1, 4, 8), DTYPE_BF16))),
                   "x does not fit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_fused__packed_linear),
        torch_unit_test(test_fused__narrow_linear),
        torch_unit_test(test_fused__packed_linear_of_any_number_of_rows),
        torch_unit_test(test_fused__residual_and_norm),
        torch_unit_test(test_fused__residual_and_norm_writes_its_rows_alone),
        torch_unit_test(test_fused__activations),
        torch_unit_test_3_threads(test_fused__packed_linear),
        torch_unit_test_3_threads(test_fused__narrow_linear),
        torch_unit_test_3_threads(test_fused__residual_and_norm),
        torch_unit_test_3_threads(test_fused__activations),
        torch_unit_test(test_fused__operands_that_do_not_fit_are_refused),
    };
    const int n_failed = cmocka_run_group_tests_name("fused", tests, NULL, NULL);
    print_worst();
    return n_failed;
}
