/* The layers' operations in fp64 against loops written from their definitions. */
#include "torch_test.h"

#include <math.h>
#include <stdbool.h>

#include "prompt/base/rng.h"
#include "prompt/nn/nn.h"

static const double TOLERANCE = 1e-13; /* measured 2026-11-24: below 1e-15 */

enum { MAX_VALUES = 256 };

static void fill(double *values, struct rng *rng)
{
    for (size_t i = 0; i < MAX_VALUES; i++)
        values[i] = rng_normal(rng);
}

static void expect_values(scope *s, const tensor *got, const double *want, size_t n)
{
    double values[MAX_VALUES];
    assert_true(n <= MAX_VALUES);
    assert_ok(t_read_f64(values, n, s, got));
    for (size_t i = 0; i < n; i++)
        if (!(fabs(values[i] - want[i]) <= TOLERANCE * fmax(1.0, fabs(want[i]))))
            fail_msg("value %zu is %.17g, expected %.17g", i, values[i], want[i]);
}

/* `values` as a tensor; they are random normal. */
static tensor *random_tensor(scope *s, double *values, uint64_t seed, const int64_t *dims, size_t n_dims)
{
    struct rng rng;
    rng_init(&rng, seed, RNG_INIT, 1, 0);
    fill(values, &rng);
    return t_from_memory(s, values, DTYPE_F64, dims, n_dims);
}

static void test_layers__layer_norm_is_its_definition(void **state)
{
    (void)state;
    enum { ROWS = 3, WIDTH = 5 };
    const double eps = 0.1; /* large, so that its position matters */
    double x[MAX_VALUES], w[MAX_VALUES], b[MAX_VALUES], want[ROWS * WIDTH];
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    const struct nn_norm norm = {random_tensor(s, w, 2, SHAPE(WIDTH)), random_tensor(s, b, 3, SHAPE(WIDTH)),
                                 eps};
    tensor *out = nn_norm(s, &norm, random_tensor(s, x, 1, SHAPE(ROWS, WIDTH)));
    for (int i = 0; i < ROWS; i++) {
        double mean = 0.0, variance = 0.0;
        for (int j = 0; j < WIDTH; j++)
            mean += x[i * WIDTH + j] / WIDTH;
        for (int j = 0; j < WIDTH; j++)
            variance += (x[i * WIDTH + j] - mean) * (x[i * WIDTH + j] - mean) / WIDTH;
        for (int j = 0; j < WIDTH; j++)
            want[i * WIDTH + j] = (x[i * WIDTH + j] - mean) / sqrt(variance + eps) * w[j] + b[j];
    }
    expect_values(s, out, want, ROWS * WIDTH);
    assert_ok(scope_close(s));
}

/* One head of T positions, width W: softmax(q k^T / sqrt(W)) v, position t seeing the first `seen(t)`. */
enum { T = 5, W = 3 };

static void attention_loop(double *out, const double *q, const double *k, const double *v, bool causal)
{
    for (int t = 0; t < T; t++) {
        const int n = causal ? t + 1 : T;
        double p[T], sum = 0.0;
        for (int u = 0; u < n; u++) {
            double score = 0.0;
            for (int j = 0; j < W; j++)
                score += q[t * W + j] * k[u * W + j];
            sum += p[u] = exp(score / sqrt(W));
        }
        for (int j = 0; j < W; j++) {
            out[t * W + j] = 0.0;
            for (int u = 0; u < n; u++)
                out[t * W + j] += p[u] / sum * v[u * W + j];
        }
    }
}

static void check_attention(bool causal)
{
    enum { HEADS = 4 }; /* of all images */
    double q[MAX_VALUES], k[MAX_VALUES], v[MAX_VALUES], want[HEADS * T * W];
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *out =
        t_attention(s, random_tensor(s, q, 1, SHAPE(2, 2, T, W)), random_tensor(s, k, 2, SHAPE(2, 2, T, W)),
                    random_tensor(s, v, 3, SHAPE(2, 2, T, W)), causal);
    for (size_t h = 0; h < HEADS; h++)
        attention_loop(want + h * T * W, q + h * T * W, k + h * T * W, v + h * T * W, causal);
    expect_values(s, out, want, HEADS * T * W);
    assert_ok(scope_close(s));
}

static void test_layers__attention_is_its_definition(void **state)
{
    (void)state;
    check_attention(false);
}

static void test_layers__causal_attention_sees_no_later_position(void **state)
{
    (void)state;
    check_attention(true);
}

static void test_layers__normalize_divides_by_the_norm_but_not_by_zero(void **state)
{
    (void)state;
    double x[] = {3, 4, 0, 0, 3e-13, 4e-13}; /* the last row is shorter than 1e-12 */
    const double want[] = {0.6, 0.8, 0, 0, 0.3, 0.4};
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    expect_values(s, t_normalize(s, t_from_memory(s, x, DTYPE_F64, SHAPE(3, 2)), -1), want, 6);
    assert_ok(scope_close(s));
}

