// Attention over a token tree; included by kernels_*.cpp.
#pragma once

#include "product.inc.hpp"

namespace kernels::KERNELS_ISA
{

/** The sum of a vector's lanes, by halves: the compiler would add one after the other. */
template <class A, class V> inline A sum_lanes(V v)
{
    constexpr int64_t N = static_cast<int64_t>(sizeof(V) / sizeof(A));
    if constexpr (N == 2) {
        return v[0] + v[1];
    } else {
        typedef A H __attribute__((vector_size(N / 2 * sizeof(A))));
        H low, high;
        std::memcpy(&low, &v, sizeof low);
        std::memcpy(&high, reinterpret_cast<const char *>(&v) + sizeof low, sizeof high);
        return sum_lanes<A, H>(low + high);
    }
}

/** LANES values of T as a vector of A. */
template <class T, class A> inline typename vector_of<A>::type load_lanes(const T *from)
{
    if constexpr (sizeof(T) == sizeof(A)) {
        return load_vector(from);
    } else {
        typename vector_of<A>::type out;
        for (int64_t lane = 0; lane < LANES<A>; lane++)
            out[lane] = load(from[lane]);
        return out;
    }
}

// Width 0 means any head width; a constant width lets the compiler keep a head in registers.
// A constant width is a multiple of every vector's.
template <class T, int Width> inline typename accumulator<T>::type dot(const T *a, const T *b, int64_t any)
{
    using A = typename accumulator<T>::type;
    constexpr int64_t N = LANES<A>;
    const int64_t n = Width ? Width : any;
    typename vector_of<A>::type sums = {};
    int64_t i = 0;
    for (; i + N <= n; i += N)
        sums += load_lanes<T, A>(a + i) * load_lanes<T, A>(b + i);
    A rest = 0;
    if constexpr (Width == 0)
        for (; i < n; i++)
            rest += load(a[i]) * load(b[i]);
    return sum_lanes<A>(sums) + rest;
}

/** Prepares s for n scores: whatever pads them must not be the largest. */
template <class A> inline void pad_scores(A *s, int64_t n)
{
    A *last = s + padded(n) - PADDED_UNIT;
#pragma omp simd
    for (int64_t j = 0; j < PADDED_UNIT; j++)
        last[j] = -std::numeric_limits<A>::infinity();
}

/** Softmax of s[0..n), padded by pad_scores: a query sees few tokens, and padding leaves no remainder of
 * single elements. The padding's share of the sum is below rounding. */
template <class A> inline void softmax(A *s, int64_t n)
{
    const A largest = largest_of(s, padded(n));
    A sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < padded(n); j++) {
        s[j] = exponential(s[j] - largest);
        sum += s[j];
    }
    const A scale = 1 / sum;
#pragma omp simd
    for (int64_t j = 0; j < padded(n); j++)
        s[j] *= scale;
}

/** Row j of the rows that query i sees: the prefix, then its nodes. */
template <class T>
inline const T *seen_row(const rows_of<const T *> &prefix, const rows_of<const T *> &nodes,
                         const tree_args<T> &a, int64_t image, const int32_t *seen, int64_t j)
{
    if (j < a.n_prefix)
        return prefix.data + image * prefix.batch_stride + j * prefix.row_stride;
    return nodes.data + image * nodes.batch_stride + seen[j - a.n_prefix] * nodes.row_stride;
}

/** o = the sum of the rows' values from `at` on, by their weights. */
template <class T, int Width>
inline void weighted_sum(T *o, const typename accumulator<T>::type *weights, const T *const *rows, int64_t at,
                         int64_t n, int64_t any)
{
    using A = typename accumulator<T>::type;
    constexpr int64_t N = LANES<A>;
    const int64_t hw = Width ? Width : any;
    int64_t c = 0;
    for (; c + N <= hw; c += N) {
        typename vector_of<A>::type sums = {};
        for (int64_t j = 0; j < n; j++)
            sums += weights[j] * load_lanes<T, A>(rows[j] + at + c);
        for (int64_t lane = 0; lane < N; lane++)
            store(o + c + lane, sums[lane]);
    }
    if constexpr (Width == 0)
        for (; c < hw; c++) {
            A sum = 0;
            for (int64_t j = 0; j < n; j++)
                sum += weights[j] * load(rows[j][at + c]);
            store(o + c, sum);
        }
}

/** All scores, then all weights, then all sums of up to TREE_GROUP heads: a step waits for no result of its
 * own. */
