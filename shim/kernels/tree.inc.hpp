// Attention over a token tree; included by kernels_*.cpp.
#pragma once

#include "kernels.inc.hpp"

namespace kernels::KERNELS_ISA
{

// Width 0 means any head width; a constant width lets the compiler keep a head in registers.
template <class T, int Width> inline typename accumulator<T>::type dot(const T *a, const T *b, int64_t any)
{
    typename accumulator<T>::type sum = 0;
    const int64_t n = Width ? Width : any;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += load(a[i]) * load(b[i]);
    return sum;
}

/** Softmax of s[0..n), which has room for padded(n): a query sees few tokens, and padding leaves no remainder
 * of single elements. */
template <class A> inline void softmax(A *s, int64_t n)
{
    const A scale = 1 / exponentials(s, n, padded(n), largest_of(s, n));
#pragma omp simd
    for (int64_t i = 0; i < padded(n); i++)
        s[i] *= scale;
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

template <class T, int Width>
void tree_forward_width(const tree_args<T> &a, rows_of<T *> out, int64_t begin, int64_t end)
{
    using A = typename accumulator<T>::type;
    const int64_t hw = Width ? Width : a.head_width;
    A weights[MAX_SEEN];
    const T *keys[MAX_SEEN], *values[MAX_SEEN];
    A sum[static_cast<size_t>(Width ? Width : MAX_HEAD_WIDTH)];
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
        for (int64_t at = 0; at < a.n_heads * hw; at += hw) {
            for (int64_t j = 0; j < n; j++)
                weights[j] = dot<T, Width>(q + at, keys[j] + at, hw);
            softmax(weights, n);
            for (int64_t c = 0; c < hw; c++)
                sum[c] = 0;
            for (int64_t j = 0; j < n; j++) {
                const T *v = values[j] + at;
                const A w = weights[j];
#pragma omp simd
                for (int64_t c = 0; c < hw; c++)
                    sum[c] += w * load(v[c]);
            }
#pragma omp simd
            for (int64_t c = 0; c < hw; c++)
                store(o + at + c, sum[c]);
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

/** One query of one head: d_q, and its share of the keys' and values' gradients in `dk`, `dv` (prefix rows
 * first). */
template <class T, int Width>
inline void tree_backward_query(const tree_backward_args<T> &b, int64_t image, int64_t at, int64_t i,
                                typename accumulator<T>::type *dk, typename accumulator<T>::type *dv,
                                typename accumulator<T>::type *small)
{
    using A = typename accumulator<T>::type;
    const tree_args<T> &a = b.forward;
    const int64_t hw = Width ? Width : a.head_width;
    const int32_t *seen = a.seen + a.first[i];
    const int64_t n = a.n_prefix + a.first[i + 1] - a.first[i];
    A *weights = small, *d_weights = weights + padded(a.n_prefix + a.n_seen_max);
    A *qs = d_weights + padded(a.n_prefix + a.n_seen_max), *gs = qs + hw, *dq = gs + hw;
    const T *q = a.q.data + image * a.q.batch_stride + i * a.q.row_stride + at;
    const T *g = b.d_out.data + image * b.d_out.batch_stride + i * b.d_out.row_stride + at;
    for (int64_t c = 0; c < hw; c++) {
        qs[c] = load(q[c]);
        gs[c] = load(g[c]);
        dq[c] = 0;
    }
    for (int64_t j = 0; j < n; j++) {
        weights[j] = dot<T, Width>(q, seen_row(a.prefix_k, a.k, a, image, seen, j) + at, hw);
        d_weights[j] = dot<T, Width>(g, seen_row(a.prefix_v, a.v, a, image, seen, j) + at, hw);
    }
    softmax(weights, n);
    A mean = 0;
    for (int64_t j = 0; j < n; j++)
        mean += weights[j] * d_weights[j];
    for (int64_t j = 0; j < n; j++) {
        const T *k = seen_row(a.prefix_k, a.k, a, image, seen, j) + at;
        const int64_t row = j < a.n_prefix ? j : a.n_prefix + seen[j - a.n_prefix];
        const A w = weights[j], ds = w * (d_weights[j] - mean);
        A *dk_row = dk + row * hw, *dv_row = dv + row * hw;
#pragma omp simd
        for (int64_t c = 0; c < hw; c++) {
            dq[c] += ds * load(k[c]);
            dk_row[c] += ds * qs[c];
            dv_row[c] += w * gs[c];
        }
    }
    T *to = b.d_q.data + image * b.d_q.batch_stride + i * b.d_q.row_stride + at;
    for (int64_t c = 0; c < hw; c++)
        store(to + c, dq[c]);
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
        for (int64_t i = 0; i < a.n_queries; i++)
            tree_backward_query<T, Width>(b, image, at, i, dk, dv, small);
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
