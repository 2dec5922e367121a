// The kernels themselves; included by kernels_*.cpp, each compiled for one instruction set into a namespace
// of its own. Loops are written so that the compiler vectorizes them (GCC and clang, -O3 -fopenmp-simd).

#pragma once

#include "kernels.hpp"

#include <cmath>
#include <cstring>
#include <limits>

namespace kernels::KERNELS_ISA
{

// ---------------------------------------------------------------- elements

inline float load(float x)
{
    return x;
}
inline double load(double x)
{
    return x;
}
inline float load(bf16 x)
{
    const uint32_t bits = static_cast<uint32_t>(x.bits) << 16;
    float out;
    std::memcpy(&out, &bits, sizeof out);
    return out;
}

inline void store(float *to, float x)
{
    *to = x;
}
inline void store(double *to, double x)
{
    *to = x;
}
inline void store(bf16 *to, float x)
{
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    const uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1u); // to nearest, halves to even
    // a NaN must not round into infinity
    to->bits = static_cast<uint16_t>(((bits & 0x7fffffffu) > 0x7f800000u ? bits | 0x400000u : rounded) >> 16);
}

/** exp in float, within 2 units of the last place on [-87, 88]; clamped outside. Cephes' polynomial for
 * 2^-0.5..2^0.5. */
inline float exponential(float x)
{
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    const float magic = 12582912.0f; // 1.5 * 2^23: adding it rounds to a whole number
    const float shifted = x * 1.44269504088896341f + magic;
    const float n = shifted - magic;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + (r + 1.0f);
    uint32_t exponent;
    std::memcpy(&exponent, &shifted, sizeof exponent);
    exponent = (exponent + 127u) << 23; // the low bits of `shifted` are n
    float scale;
    std::memcpy(&scale, &exponent, sizeof scale);
    return p * scale;
}
inline double exponential(double x)
{
    return std::exp(x);
}

// ---------------------------------------------------------------- norm

template <class T> void residual_norm(const residual_norm_args<T> &a, int64_t begin, int64_t end)
{
    using A = typename accumulator<T>::type;
    const int64_t W = a.width;
    for (int64_t row = begin; row < end; row++) {
        A *x = a.x + row * W;
        A sum = 0;
        if (a.d) {
            const T *d = a.d + row * W;
#pragma omp simd reduction(+ : sum)
            for (int64_t i = 0; i < W; i++) {
                x[i] += load(d[i]);
                sum += x[i];
            }
        } else {
#pragma omp simd reduction(+ : sum)
            for (int64_t i = 0; i < W; i++)
                sum += x[i];
        }
        const A mean = sum / static_cast<A>(W);
        A squares = 0;
#pragma omp simd reduction(+ : squares)
        for (int64_t i = 0; i < W; i++)
            squares += (x[i] - mean) * (x[i] - mean);
        const A rstd = 1 / std::sqrt(squares / static_cast<A>(W) + static_cast<A>(a.eps));
        const int64_t to = a.map(row);
        T *y = a.y + to * W;
        if (a.rstd)
            a.rstd[to] = rstd;
#pragma omp simd
        for (int64_t i = 0; i < W; i++)
            store(y + i, (x[i] - mean) * rstd);
    }
}

// d x = rstd (dy - mean(dy) - y mean(dy y))
template <class T> void norm_backward(const norm_backward_args<T> &a, int64_t begin, int64_t end)
{
    using A = typename accumulator<T>::type;
    const int64_t W = a.width;
    for (int64_t row = begin; row < end; row++) {
        const int64_t from = a.map(row);
        const T *dy = a.dy + from * W, *y = a.y + from * W;
        A sum = 0, dot = 0;
#pragma omp simd reduction(+ : sum, dot)
        for (int64_t i = 0; i < W; i++) {
            sum += load(dy[i]);
            dot += load(dy[i]) * load(y[i]);
        }
        const A rstd = a.rstd[from], mean = sum / static_cast<A>(W), along = dot / static_cast<A>(W);
        A *g = a.g + row * W;
        const A keep = a.accumulate ? 1 : 0;
        if (!a.accumulate)
            std::memset(g, 0, static_cast<size_t>(W) * sizeof *g);
#pragma omp simd
        for (int64_t i = 0; i < W; i++)
            g[i] = keep * g[i] + rstd * (load(dy[i]) - mean - load(y[i]) * along);
        if (a.g_copy) {
            T *copy = a.g_copy + row * W;
#pragma omp simd
            for (int64_t i = 0; i < W; i++)
                store(copy + i, g[i]);
        }
    }
}

// ---------------------------------------------------------------- element-wise

template <class T> void silu(T *x, T *out, bool keep_slope, int64_t begin, int64_t end)
{
    using A = typename accumulator<T>::type;
    if (keep_slope) {
#pragma omp simd
        for (int64_t i = begin; i < end; i++) {
            const A v = load(x[i]);
            const A s = 1 / (1 + exponential(-v));
            store(out + i, v * s);
            store(x + i, s + v * s * (1 - s));
        }
    } else {
#pragma omp simd
        for (int64_t i = begin; i < end; i++) {
            const A v = load(x[i]);
            store(out + i, v / (1 + exponential(-v)));
        }
    }
}

template <class T> void multiply(T *a, const T *b, int64_t begin, int64_t end)
{
#pragma omp simd
    for (int64_t i = begin; i < end; i++)
        store(a + i, load(a[i]) * load(b[i]));
}

// ---------------------------------------------------------------- attention over a forest

// Width 0 is any head width; a constant one lets the compiler keep a head in registers.
template <class T, int Width> inline typename accumulator<T>::type dot(const T *a, const T *b, int64_t any)
{
    typename accumulator<T>::type sum = 0;
    const int64_t n = Width ? Width : any;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += load(a[i]) * load(b[i]);
    return sum;
}

/** Of s[0..n), which has room for padded(n): a query sees few tokens, and so no loop has a rest of single
 * elements. What pads becomes 0. */
template <class A> inline void softmax(A *s, int64_t n)
{
    const int64_t n_padded = padded(n);
    const A none = -std::numeric_limits<A>::infinity();
    for (int64_t i = n; i < n_padded; i++)
        s[i] = none;
    A largest = s[0];
#pragma omp simd reduction(max : largest)
    for (int64_t i = 0; i < n_padded; i++)
        largest = s[i] > largest ? s[i] : largest;
    A sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n_padded; i++) {
        s[i] = s[i] == none ? 0 : exponential(s[i] - largest);
        sum += s[i];
    }
    const A scale = 1 / sum;
#pragma omp simd
    for (int64_t i = 0; i < n_padded; i++)
        s[i] *= scale;
}

/** Row j of what query i sees: the prefix first, then its nodes. */
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
