// Calls of the kernels on small operands for their tests, in ranges of tasks as threads would.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <vector>

#include "kernel_values.hpp"

// Calls f(begin, end) for ranges of n tasks, as threads would.
template <class F> void for_ranges(int64_t n, int64_t range, F f)
{
    for (int64_t begin = 0; begin < n; begin += range)
        f(begin, std::min(begin + range, n));
}

// Calls `test` for each of the sets that this processor has.
template <class T, class F> void for_sets(std::initializer_list<kernels::isa> sets, F test)
{
    for (const kernels::isa set : sets)
        if (const kernels::table<T> *t = kernels::table_of<T>(set))
            test(*t);
        else
            print_message("%s: not on this processor\n", set == kernels::isa::avx2 ? "avx2" : "avx512");
}

template <class T, class F> void for_every_set(F test)
{
    for_sets<T>({kernels::isa::generic, kernels::isa::avx2, kernels::isa::avx512}, test);
}

template <class T> const kernels::table<T> &generic()
{
    return *kernels::table_of<T>(kernels::isa::generic);
}

// ---------------------------------------------------------------- norm

constexpr int64_t WIDTHS[] = {1, 7, 16, 65, 768};
constexpr int64_t ROWS = 6, INNER = 3, OUTER = 5, OFFSET = 1; // rows 0..2 and 3..5 become 1..3 and 6..8

template <class T> struct norm_result {
    using A = typename kernels::accumulator<T>::type;
    std::vector<A> x, rstd, g;
    std::vector<T> y, g_copy;
};

template <class T>
norm_result<T> norm(const kernels::table<T> &t, int64_t W, const std::vector<typename norm_result<T>::A> &x,
                    const std::vector<T> &d, const std::vector<T> &dy, bool accumulate, int64_t range = 4)
{
    const size_t n = static_cast<size_t>(ROWS * W), n_out = static_cast<size_t>(2 * OUTER * W);
    norm_result<T> r = {x, {}, x, std::vector<T>(n_out), std::vector<T>(n)};
    r.rstd.resize(static_cast<size_t>(2 * OUTER));
    const kernels::row_map map = {INNER, OUTER, OFFSET};
    const kernels::residual_norm_args<T> forward = {r.x.data(), d.data(), r.y.data(), r.rstd.data(),
                                                    map,        W,        1e-5};
    for_ranges(ROWS, range, [&](int64_t begin, int64_t end) { t.residual_norm(forward, begin, end); });
    const kernels::norm_backward_args<T> backward = {
        r.g.data(), r.g_copy.data(), dy.data(), r.y.data(), r.rstd.data(), map, W, accumulate};
    for_ranges(ROWS, range, [&](int64_t begin, int64_t end) { t.norm_backward(backward, begin, end); });
    return r;
}

// Calls test(W, accumulate, x, d, dy) with operands for `norm`.
template <class T, class F> void for_norms(F test)
{
    using A = typename kernels::accumulator<T>::type;
    for (const int64_t W : WIDTHS)
        for (const bool accumulate : {false, true}) {
            const auto x = random_values<A>(static_cast<size_t>(ROWS * W));
            const auto d = random_values<T>(static_cast<size_t>(ROWS * W));
            const auto dy = random_values<T>(static_cast<size_t>(2 * OUTER * W));
            test(W, accumulate, x, d, dy);
        }
}

// ---------------------------------------------------------------- attention over a token tree

// Nodes 0-1-2, 1-3, 4: the last of them a root of its own. Queries: all nodes, or two ends, one of them
// twice.
struct queries {
    std::vector<int32_t> first, seen;
};
const queries EVERY = {{0, 1, 3, 6, 9, 10}, {0, /**/ 0, 1, /**/ 0, 1, 2, /**/ 0, 1, 3, /**/ 4}};
const queries ENDS = {{0, 3, 4, 7}, {0, 1, 3, /**/ 4, /**/ 0, 1, 3}};
constexpr int64_t N_NODES = 5, N_SEEN_MAX = 3, B = 2;

template <class T> struct attention_result {
    std::vector<T> out, d_q, d_kv;
    std::vector<typename kernels::accumulator<T>::type> d_prefix_k, d_prefix_v;
};