template <class T, int Width>
void tree_forward_width(const tree_args<T> &a, rows_of<T *> out, int64_t begin, int64_t end)
{
    using A = typename accumulator<T>::type;
    const int64_t hw = Width ? Width : a.head_width;
    A weights[TREE_GROUP][MAX_SEEN];
    const T *keys[MAX_SEEN], *values[MAX_SEEN];
    for (int64_t task = begin; task < end; task++) {
        const int64_t image = task / a.n_queries, i = task % a.n_queries;
        const int32_t *seen = a.seen + a.first[i];
        const int64_t n = a.n_prefix + a.first[i + 1] - a.first[i];
        for (int64_t j = 0; j < n; j++) {
            keys[j] = seen_row(a.prefix_k, a.k, a, image, seen, j);
            values[j] = seen_row(a.prefix_v, a.v, a, image, seen, j);
        }
        const T *q = a.q.data + image * a.q.batch_stride + i * a.q.row_stride;
        T *o = out.data + image * out.batch_stride + i * out.row_stride;
        for (int64_t head = 0; head < a.n_heads; head += TREE_GROUP) {
            const int64_t n_heads = a.n_heads - head < TREE_GROUP ? a.n_heads - head : TREE_GROUP;
            for (int64_t h = 0; h < n_heads; h++) {
                const int64_t at = (head + h) * hw;
                pad_scores(weights[h], n);
                for (int64_t j = 0; j < n; j++)
                    weights[h][j] = dot<T, Width>(q + at, keys[j] + at, hw);
            }
            for (int64_t h = 0; h < n_heads; h++)
                softmax(weights[h], n);
            for (int64_t h = 0; h < n_heads; h++)
                weighted_sum<T, Width>(o + (head + h) * hw, weights[h], values, (head + h) * hw, n, hw);
        }
    }
}

template <class T> void tree_forward(const tree_args<T> &a, rows_of<T *> out, int64_t begin, int64_t end)
{
    if (a.head_width == 64)
        tree_forward_width<T, 64>(a, out, begin, end);
    else
        tree_forward_width<T, 0>(a, out, begin, end);
}

/** Where a query's rows are, in one head. */
template <class T> struct tree_query {
    const T *q, *g; // the query, and the gradient of its result
    const int32_t *seen;
    int64_t n;

    tree_query(const tree_backward_args<T> &b, int64_t image, int64_t at, int64_t i)
        : q(b.forward.q.data + image * b.forward.q.batch_stride + i * b.forward.q.row_stride + at),
          g(b.d_out.data + image * b.d_out.batch_stride + i * b.d_out.row_stride + at),
          seen(b.forward.seen + b.forward.first[i]),
          n(b.forward.n_prefix + b.forward.first[i + 1] - b.forward.first[i])
    {
    }
};

/** The scores and the gradients of the weights. */
template <class T, int Width>
inline void tree_backward_scores(const tree_args<T> &a, const tree_query<T> &x, int64_t image, int64_t at,
                                 typename accumulator<T>::type *weights,
                                 typename accumulator<T>::type *d_weights)
{
    const int64_t hw = Width ? Width : a.head_width;
    pad_scores(weights, x.n);
    for (int64_t j = 0; j < x.n; j++) {
        weights[j] = dot<T, Width>(x.q, seen_row(a.prefix_k, a.k, a, image, x.seen, j) + at, hw);
        d_weights[j] = dot<T, Width>(x.g, seen_row(a.prefix_v, a.v, a, image, x.seen, j) + at, hw);
    }
}

/** Its d_q, and its share of the keys' and values' gradients in `dk`, `dv` (prefix rows first). */
template <class T, int Width>
inline void tree_backward_rows(const tree_backward_args<T> &b, const tree_query<T> &x, int64_t image,
                               int64_t at, T *d_q, typename accumulator<T>::type *dk,
                               typename accumulator<T>::type *dv,
                               const typename accumulator<T>::type *weights,
                               const typename accumulator<T>::type *d_weights)
{
    using A = typename accumulator<T>::type;
    const tree_args<T> &a = b.forward;
    const int64_t hw = Width ? Width : a.head_width;
    A dq[static_cast<size_t>(Width ? Width : MAX_HEAD_WIDTH)];
    A mean = 0;
    for (int64_t j = 0; j < x.n; j++)
        mean += weights[j] * d_weights[j];
#pragma omp simd
    for (int64_t c = 0; c < hw; c++)
        dq[c] = 0;
    for (int64_t j = 0; j < x.n; j++) {
        const T *k = seen_row(a.prefix_k, a.k, a, image, x.seen, j) + at;
        const int64_t row = j < a.n_prefix ? j : a.n_prefix + x.seen[j - a.n_prefix];
        const A w = weights[j], ds = w * (d_weights[j] - mean);
        A *dk_row = dk + row * hw, *dv_row = dv + row * hw;
#pragma omp simd
        for (int64_t c = 0; c < hw; c++) {
            dq[c] += ds * load(k[c]);
            dk_row[c] += ds * load(x.q[c]);
            dv_row[c] += w * load(x.g[c]);
        }
    }
#pragma omp simd
    for (int64_t c = 0; c < hw; c++)
        store(d_q + c, dq[c]);
}

