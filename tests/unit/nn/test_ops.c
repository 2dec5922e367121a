/* Every differentiable operation that the model uses: its gradient against central differences in fp64. */
#include "torch_test.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "prompt/base/rng.h"
#include "prompt/nn/nn.h"

/* Measured 2026-11-24 over 42 operations and 3 seeds: at most 1.1e-8 (a block), 2e-9 (all others). */
static const double TOLERANCE = 1e-7;

enum { MAX_INPUTS = 4, MAX_DIMS = 4, MAX_VALUES = 256 };

/* ---------------------------------------------------------------- gradients */

/* Operations on their inputs; constants (indices, labels) are made inside. */
typedef tensor *op_function(scope *s, const tensor *const *in);

static tensor *ids(scope *s, const int64_t *values, int64_t n)
{
    return t_from_i64(s, values, SHAPE(n), CPU);
}

#define OP(name, expression)                                                                                 \
    static tensor *name(scope *s, const tensor *const *in)                                                   \
    {                                                                                                        \
        return expression;                                                                                   \
    }
OP(op_contiguous, t_contiguous(s, t_transpose(s, in[0], 0, 1)))
OP(op_clone, t_clone(s, in[0]))
OP(op_to, t_to(s, in[0], DTYPE_F64))
OP(op_reshape, t_reshape(s, in[0], SHAPE(3, -1)))
OP(op_expand, t_expand(s, in[0], SHAPE(2, 4, 3)))
OP(op_transpose, t_transpose(s, in[0], 0, -1))
OP(op_unsqueeze, t_unsqueeze(s, in[0], 1))
OP(op_squeeze, t_squeeze(s, in[0], 1))
OP(op_narrow, t_narrow(s, in[0], 1, 1, 2))
OP(op_select, t_select(s, in[0], 1, 2))
OP(op_index_select, t_index_select(s, in[0], 0, ids(s, (const int64_t[]){2, 0, 2}, 3)))
OP(op_gather,
   t_gather(s, in[0], 1, t_reshape(s, ids(s, (const int64_t[]){1, 1, 0, 2, 0, 1}, 6), SHAPE(3, 2))))
OP(op_cat, t_cat(s, TENSORS(in[0], in[1], in[0]), 1))
OP(op_stack, t_stack(s, TENSORS(in[0], in[1]), 1))
OP(op_embedding, t_embedding(s, in[0], ids(s, (const int64_t[]){2, 0, 2}, 3)))
OP(op_add, t_add(s, in[0], in[1]))
OP(op_sub, t_sub(s, in[0], in[1]))
OP(op_mul, t_mul(s, in[0], in[1]))
OP(op_scale, t_scale(s, in[0], -2.5))
OP(op_exp, t_exp(s, in[0]))
OP(op_abs, t_abs(s, in[0]))
OP(op_sum, t_sum(s, in[0]))
OP(op_max, t_max(s, in[0]))
OP(op_matmul, t_matmul(s, in[0], in[1]))
OP(op_linear, t_linear(s, in[0], in[1], in[2]))
OP(op_linear_no_bias, t_linear(s, in[0], in[1], NULL))
OP(op_conv2d_patches, t_conv2d_patches(s, in[0], in[1]))
OP(op_layer_norm, t_layer_norm(s, in[0], in[1], in[2], 1e-5))
OP(op_relu, t_relu(s, in[0]))
OP(op_gelu, t_gelu(s, in[0]))
OP(op_sigmoid, t_sigmoid(s, in[0]))
OP(op_attention, t_attention(s, in[0], in[1], in[2], false))
OP(op_attention_causal, t_attention(s, in[0], in[1], in[2], true))
OP(op_normalize, t_normalize(s, in[0], -1))
OP(op_cross_entropy, t_cross_entropy(s, in[0], ids(s, (const int64_t[]){1, 3, 0}, 3)))
OP(nn_quick_gelu, nn_activation(s, ACTIVATION_QUICK_GELU, in[0]))

