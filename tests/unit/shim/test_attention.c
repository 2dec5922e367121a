/* Attention over a token tree and dense attention, forward and backward. */
#include "fused_check.h"

enum { MAX_NODES = 16, MAX_SEEN_IN_ALL = 128 };

/* ---------------------------------------------------------------- token trees */

/* Nodes by their parents (-1: a root), and the queries. */
struct tree {
    int64_t n_nodes, parents[MAX_NODES];
    int64_t n_asking, asking[MAX_NODES]; /* 0: every node */
};

static const struct tree TREES[] = {
    {1, {-1}, 0, {0}},                                         /* a single node */
    {5, {-1, 0, 1, 2, 3}, 0, {0}},                             /* a chain, like a prefix */
    {9, {-1, 0, 1, 1, 0, -1, 5, 5, -1}, 0, {0}},               /* shared first tokens, three roots */
    {9, {-1, 0, 1, 1, 0, -1, 5, 5, -1}, 5, {2, 3, 7, 8, 0}},   /* end nodes; one inside another's path */
    {9, {-1, 0, 1, 1, 0, -1, 5, 5, -1}, 6, {2, 2, 7, 7, 7, 8}} /* equal names end at one node */
};

struct tree_arrays {
    struct tree_mask mask;
    int32_t first[MAX_NODES + 1], seen[MAX_SEEN_IN_ALL];
};

static void make_tree(struct tree_arrays *out, const struct tree *t)
{
    const int64_t n = t->n_asking ? t->n_asking : t->n_nodes;
    *out = (struct tree_arrays){.mask = {.n_nodes = t->n_nodes, .n_queries = n}};
    for (int64_t i = 0; i < n; i++) {
        int32_t at = out->first[i];
        for (int64_t node = t->n_asking ? t->asking[i] : i; node >= 0; node = t->parents[node])
            out->seen[at++] = (int32_t)node;
        out->first[i + 1] = at;
        const int64_t n_seen = at - out->first[i];
        out->mask.n_seen_max = n_seen > out->mask.n_seen_max ? n_seen : out->mask.n_seen_max;
    }
    out->mask.first = out->first;
    out->mask.seen = out->seen;
}

/* ---------------------------------------------------------------- by plain operations */

/* [B,T,W] -> [B,heads,T,W/heads]. */
static tensor *split_heads(scope *s, const tensor *t, int64_t n_heads)
{
    const int64_t B = t_size(t, 0), T = t_size(t, 1), W = t_size(t, 2);
    return t_transpose(s, t_reshape(s, t, SHAPE(B, T, n_heads, W / n_heads)), 1, 2);
}

/* softmax(q k^T + mask) v with concatenated heads; mask [queries,keys] or NULL. */
static tensor *attend(scope *s, const tensor *q, const tensor *k, const tensor *v, int64_t n_heads,
                      const tensor *mask)
{
    tensor *keys = t_transpose(s, split_heads(s, k, n_heads), 2, 3);
    tensor *scores = t_matmul(s, split_heads(s, q, n_heads), keys);
    if (mask)
        scores = t_add(s, scores, mask);
    tensor *out = t_matmul(s, t_softmax(s, scores, -1), split_heads(s, v, n_heads));
    return t_reshape(s, t_transpose(s, out, 1, 2), SHAPE(t_size(q, 0), t_size(q, 1), t_size(q, 2)));
}

/* 0 where query i sees the prefix or a node, else a number whose exponential is 0. */
static tensor *mask_of(scope *s, const struct tree_mask *f, int64_t n_prefix)
{
    const int64_t n = n_prefix + f->n_nodes;
    float mask[MAX_NODES * 2 * MAX_NODES];
    for (int64_t i = 0; i < f->n_queries; i++) {
        for (int64_t j = 0; j < n; j++)
            mask[i * n + j] = j < n_prefix ? 0.0F : -1e5F;
        for (int32_t j = f->first[i]; j < f->first[i + 1]; j++)
            mask[i * n + n_prefix + f->seen[j]] = 0.0F;
    }
    return t_from_f32(s, mask, SHAPE(f->n_queries, n), DTYPE_F64, CPU);
}

/* ---------------------------------------------------------------- tree attention */

struct tree_sizes {
    int64_t B, n_heads, head_width, n_prefix;
    bool is_expanded; /* q, k and v of one image, shared by all B */
    const struct tree_mask *mask;
};

/* Inputs: q, k, v, and keys and values of the prefix. Scores are about as large as a model's; scaling by a
 * power of two rounds no value. */
