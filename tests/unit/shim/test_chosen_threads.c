/* The chosen number of threads changes no bit (torch_use_threads). */
#include "fused_check.h"

/* A block of a transformer's MLP by the chosen number of threads, [rows,width]. */
static tensor *mlp(scope *s, const tensor *packed_in, const tensor *packed_out, const tensor *x,
                   int64_t n_threads)
{
    const int64_t rows = t_size(x, 0), W = t_size(x, 1);
    tensor *stream = t_clone(s, t_to(s, t_reshape(s, x, SHAPE(1, rows, W)), DTYPE_F32));
    tensor *h = t_empty(s, SHAPE(1, rows, W), t_dtype(x), CPU),
           *rstd = t_empty(s, SHAPE(1, rows), DTYPE_F32, CPU);
    torch_use_threads(n_threads);
    t_residual_norm_(s, stream, NULL, h, rstd, 0, 1e-5);
    tensor *y = t_packed_linear(s, packed_in, NULL, t_reshape(s, h, SHAPE(rows, W)));
    tensor *slope = t_packed_linear(s, packed_out, NULL, t_silu_(s, y, true));
    t_norm_backward_(s, stream, NULL, slope, h, rstd, 0, true);
    torch_use_threads(0);
    return t_to(s, stream, DTYPE_F32);
}

static tensor *random_weight(scope *s, int64_t out, int64_t in)
{
    return t_scale(s, t_to(s, random_tensor(s, 60, SHAPE(out, in)), DTYPE_F32), 0.2);
}

static void check_mlp(int64_t W, int64_t wide)
{
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    const tensor *in = random_weight(s, wide, W), *out = random_weight(s, W, wide);
    const tensor *packed[][2] = {{t_pack_weight(s, in, 788), t_pack_weight(s, out, 788)},
                                 {t_pack_narrow(s, in), t_pack_narrow(s, out)}};
    for (size_t kind = 0; kind < sizeof packed / sizeof packed[0]; kind++)
        for (int64_t rows = 1; rows < 1000; rows = 9 * rows + 4) { /* 1, 13, 121 */
            const tensor *x = t_to(s, random_tensor(s, 5, SHAPE(rows, W)), DTYPE_F32);
            const tensor *all = mlp(s, packed[kind][0], packed[kind][1], x, 0);
            for (int64_t n_threads = 1; all && n_threads < 3; n_threads++)
                assert_memory_equal(t_data(mlp(s, packed[kind][0], packed[kind][1], x, n_threads)),
                                    t_data(all), (size_t)(rows * W) * sizeof(float));
        }
    assert_ok(scope_close(s));
}

/* With weights of ViT-B/16's sizes, and with few columns, whose rows more threads divide into more parts; numbers of
 * rows that leave remainders. */
static void test_chosen_threads__change_no_bit_of_our_kernels(void **state)
{
    (void)state;
    check_mlp(768, 3072);
    check_mlp(32, 160);
}

/* Operations that make each value or row by itself, by the chosen number of threads. */
static tensor *shared(scope *s, const tensor *x, int64_t n_threads)
{
    torch_use_threads(n_threads);
    tensor *y = t_mul(s, t_sub(s, t_add(s, x, x), t_scale(s, x, 0.3)), t_abs(s, t_relu(s, x)));
    tensor *turned = t_contiguous(s, t_transpose(s, y, 0, 1));
    tensor *rows = t_cat(s,
                         TENSORS(t_softmax(s, y, -1), t_log_softmax(s, x, -1), t_clone(s, y),
                                 t_layer_norm(s, y, t_select(s, x, 0, 0), t_select(s, x, 0, 1), 1e-5),
                                 t_transpose(s, turned, 0, 1), t_to(s, t_to(s, x, DTYPE_BF16), DTYPE_F32)),
                         0);
    torch_use_threads(0);
    return rows;
}

static void expect_same(scope *s, const tensor *x, tensor *(*compute)(scope *, const tensor *, int64_t))
{
    tensor *all = compute(s, x, 0);
    for (int64_t n_threads = 1; all && n_threads < 3; n_threads++)
        assert_memory_equal(t_data(compute(s, x, n_threads)), t_data(all),
                            (size_t)t_numel(all) * sizeof(float));
}

static void test_chosen_threads__change_no_bit_of_shared_operations(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    for (int64_t rows = 13; rows < 800; rows = 9 * rows + 4) /* 13, 121: more values than one thread's task */
        for (int64_t width = 765; width < 769; width++)
            expect_same(s, t_to(s, random_tensor(s, 6, SHAPE(rows, width)), DTYPE_F32), shared);
    assert_ok(scope_close(s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test_3_threads(test_chosen_threads__change_no_bit_of_our_kernels),
        torch_unit_test_3_threads(test_chosen_threads__change_no_bit_of_shared_operations),
    };
    return cmocka_run_group_tests_name("chosen threads", tests, NULL, NULL);
}