/* All weights of a block of width 4 with 2 heads, from two small inputs. */
static tensor *block(scope *s, const tensor *const *in, bool causal)
{
    tensor *wide = t_narrow(s, in[1], 0, 0, 12);
    tensor *square = t_narrow(s, in[1], 0, 12, 4);
    const struct nn_norm norm = {t_select(s, in[2], 0, 0), t_select(s, in[2], 0, 1), 1e-5};
    const struct nn_block b = {.norm1 = norm,
                               .qkv = {wide, NULL},
                               .attention_out = {square, t_select(s, in[2], 0, 2)},
                               .norm2 = norm,
                               .mlp_in = {wide, NULL},
                               .mlp_out = {t_transpose(s, wide, 0, 1), NULL},
                               .n_heads = 2,
                               .activation = ACTIVATION_QUICK_GELU};
    return nn_block(s, &b, in[0], causal);
}
OP(op_block, block(s, in, false))
OP(op_block_causal, block(s, in, true))

struct op_case {
    const char *name;
    op_function *op;
    int64_t dims[MAX_INPUTS][MAX_DIMS + 1]; /* of each input; 0 ends a shape and the list */
};

#define CASE(op, ...)                                                                                        \
    {                                                                                                        \
#op, op,                                                                                             \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
static const struct op_case CASES[] = {
    CASE(op_contiguous, {3, 4}),
    CASE(op_clone, {3, 4}),
    CASE(op_to, {3, 4}),
    CASE(op_reshape, {2, 3, 4}),
    CASE(op_expand, {4, 1}),
    CASE(op_transpose, {2, 3, 4}),
    CASE(op_unsqueeze, {3, 4}),
    CASE(op_squeeze, {3, 1, 4}),
    CASE(op_narrow, {3, 4}),
    CASE(op_select, {3, 4}),
    CASE(op_index_select, {3, 4}),
    CASE(op_gather, {3, 3}),
    CASE(op_cat, {3, 2}, {3, 4}),
    CASE(op_stack, {3, 4}, {3, 4}),
    CASE(op_embedding, {3, 4}),
    CASE(op_add, {2, 3, 4}, {3, 1}), /* broadcast */
    CASE(op_sub, {3, 4}, {2, 1, 4}),
    CASE(op_mul, {3, 4}, {4}),
    CASE(op_scale, {3, 4}),
    CASE(op_exp, {3, 4}),
    CASE(op_abs, {3, 4}),
    CASE(op_sum, {3, 4}),
    CASE(op_max, {3, 4}),
    CASE(op_matmul, {2, 3, 4}, {2, 4, 5}),
    CASE(op_matmul, {2, 3, 4}, {4, 5}), /* broadcast */
    CASE(op_matmul, {1, 3, 4}, {2, 1, 4, 5}),
    CASE(op_linear, {2, 3, 4}, {5, 4}, {5}),
    CASE(op_linear_no_bias, {3, 4}, {5, 4}),
    CASE(op_conv2d_patches, {2, 3, 4, 4}, {5, 3, 2, 2}),
    CASE(op_layer_norm, {3, 5}, {5}, {5}),
    CASE(op_relu, {3, 4}),
    CASE(op_gelu, {3, 4}),
    CASE(op_sigmoid, {3, 4}),
    CASE(op_attention, {2, 2, 5, 3}, {2, 2, 5, 3}, {2, 2, 5, 3}),
    CASE(op_attention_causal, {2, 2, 5, 3}, {2, 2, 5, 3}, {2, 2, 5, 3}),
    CASE(op_normalize, {3, 4}),
    CASE(op_cross_entropy, {3, 4}),
    CASE(nn_quick_gelu, {3, 4}),
    CASE(op_block, {2, 3, 4}, {16, 4}, {3, 4}),
    CASE(op_block_causal, {2, 3, 4}, {16, 4}, {3, 4}),
};

/* The inputs' values, a direction for each, and the weights of the output's sum. */
struct point {
    double values[MAX_INPUTS][MAX_VALUES];
    double direction[MAX_INPUTS][MAX_VALUES];
    double weights[MAX_VALUES];
};

static void fill(double *values, struct rng *rng)
{
    for (size_t i = 0; i < MAX_VALUES; i++)
        values[i] = rng_normal(rng);
}

static size_t count_dims(const int64_t *dims)
{
    size_t n = 0;
    while (dims[n] > 0)
        n++;
    return n;
}

/* sum(weights * op(values + step * direction)); with `slope` also the derivative along the direction. */
static double evaluate(double *slope, const struct op_case *c, const struct point *at, double step)
{
    scope *s = scope_open(NULL, SCOPE_GRAD_ON);
    tensor *in[MAX_INPUTS] = {NULL};
    tensor *along[MAX_INPUTS] = {NULL};
    for (size_t i = 0; i < MAX_INPUTS && c->dims[i][0] > 0; i++) {
        const size_t n_dims = count_dims(c->dims[i]);
        along[i] = t_from_memory(s, at->direction[i], DTYPE_F64, c->dims[i], n_dims);
        in[i] = t_add(s, t_from_memory(s, at->values[i], DTYPE_F64, c->dims[i], n_dims),
                      t_scale(s, along[i], step));
        t_require_grad(s, in[i]);
    }
    tensor *out = c->op(s, (const tensor *const *)in);
    const int64_t n = t_numel(out);
    assert_true(n <= MAX_VALUES);
    tensor *sum =
        t_sum(s, t_mul(s, t_reshape(s, out, SHAPE(n)), t_from_memory(s, at->weights, DTYPE_F64, SHAPE(n))));
    double value = 0.0;
    assert_ok(t_item_f64(&value, s, sum));
    if (slope) {
        *slope = 0.0;
        assert_ok(t_backward(s, sum));
        for (size_t i = 0; i < MAX_INPUTS && in[i]; i++) {
            double part = 0.0;
            assert_ok(t_item_f64(&part, s, t_sum(s, t_mul(s, t_grad(s, in[i]), along[i]))));
            *slope += part;
        }
    }
    assert_ok(scope_close(s));
    return value;
}

static double gradient_error(const struct op_case *c, uint64_t seed)
{
    struct point at;
    struct rng rng;
    rng_init(&rng, seed, RNG_INIT, 0, 0);
    for (size_t i = 0; i < MAX_INPUTS; i++) {
        fill(at.values[i], &rng);
        fill(at.direction[i], &rng);
    }
    fill(at.weights, &rng);
    const double step = 1e-5;
    double slope = 0.0;
    (void)evaluate(&slope, c, &at, 0.0);
    const double difference = (evaluate(NULL, c, &at, step) - evaluate(NULL, c, &at, -step)) / (2 * step);
    return fabs(slope - difference) / fmax(fabs(difference), 1e-3);
}

static void test_ops__gradients_are_central_differences(void **state)
{
    (void)state;
    int n_failed = 0;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        for (uint64_t seed = 1; seed <= 3; seed++) {
            const double error = gradient_error(&CASES[i], seed);
            if (!(error <= TOLERANCE)) {
                print_error("%s, seed %d: relative error %.1e\n", CASES[i].name, (int)seed, error);
                n_failed++;
            }
        }
    assert_int_equal(n_failed, 0);
}

/* The check above can fail: the gradient of a detached path is not the derivative. */
OP(detached_mul, t_mul(s, in[0], t_detach(s, in[0])))
static void test_ops__detach_cuts_the_gradient(void **state)
{
    (void)state;
    const struct op_case c = CASE(detached_mul, {3, 4});
    const double error = gradient_error(&c, 1);
    assert_true(error > 0.49 && error < 0.51); /* half of d x^2 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_ops__gradients_are_central_differences),
        torch_unit_test(test_ops__detach_cuts_the_gradient),
    };
    return cmocka_run_group_tests_name("ops", tests, NULL, NULL);
}