static tensor *scaled_query(scope *s, const tensor *q, int64_t head_width)
{
    return t_scale(s, q, exp2(-round(0.5 * log2((double)head_width))));
}

/* Expands t to all images if it is of one image. */
static tensor *for_all(scope *s, const tensor *t, int64_t B)
{
    return t_expand(s, t, SHAPE(B, t_size(t, 1), t_size(t, 2)));
}

/* Keys and values in the towers' layout: columns of one tensor. */
static struct tree_attention arguments(scope *s, tensor *const *in, const struct tree_sizes *z)
{
    const int64_t W = z->n_heads * z->head_width;
    tensor *kv = for_all(s, t_cat(s, TENSORS(in[1], in[2]), -1), z->B);
    tensor *prefix = z->n_prefix ? t_cat(s, TENSORS(in[3], in[4]), -1) : NULL;
    return (struct tree_attention){.q = for_all(s, scaled_query(s, in[0], z->head_width), z->B),
                                   .k = t_narrow(s, kv, -1, 0, W),
                                   .v = t_narrow(s, kv, -1, W, W),
                                   .prefix_k = prefix ? t_narrow(s, prefix, -1, 0, W) : NULL,
                                   .prefix_v = prefix ? t_narrow(s, prefix, -1, W, W) : NULL,
                                   .n_heads = z->n_heads,
                                   .mask = z->mask};
}

static tensor *tree_forward(scope *s, tensor *const *in, const void *sizes)
{
    const struct tree_attention a = arguments(s, in, sizes);
    return t_tree_attention(s, &a);
}

/* [B,n,W] -> [1,n,W] if all images have one input. */
static tensor *sum_of_images(scope *s, const tensor *g, bool is_expanded)
{
    const int64_t B = t_size(g, 0), n = t_size(g, 1), W = t_size(g, 2);
    if (!is_expanded)
        return t_clone(s, g);
    tensor *ones = t_full(s, SHAPE(1, B), 1.0, DTYPE_F64, CPU);
    tensor *sum = t_matmul(s, ones, t_reshape(s, t_to(s, g, DTYPE_F64), SHAPE(B, n * W)));
    return t_reshape(s, sum, SHAPE(1, n, W));
}

static void tree_backward(tensor **grads, scope *s, tensor *const *in, const tensor *d_out, const void *sizes)
{
    const struct tree_sizes *z = sizes;
    const struct tree_attention a = arguments(s, in, z);
    const int64_t W = z->n_heads * z->head_width, n = z->mask->n_nodes;
    const enum dtype dtype = t_dtype(in[0]), accum = dtype == DTYPE_F64 ? DTYPE_F64 : DTYPE_F32;
    /* written, not added to: old values must vanish */
    tensor *d_q = t_full(s, SHAPE(z->B, z->mask->n_queries, W), NAN, dtype, CPU);
    tensor *d_kv = t_full(s, SHAPE(z->B, n, 2 * W), NAN, dtype, CPU);
    tensor *d_k = t_narrow(s, d_kv, -1, 0, W), *d_v = t_narrow(s, d_kv, -1, W, W);
    tensor *d_prefix[2] = {NULL}; /* added to */
    for (int i = 0; z->n_prefix && i < 2; i++)
        d_prefix[i] = t_full(s, SHAPE(z->B, z->n_prefix, W), 2.0, accum, CPU);
    t_tree_attention_backward(s, &a, d_out, d_q, d_k, d_v, d_prefix[0], d_prefix[1]);
    grads[0] = scaled_query(s, sum_of_images(s, d_q, z->is_expanded), z->head_width);
    grads[1] = sum_of_images(s, d_k, z->is_expanded);
    grads[2] = sum_of_images(s, d_v, z->is_expanded);
    for (int i = 0; z->n_prefix && i < 2; i++)
        grads[3 + i] = t_sub(s, d_prefix[i], t_full(s, SHAPE(1), 2.0, accum, CPU));
    if (z->n_prefix) /* the others are the same without the prefix's gradients */
        t_tree_attention_backward(s, &a, d_out, d_q, d_k, d_v, NULL, NULL);
    assert_true(!z->n_prefix ||
                tensor_max_difference(s, sum_of_images(s, d_k, z->is_expanded), grads[1]) == 0.0);
}

static tensor *tree_reference(scope *s, tensor *const *in, const void *sizes)
{
    const struct tree_sizes *z = sizes;
    tensor *q = for_all(s, scaled_query(s, in[0], z->head_width), z->B);
    tensor *k = for_all(s, in[1], z->B), *v = for_all(s, in[2], z->B);
    if (z->n_prefix) {
        k = t_cat(s, TENSORS(in[3], k), 1);
        v = t_cat(s, TENSORS(in[4], v), 1);
    }
    return attend(s, q, k, v, z->n_heads, mask_of(s, z->mask, z->n_prefix));
}

