/* Operands of dense attention that do not fit. */
#include "fused_check.h"

static tensor *f32(scope *s, int64_t a, int64_t b, int64_t c)
{
    return t_full(s, SHAPE(a, b, c), 1.0, DTYPE_F32, CPU);
}

static void test_attention__operands_of_dense_attention_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    expect_refusal(s, t_dense_attention(s, f32(s, 2, 3, 8), f32(s, 2, 3, 6), f32(s, 2, 3, 8), 2, NULL),
                   "do not match");
    expect_refusal(s, t_dense_attention(s, f32(s, 2, 3, 8), f32(s, 2, 3, 8), f32(s, 2, 4, 8), 2, NULL),
                   "do not match");
    expect_refusal(s, t_dense_attention(s, f32(s, 2, 3, 8), f32(s, 1, 3, 8), f32(s, 1, 3, 8), 2, NULL),
                   "do not match");
    expect_refusal(s, t_dense_attention(s, f32(s, 2, 3, 8), f32(s, 2, 3, 8), f32(s, 2, 3, 8), 3, NULL),
                   "heads");
    expect_refusal(s, t_dense_attention(s, f32(s, 2, 3, 8), f32(s, 2, 3, 8), f32(s, 2, 3, 8), 0, NULL),
                   "heads");
    expect_refusal(s, t_dense_attention(s, f32(s, 2, 3, 8), f32(s, 2, 0, 8), f32(s, 2, 0, 8), 2, NULL),
                   "at least one key");
}

/* Two images, three queries, five keys of width 8: the gradients of the keys from the second on. */
static void test_attention__gradients_of_dense_attention_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    enum { FITS, D_Q, D_K, D_V, FIRST_KEY, D_OUT, AUX_SIZE, AUX_TYPE, AUX_STRIDES, AUX_MISSING, N_CHANGES };
    for (int change = FITS; change < N_CHANGES; change++) {
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        const tensor *q = f32(s, 2, 3, 8), *k = f32(s, 2, 5, 8), *d_out = q;
        tensor *aux = NULL, *d_q = f32(s, 2, change == D_Q ? 4 : 3, 8),
               *d_k = f32(s, 2, change == D_K ? 5 : 4, 8), *d_v = f32(s, 2, 4, change == D_V ? 7 : 8);
        (void)t_dense_attention(s, q, k, k, 2, &aux);
        if (change == D_OUT)
            d_out = t_to(s, q, DTYPE_BF16);
        if (change == AUX_SIZE)
            aux = t_narrow(s, aux, 0, 0, 1);
        if (change == AUX_TYPE)
            aux = t_to(s, aux, DTYPE_F64);
        if (change == AUX_STRIDES)
            aux = t_transpose(s, f32(s, 2, 3, 2), 1, 2);
        if (change == AUX_MISSING)
            aux = NULL;
        t_dense_attention_backward(s, d_out, q, k, k, aux, 2, d_q, d_k, d_v, change == FIRST_KEY ? 6 : 1);
        if (scope_status(s) != (change ? ERR_TORCH : OK))
            fail_msg("change %d: status %d, message '%s'", change, scope_status(s), error_message());
        (void)scope_close(s);
    }
    error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_attention__operands_of_dense_attention_that_do_not_fit_are_refused),
        torch_unit_test(test_attention__gradients_of_dense_attention_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests_name("attention_refusals", tests, NULL, NULL);
}
