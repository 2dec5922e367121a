// The kernels; included by kernels_*.cpp, each compiled for one instruction set into its own namespace. Loops
// are written for the compiler to vectorize (GCC and clang, -O3 -fopenmp-simd).

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

// ---------------------------------------------------------------- softmax

/** s = exp(s - minus), padded with 0; returns their sum. */
template <class A> inline A exponentials(A *s, int64_t n, int64_t n_padded, A minus)
{
    for (int64_t j = n; j < n_padded; j++)
        s[j] = -std::numeric_limits<A>::infinity();
    A sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < n_padded; j++) {
        s[j] = exponential(s[j] - minus);
        sum += s[j];
    }
    for (int64_t j = n; j < n_padded; j++)
        s[j] = 0;
    return sum;
}

template <class A> inline A largest_of(const A *s, int64_t n)
{
    A largest = s[0];
#pragma omp simd reduction(max : largest)
    for (int64_t j = 0; j < n; j++)
        largest = s[j] > largest ? s[j] : largest;
    return largest;
}

// ---------------------------------------------------------------- norm

// A row is a function that is compiled once: a loop over rows has its first row compiled by itself, with other
// roundings, and the first rows depend on the number of threads.

template <class T> [[gnu::noinline]] void residual_norm_row(const residual_norm_args<T> &a, int64_t row)
{
    using A = typename accumulator<T>::type;
    const int64_t W = a.width;
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

template <class T> void residual_norm(const residual_norm_args<T> &a, int64_t begin, int64_t end)
{
    for (int64_t row = begin; row < end; row++)
        residual_norm_row(a, row);
}

// d x = rstd (dy - mean(dy) - y mean(dy y))
template <class T> [[gnu::noinline]] void norm_backward_row(const norm_backward_args<T> &a, int64_t row)
{
    using A = typename accumulator<T>::type;
    const int64_t W = a.width, from = a.map(row);
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

template <class T> void norm_backward(const norm_backward_args<T> &a, int64_t begin, int64_t end)
{
    for (int64_t row = begin; row < end; row++)
        norm_backward_row(a, row);
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

} // namespace kernels::KERNELS_ISA