/*
 * More tokens than a vector holds concern our kernels; fp16 uses PyTorch's attention, which rounds weights
 * and their gradients: 1.4e-3 of the largest gradient, of the sum of three images' 2.9e-3 (2026-11-26).
 */
enum { FP16_PREFIX = 5 };

static void check_tree(struct tree_sizes *z)
{
    const int64_t W = z->n_heads * z->head_width, B = z->is_expanded ? 1 : z->B;
    const int64_t n = z->mask->n_nodes;
    const struct operation op = {.name = "tree attention",
                                 .n_inputs = z->n_prefix ? 5 : 3,
                                 .dims = {{B, z->mask->n_queries, W},
                                          {B, n, W},
                                          {B, n, W},
                                          {z->B, z->n_prefix, W},
                                          {z->B, z->n_prefix, W}},
                                 .n_summed = z->is_expanded ? z->B : 1,
                                 .fp16_widened = 2.0,
                                 .sizes = z,
                                 .forward = tree_forward,
                                 .backward = tree_backward,
                                 .reference = tree_reference};
    for (size_t k = 0; k < N_NUMBERS; k++)
        if (NUMBERS[k].compute != DTYPE_F16 || z->n_prefix <= FP16_PREFIX)
            check_one(&op, k);
}

static void test_attention__over_a_token_tree(void **state)
{
    (void)state;
    const int64_t heads[][2] = {{1, 1}, {2, 16}, {3, 5}, {2, 64}, {1, 80}};
    const int64_t prefixes[] = {0, 1, 5, 15}; /* with the nodes up to, and beyond, whole vectors */
    for (size_t t = 0; t < sizeof TREES / sizeof TREES[0]; t++)
        for (size_t h = 0; h < sizeof heads / sizeof heads[0]; h++)
            for (size_t p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++)
                for (int expanded = 0; expanded < 2; expanded++) {
                    struct tree_arrays f;
                    make_tree(&f, &TREES[t]);
                    struct tree_sizes z = {3, heads[h][0], heads[h][1], prefixes[p], expanded, &f.mask};
                    check_tree(&z);
                }
}

/* A mask made in advance gives the same as one made on the way; one for another prefix is refused. */
static void test_attention__over_a_token_tree_takes_its_mask(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct tree_arrays f;
    make_tree(&f, &TREES[2]);
    const int64_t n = f.mask.n_nodes;
    tensor *q = t_to(s, random_tensor(s, 1, SHAPE(2, n, 8)), DTYPE_F16);
    tensor *k = t_to(s, random_tensor(s, 2, SHAPE(2, n, 8)), DTYPE_F16);
    tensor *prefix = t_to(s, random_tensor(s, 3, SHAPE(2, 5, 8)), DTYPE_F16);
    struct tree_attention a = {
        .q = q, .k = k, .v = k, .prefix_k = prefix, .prefix_v = prefix, .n_heads = 2, .mask = &f.mask};
    tensor *want = t_tree_attention(s, &a);
    f.mask.dense = t_tree_mask(s, &f.mask, 5, DTYPE_F16, CPU);
    assert_true(tensor_max_difference(s, t_tree_attention(s, &a), want) == 0.0);
    /* the mask does hide: one that shows everything changes the sums */
    f.mask.dense = t_zeros(s, SHAPE(n, 5 + n), DTYPE_F16, CPU);
    assert_true(tensor_max_difference(s, t_tree_attention(s, &a), want) > 0.01);
    assert_ok(scope_status(s));
    f.mask.dense = t_tree_mask(s, &f.mask, 4, DTYPE_F16, CPU);
    (void)t_tree_attention(s, &a);
    assert_int_equal(scope_status(s), ERR_TORCH);
    assert_non_null(strstr(error_message(), "the mask belongs to another prefix"));
    (void)scope_close(s);
    error_clear();
}

/* ---------------------------------------------------------------- dense attention */

/* The first keys and values are constants, the rest are inputs: k and v [B,first_key+own,W]. */
struct dense_sizes {
    int64_t B, n_queries, n_heads, head_width, first_key, n_own;
};

static tensor *all_keys(scope *s, const tensor *own, uint64_t seed, const struct dense_sizes *z)
{
    if (z->first_key == 0)
        return t_clone(s, own);
    tensor *constant = random_tensor(s, seed, SHAPE(z->B, z->first_key, z->n_heads * z->head_width));
    constant = t_to(s, t_to(s, constant, DTYPE_BF16), t_dtype(own)); /* the same values in every type */
    return t_cat(s, TENSORS(constant, own), 1);
}