// q [B,queries,W], kv [B,nodes,2W], prefix [B,p,2W]: keys and values are concatenated.
template <class T>
attention_result<T> attention(const kernels::table<T> &t, const queries &asking, int64_t heads, int64_t width,
                              int64_t p, const std::vector<T> &q, const std::vector<T> &kv,
                              const std::vector<T> &prefix, const std::vector<T> &g, int64_t range = 3)
{
    const int64_t W = heads * width, n = static_cast<int64_t>(asking.first.size()) - 1;
    attention_result<T> r = {
        std::vector<T>(q.size()), std::vector<T>(q.size()), std::vector<T>(kv.size()), {}, {}};
    r.d_prefix_k.assign(static_cast<size_t>(B * p * W), 1); // is added to
    r.d_prefix_v.assign(static_cast<size_t>(B * p * W), 2);
    const kernels::tree_args<T> a = {{q.data(), n * W, W},
                                     {kv.data(), 2 * N_NODES * W, 2 * W},
                                     {kv.data() + W, 2 * N_NODES * W, 2 * W},
                                     {prefix.data(), 2 * p * W, 2 * W},
                                     {prefix.data() + W, 2 * p * W, 2 * W},
                                     p,
                                     n,
                                     N_NODES,
                                     heads,
                                     width,
                                     asking.first.data(),
                                     asking.seen.data(),
                                     N_SEEN_MAX};
    for_ranges(B * n, range, [&](int64_t begin, int64_t end) {
        t.tree_forward(a, {r.out.data(), n * W, W}, begin, end);
    });
    std::vector<typename kernels::accumulator<T>::type> scratch(
        static_cast<size_t>(kernels::tree_scratch(a)));
    const kernels::tree_backward_args<T> b = {a,
                                              {g.data(), n * W, W},
                                              {r.d_q.data(), n * W, W},
                                              {r.d_kv.data(), 2 * N_NODES * W, 2 * W},
                                              {r.d_kv.data() + W, 2 * N_NODES * W, 2 * W},
                                              p ? r.d_prefix_k.data() : nullptr,
                                              p ? r.d_prefix_v.data() : nullptr};
    for_ranges(B * heads, range,
               [&](int64_t begin, int64_t end) { t.tree_backward(b, scratch.data(), begin, end); });
    return r;
}

// ---------------------------------------------------------------- dense attention

struct dense_sizes {
    int64_t heads, width, n_queries, n_keys, first_key;
    bool has_d_q;
};

template <class T> struct dense_result {
    std::vector<T> out, d_qkv;
    std::vector<typename kernels::accumulator<T>::type> lse;
};

// qkv [B,rows,3W]: the first `n_queries` rows are queries, all are keys; d_k and d_v of the rows from
// first_key on.
template <class T>
dense_result<T> dense(const kernels::table<T> &t, const dense_sizes &z, const std::vector<T> &qkv,
                      const std::vector<T> &g, int64_t range = 2)
{
    using A = typename kernels::accumulator<T>::type;
    const int64_t W = z.heads * z.width, image = z.n_keys * 3 * W, asking = z.n_queries * W,
                  n_blocks = kernels::dense_blocks(z.n_queries);
    dense_result<T> r = {g, std::vector<T>(qkv.size()),
                         std::vector<A>(static_cast<size_t>(B * z.heads * z.n_queries))};
    const kernels::dense_args<T> a = {{qkv.data(), image, 3 * W},
                                      {qkv.data() + W, image, 3 * W},
                                      {qkv.data() + 2 * W, image, 3 * W},
                                      z.n_queries,
                                      z.n_keys,
                                      z.heads,
                                      z.width};
    std::vector<A> scratch(static_cast<size_t>(t.dense_scratch(a)), std::numeric_limits<A>::quiet_NaN());
    const auto forward = [&](int64_t begin, int64_t end) {
        t.dense_forward(a, {r.out.data(), asking, W}, r.lse.data(), scratch.data(), begin, end);
    };
    for_ranges(B * z.heads * n_blocks, range, forward);
    const kernels::dense_backward_args<T> b = {a,
                                               {g.data(), asking, W},
                                               r.lse.data(),
                                               {z.has_d_q ? r.d_qkv.data() : nullptr, image, 3 * W},
                                               {r.d_qkv.data() + W, image, 3 * W},
                                               {r.d_qkv.data() + 2 * W, image, 3 * W},
                                               z.first_key};
    for_ranges(B * z.heads, range,
               [&](int64_t begin, int64_t end) { t.dense_backward(b, scratch.data(), begin, end); });
    return r;
}

// ---------------------------------------------------------------- products with a weight in panels

struct panel_sizes {
    int64_t rows, in, out;
    bool has_bias;
};
// Whole and incomplete tiles, blocks of columns and of depth.
const panel_sizes PANEL_SIZES[] = {
    {1, 1, 32, false}, {12, 64, 32, true}, {13, 520, 160, true}, {97, 33, 288, false}};

template <class A> struct panel_operands {
    std::vector<A> x, w, bias;
    std::vector<bf16> narrow;
};

template <class A> panel_operands<A> panel_values(const panel_sizes &z)
{
    const auto values = [](int64_t n) { return static_cast<size_t>(n); };
    return {random_values<A>(values(z.rows * z.in)), random_values<A>(values(z.in * z.out)),
            random_values<A>(values(z.out)), random_values<bf16>(values(z.in * z.out))};
}

// y of both kinds of weights, one behind the other.
template <class A>
std::vector<A> panels(const kernels::table<A> &t, const panel_sizes &z, const panel_operands<A> &v,
                      int64_t n_chunks, int64_t range)
{
    const size_t n = static_cast<size_t>(z.rows * z.out);
    std::vector<A> y(2 * n, std::numeric_limits<A>::quiet_NaN());
    const A *bias = z.has_bias ? v.bias.data() : nullptr;
    const kernels::panel_args<A, A> wide = {v.x.data(), v.w.data(), bias,  y.data(),
                                            z.rows,     z.in,       z.out, n_chunks};
    const kernels::panel_args<A, bf16> narrow = {v.x.data(), v.narrow.data(), bias,    y.data() + n, z.rows,
                                                 z.in,       z.out,           n_chunks};
    for_ranges(kernels::panel_tasks(wide), range, [&](int64_t begin, int64_t end) {
        t.panels(wide, begin, end);
        t.narrow_panels(narrow, begin, end);
    });
    return y;
}