static void test_layers__cross_entropy_is_the_mean_log_loss(void **state)
{
    (void)state;
    enum { B = 3, K = 4 };
    const int64_t labels[B] = {1, 3, 0};
    double x[MAX_VALUES], want = 0.0;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *loss =
        t_cross_entropy(s, random_tensor(s, x, 1, SHAPE(B, K)), t_from_i64(s, labels, SHAPE(B), CPU));
    for (int i = 0; i < B; i++) {
        double sum = 0.0;
        for (int k = 0; k < K; k++)
            sum += exp(x[i * K + k]);
        want -= (x[i * K + labels[i]] - log(sum)) / B;
    }
    expect_values(s, loss, &want, 1);
    assert_ok(scope_close(s));
}

static void test_layers__activations_are_their_definitions(void **state)
{
    (void)state;
    enum { N = 40 };
    double x[MAX_VALUES], quick[N], exact[N];
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *t = random_tensor(s, x, 1, SHAPE(N));
    for (int i = 0; i < N; i++) {
        quick[i] = x[i] / (1.0 + exp(-1.702 * x[i]));
        exact[i] = x[i] * 0.5 * (1.0 + erf(x[i] / sqrt(2.0)));
    }
    expect_values(s, nn_activation(s, ACTIVATION_QUICK_GELU, t), quick, N);
    expect_values(s, nn_activation(s, ACTIVATION_GELU, t), exact, N);
    assert_ok(scope_close(s));
}

static void test_layers__patches_are_products_with_the_kernel(void **state)
{
    (void)state;
    enum { C = 2, SIDE = 4, P = 2, OUT = 3, GRID = SIDE / P };
    double x[MAX_VALUES], w[MAX_VALUES], want[OUT * GRID * GRID] = {0};
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *out = t_conv2d_patches(s, random_tensor(s, x, 1, SHAPE(1, C, SIDE, SIDE)),
                                   random_tensor(s, w, 2, SHAPE(OUT, C, P, P)));
    for (int o = 0; o < OUT; o++)
        for (int c = 0; c < C; c++)
            for (int y = 0; y < SIDE; y++)
                for (int z = 0; z < SIDE; z++)
                    want[(o * GRID + y / P) * GRID + z / P] +=
                        x[(c * SIDE + y) * SIDE + z] * w[((o * C + c) * P + y % P) * P + z % P];
    expect_values(s, out, want, OUT * GRID * GRID);
    assert_ok(scope_close(s));
}

/* With weights of zero, attention and MLP are their last biases, whatever the input. */
static void test_layers__a_block_adds_attention_and_then_the_mlp(void **state)
{
    (void)state;
    enum { ROWS = 2, WIDTH = 4, MLP = 6 };
    double x[MAX_VALUES], by_attention[MAX_VALUES], by_mlp[MAX_VALUES], want[ROWS * WIDTH];
    const double zeros[3 * WIDTH * WIDTH] = {0};
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *zero = t_from_memory(s, zeros, DTYPE_F64, SHAPE(WIDTH));
    const struct nn_block block = {
        .norm1 = {zero, zero, 1e-5},
        .qkv = {t_from_memory(s, zeros, DTYPE_F64, SHAPE(3 * WIDTH, WIDTH)), NULL},
        .attention_out = {t_from_memory(s, zeros, DTYPE_F64, SHAPE(WIDTH, WIDTH)),
                          random_tensor(s, by_attention, 2, SHAPE(WIDTH))},
        .norm2 = {zero, zero, 1e-5},
        .mlp_in = {t_from_memory(s, zeros, DTYPE_F64, SHAPE(MLP, WIDTH)), NULL},
        .mlp_out = {t_from_memory(s, zeros, DTYPE_F64, SHAPE(WIDTH, MLP)),
                    random_tensor(s, by_mlp, 3, SHAPE(WIDTH))},
        .n_heads = 2,
    };
    tensor *out = nn_block(s, &block, random_tensor(s, x, 1, SHAPE(1, ROWS, WIDTH)), false);
    for (int i = 0; i < ROWS * WIDTH; i++)
        want[i] = x[i] + by_attention[i % WIDTH] + by_mlp[i % WIDTH];
    expect_values(s, out, want, ROWS * WIDTH);
    assert_ok(scope_close(s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_layers__layer_norm_is_its_definition),
        torch_unit_test(test_layers__attention_is_its_definition),
        torch_unit_test(test_layers__causal_attention_sees_no_later_position),
        torch_unit_test(test_layers__normalize_divides_by_the_norm_but_not_by_zero),
        torch_unit_test(test_layers__cross_entropy_is_the_mean_log_loss),
        torch_unit_test(test_layers__activations_are_their_definitions),
        torch_unit_test(test_layers__patches_are_products_with_the_kernel),
        torch_unit_test(test_layers__a_block_adds_attention_and_then_the_mlp),
    };
    return cmocka_run_group_tests_name("layers", tests, NULL, NULL);
}