static tensor *dense_forward(scope *s, tensor *const *in, const void *sizes)
{
    const struct dense_sizes *z = sizes;
    return t_dense_attention(s, scaled_query(s, in[0], z->head_width), all_keys(s, in[1], 70, z),
                             all_keys(s, in[2], 71, z), z->n_heads, NULL);
}

static void dense_backward(tensor **grads, scope *s, tensor *const *in, const tensor *d_out,
                           const void *sizes)
{
    const struct dense_sizes *z = sizes;
    const int64_t W = z->n_heads * z->head_width;
    const enum dtype dtype = t_dtype(in[0]);
    const tensor *q = scaled_query(s, in[0], z->head_width), *k = all_keys(s, in[1], 70, z),
                 *v = all_keys(s, in[2], 71, z);
    tensor *aux = NULL;
    (void)t_dense_attention(s, q, k, v, z->n_heads, &aux);
    tensor *d_kv = t_full(s, SHAPE(z->B, z->n_own, 2 * W), NAN, dtype, CPU);
    tensor *d_k = t_narrow(s, d_kv, -1, 0, W), *d_v = t_narrow(s, d_kv, -1, W, W);
    tensor *d_q = z->first_key ? NULL : t_full(s, SHAPE(z->B, z->n_queries, W), NAN, dtype, CPU);
    t_dense_attention_backward(s, d_out, q, k, v, aux, z->n_heads, d_q, d_k, d_v, z->first_key);
    grads[0] = d_q ? scaled_query(s, d_q, z->head_width) : NULL;
    grads[1] = t_clone(s, d_k);
    grads[2] = t_clone(s, d_v);
}

static tensor *dense_reference(scope *s, tensor *const *in, const void *sizes)
{
    const struct dense_sizes *z = sizes;
    return attend(s, scaled_query(s, in[0], z->head_width), all_keys(s, in[1], 70, z),
                  all_keys(s, in[2], 71, z), z->n_heads, NULL);
}

static void test_attention__dense(void **state)
{
    (void)state;
    const struct dense_sizes sizes[] = {
        {1, 1, 1, 1, 0, 1}, {2, 7, 2, 24, 0, 7},   {2, 1, 2, 64, 0, 21},  {3, 17, 2, 24, 17, 4},
        {2, 9, 3, 5, 9, 1}, {1, 30, 1, 64, 0, 50}, {2, 5, 12, 64, 3, 40}, {2, 100, 2, 64, 0, 103},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct dense_sizes *z = &sizes[i];
        const int64_t W = z->n_heads * z->head_width;
        const struct operation op = {
            .name = "dense attention",
            .n_inputs = 3,
            .dims = {{z->B, z->n_queries, W}, {z->B, z->n_own, W}, {z->B, z->n_own, W}},
            .sizes = z,
            .forward = dense_forward,
            .backward = dense_backward,
            .reference = dense_reference};
        check(&op);
    }
}

/* If no key gets a gradient, d_q still includes all keys. */
static void test_attention__dense_without_keys_of_its_own(void **state)
{
    (void)state;
    const enum dtype dtypes[] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        const tensor *q = t_to(s, random_tensor(s, 1, SHAPE(2, 7, 48)), dtypes[i]);
        const tensor *k = t_to(s, random_tensor(s, 2, SHAPE(2, 19, 48)), dtypes[i]);
        tensor *aux = NULL, *d_q[2];
        (void)t_dense_attention(s, q, k, k, 2, &aux);
        for (int64_t own = 0; own < 2; own++) {
            const int64_t n_own = own ? 19 : 0;
            d_q[own] = t_full(s, SHAPE(2, 7, 48), NAN, dtypes[i], CPU);
            tensor *d_k = t_full(s, SHAPE(2, n_own, 48), NAN, dtypes[i], CPU);
            t_dense_attention_backward(s, q, q, k, k, aux, 2, d_q[own], d_k, t_clone(s, d_k), 19 - n_own);
        }
        assert_true(tensor_max_difference(s, d_q[0], d_q[1]) == 0.0);
        assert_ok(scope_close(s));
    }
}