/** Queries first..last-1 of one head, at most TREE_GROUP, in the steps of the forward. */
template <class T, int Width>
inline void tree_backward_queries(const tree_backward_args<T> &b, int64_t image, int64_t at, int64_t first,
                                  int64_t last, typename accumulator<T>::type *dk,
                                  typename accumulator<T>::type *dv, typename accumulator<T>::type *small)
{
    using A = typename accumulator<T>::type;
    const tree_args<T> &a = b.forward;
    const int64_t stride = padded(a.n_prefix + a.n_seen_max);
    A *weights = small, *d_weights = small + TREE_GROUP * stride;
    for (int64_t i = first, w = 0; i < last; i++, w += stride)
        tree_backward_scores<T, Width>(a, tree_query<T>(b, image, at, i), image, at, weights + w,
                                       d_weights + w);
    for (int64_t i = first, w = 0; i < last; i++, w += stride)
        softmax(weights + w, tree_query<T>(b, image, at, i).n);
    for (int64_t i = first, w = 0; i < last; i++, w += stride)
        tree_backward_rows<T, Width>(b, tree_query<T>(b, image, at, i), image, at,
                                     b.d_q.data + image * b.d_q.batch_stride + i * b.d_q.row_stride + at, dk,
                                     dv, weights + w, d_weights + w);
}

template <class T, int Width>
void tree_backward_width(const tree_backward_args<T> &b, typename accumulator<T>::type *scratch,
                         int64_t begin, int64_t end)
{
    using A = typename accumulator<T>::type;
    const tree_args<T> &a = b.forward;
    const int64_t hw = Width ? Width : a.head_width, n_rows = a.n_prefix + a.n_nodes;
    A *dk = scratch, *dv = dk + n_rows * hw, *small = dv + n_rows * hw;
    for (int64_t task = begin; task < end; task++) {
        const int64_t image = task / a.n_heads, at = task % a.n_heads * hw;
        std::memset(dk, 0, static_cast<size_t>(2 * n_rows * hw) * sizeof *dk);
        for (int64_t i = 0; i < a.n_queries; i += TREE_GROUP)
            tree_backward_queries<T, Width>(
                b, image, at, i, a.n_queries - i < TREE_GROUP ? a.n_queries : i + TREE_GROUP, dk, dv, small);
        for (int64_t j = 0; j < a.n_nodes; j++) {
            T *to_k = b.d_k.data + image * b.d_k.batch_stride + j * b.d_k.row_stride + at;
            T *to_v = b.d_v.data + image * b.d_v.batch_stride + j * b.d_v.row_stride + at;
            const A *from_k = dk + (a.n_prefix + j) * hw, *from_v = dv + (a.n_prefix + j) * hw;
#pragma omp simd
            for (int64_t c = 0; c < hw; c++) {
                store(to_k + c, from_k[c]);
                store(to_v + c, from_v[c]);
            }
        }
        for (int64_t j = 0; j < a.n_prefix && b.d_prefix_k; j++) {
            const int64_t to = (image * a.n_prefix + j) * a.n_heads * hw + at;
            for (int64_t c = 0; c < hw; c++) {
                b.d_prefix_k[to + c] += dk[j * hw + c];
                b.d_prefix_v[to + c] += dv[j * hw + c];
            }
        }
    }
}

template <class T>
void tree_backward(const tree_backward_args<T> &b, typename accumulator<T>::type *scratch, int64_t begin,
                   int64_t end)
{
    if (b.forward.head_width == 64)
        tree_backward_width<T, 64>(b, scratch, begin, end);
    else
        tree_backward_width<T, 0>(b, scratch, begin, end);
}

} // namespace kernels::KERNELS_ISA