/* The gradient of the values where every score is larger by `shift`, which changes no softmax. */
static tensor *shifted_gradient(scope *s, float shift)
{
    enum { T = 5, W = 8 };
    float q[T * W], k[T * W];
    for (int i = 0; i < T * W; i++) {
        q[i] = i % W == 0 ? 1.0F : (float)(i * i % 7) / 7.0F;
        k[i] = i % W == 0 ? shift : (float)(i * i % 11) / 11.0F;
    }
    const tensor *query = t_from_f32(s, q, SHAPE(1, T, W), DTYPE_F32, CPU);
    const tensor *key = t_from_f32(s, k, SHAPE(1, T, W), DTYPE_F32, CPU);
    tensor *aux = NULL, *d_q = t_zeros(s, SHAPE(1, T, W), DTYPE_F32, CPU), *d_k = t_clone(s, d_q),
           *d_v = t_clone(s, d_q);
    (void)t_dense_attention(s, query, key, query, 1, &aux);
    t_dense_attention_backward(s, query, query, key, query, aux, 1, d_q, d_k, d_v, 0);
    return d_v;
}

static void test_attention__a_shift_of_all_scores_changes_nothing(void **state)
{
    (void)state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    assert_true(tensor_max_difference(s, shifted_gradient(s, 0.0F), shifted_gradient(s, 200.0F)) < 1e-3);
    assert_ok(scope_close(s));
}

/* ---------------------------------------------------------------- refusals */

static tensor *f32(scope *s, int64_t a, int64_t b, int64_t c)
{
    return t_full(s, SHAPE(a, b, c), 1.0, DTYPE_F32, CPU);
}

/* A chain of three nodes, two images, two heads of four: valid except for the fault that `change` makes. */
static void run_spoiled(scope *s, int change)
{
    struct tree_arrays f;
    make_tree(&f, &(struct tree){3, {-1, 0, 1}, 0, {0}});
    struct tree_attention a = {
        f32(s, 2, 3, 8), f32(s, 2, 3, 8), f32(s, 2, 3, 8), f32(s, 2, 5, 8), f32(s, 2, 5, 8), 2, &f.mask};
    tensor *d_q = f32(s, 2, 3, 8), *d_k = f32(s, 2, 3, 8), *d_v = f32(s, 2, 3, 8);
    tensor *d_prefix_k = f32(s, 2, 5, 8), *d_prefix_v = f32(s, 2, 5, 8);
    tensor *wrong[] = {NULL,
                       f32(s, 2, 4, 8),
                       f32(s, 1, 3, 8),
                       f32(s, 2, 3, 7),
                       f32(s, 2, 5, 4),
                       t_to(s, f32(s, 2, 3, 8), DTYPE_F64),
                       t_transpose(s, f32(s, 2, 8, 3), 1, 2)};
    enum { N_WRONG = 7, OPERANDS = 5 };
    const tensor **operands[OPERANDS] = {&a.q, &a.k, &a.v, &a.prefix_k, &a.prefix_v};
    tensor **gradients[OPERANDS] = {&d_q, &d_k, &d_v, &d_prefix_k, &d_prefix_v};
    if (change < N_WRONG * OPERANDS)
        *operands[change / N_WRONG] = wrong[change % N_WRONG];
    else if (change < 2 * N_WRONG * OPERANDS)
        *gradients[change / N_WRONG - OPERANDS] = wrong[change % N_WRONG];
    else
        a.n_heads = change % 2 ? 0 : 3;
    if (change < N_WRONG * OPERANDS || change >= 2 * N_WRONG * OPERANDS)
        (void)t_tree_attention(s, &a);
    else
        t_tree_attention_backward(s, &a, f32(s, 2, 3, 8), d_q, d_k, d_v, d_prefix_k, d_prefix_v);
}

static void test_attention__operands_that_do_not_fit_a_token_tree_are_refused(void **state)
{
    (void)state;
    for (int change = 0; change < 2 * 7 * 5 + 2; change++) {
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        error_clear();
        run_spoiled(s, change);
        if (scope_status(s) != ERR_TORCH || !strstr(error_message(), ": "))
            fail_msg("change %d: status %d, message '%s'", change, scope_status(s), error_message());
        assert_int_equal(scope_close(s), ERR_TORCH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_attention__over_a_token_tree),
        torch_unit_test(test_attention__over_a_token_tree_takes_its_mask),
        torch_unit_test(test_attention__dense),
        torch_unit_test_3_threads(test_attention__over_a_token_tree),
        torch_unit_test_3_threads(test_attention__dense),
        torch_unit_test(test_attention__dense_without_keys_of_its_own),
        torch_unit_test(test_attention__a_shift_of_all_scores_changes_nothing),
        torch_unit_test(test_attention__operands_that_do_not_fit_a_token_tree_are_refused),
    };
    const int n_failed = cmocka_run_group_tests_name("attention", tests, NULL, NULL);
    print_worst();
    return n_failed;
}
