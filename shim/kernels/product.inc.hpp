// Products of small matrices by one micro-kernel; included by kernels_*.cpp. Operands are packed and padded
// with zeros to whole tiles, so no loop has a remainder.
#pragma once

#include "kernels.inc.hpp"

namespace kernels::KERNELS_ISA
{

// A tile of sums, a row of the right factor and a value of the left one fill the registers.
#if defined __AVX512F__
constexpr int64_t VECTOR_BYTES = 64, TILE_ROWS = 12;
#elif defined __AVX__
constexpr int64_t VECTOR_BYTES = 32, TILE_ROWS = 6;
#else
constexpr int64_t VECTOR_BYTES = 16, TILE_ROWS = 6;
#endif

template <class A> struct vector_of {
    typedef A type __attribute__((vector_size(VECTOR_BYTES)));
};
template <class A> constexpr int64_t LANES = VECTOR_BYTES / static_cast<int64_t>(sizeof(A));
template <class A> constexpr int64_t TILE_COLUMNS = 2 * LANES<A>;

template <class A> inline typename vector_of<A>::type load_vector(const A *from)
{
    typename vector_of<A>::type out;
    std::memcpy(&out, from, sizeof out);
    return out;
}

constexpr int64_t round_up(int64_t n, int64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

// ---------------------------------------------------------------- the product

/** The left factor: its value (row, k) is data[row * row_stride + k * depth_stride]. */
template <class A> struct left_factor {
    const A *data;
    int64_t row_stride, depth_stride;
};

/** The right factor, in panels of TILE_COLUMNS columns: row k of panel p is at p * panel_stride + k *
 * depth_stride. */
template <class A> struct right_factor {
    const A *data;
    int64_t depth_stride, panel_stride;
};

/** What a tile's product is added to: rows of TILE_COLUMNS values. */
template <class A> struct tile_start {
    const A *data; // null: zeros
    int64_t row_stride;
};

/** c [TILE_ROWS, TILE_COLUMNS] = start + a b. */
template <class A>
inline void multiply_tile(left_factor<A> a, const A *b, int64_t b_stride, int64_t depth, tile_start<A> start,
                          A *c, int64_t c_stride)
{
    using V = typename vector_of<A>::type;
    V sum[TILE_ROWS][2] = {};
    for (int64_t k = 0; k < depth; k++) {
        const V low = load_vector(b), high = load_vector(b + LANES<A>);
#pragma GCC unroll 16
        for (int64_t row = 0; row < TILE_ROWS; row++) {
            const A x = a.data[row * a.row_stride];
            sum[row][0] += x * low;
            sum[row][1] += x * high;
        }
        a.data += a.depth_stride;
        b += b_stride;
    }
#pragma GCC unroll 16
    for (int64_t row = 0; row < TILE_ROWS; row++) {
        A *to = c + row * c_stride;
        V low = sum[row][0], high = sum[row][1];
        if (start.data) {
            low += load_vector(start.data + row * start.row_stride);
            high += load_vector(start.data + row * start.row_stride + LANES<A>);
        }
        std::memcpy(to, &low, sizeof low);
        std::memcpy(to + LANES<A>, &high, sizeof high);
    }
}

/** c [rows, columns] = a b, or += with `Adds`; whole tiles. */
template <class A, bool Adds>
void multiply_matrices(left_factor<A> a, right_factor<A> b, int64_t rows, int64_t depth, int64_t columns,
                       A *c, int64_t c_stride)
{
    for (int64_t j = 0; j < columns; j += TILE_COLUMNS<A>, b.data += b.panel_stride)
        for (int64_t i = 0; i < rows; i += TILE_ROWS) {
            A *to = c + i * c_stride + j;
            multiply_tile<A>({a.data + i * a.row_stride, a.row_stride, a.depth_stride}, b.data,
                             b.depth_stride, depth, {Adds ? to : nullptr, c_stride}, to, c_stride);
        }
}

// ---------------------------------------------------------------- packing

/** Rows of `width` values, one head of a [row, heads * width] operand. Packing converts them to A. */
template <class T> struct head_rows {
    const T *data;
    int64_t stride, n, width;
};

/** Prefetches the same row of the next head, which hardware does not foresee. */
template <class T> inline void prefetch_next(const T *row, int64_t width)
{
    constexpr int64_t LINE = 64 / static_cast<int64_t>(sizeof(T));
    for (int64_t c = 0; c < width; c += LINE)
        __builtin_prefetch(row + width + c);
}

/** Packs to [padded_rows, width padded to whole tiles]. */
template <class T, class A> void pack_rows(head_rows<T> from, int64_t padded_rows, A *to)
{
    const int64_t padded_width = round_up(from.width, TILE_COLUMNS<A>);
    for (int64_t i = 0; i < from.n; i++, to += padded_width) {
        const T *row = from.data + i * from.stride;
        prefetch_next(row, from.width);
#pragma omp simd
        for (int64_t c = 0; c < from.width; c++)
            to[c] = load(row[c]);
        std::memset(to + from.width, 0, static_cast<size_t>(padded_width - from.width) * sizeof *to);
    }
    std::memset(to, 0, static_cast<size_t>((padded_rows - from.n) * padded_width) * sizeof *to);
}

template <class T, class A> inline void transpose_4(const T *from, int64_t stride, A *to, int64_t to_stride)
{
    typedef A V __attribute__((vector_size(4 * sizeof(A))));
    V r[4];
    for (int64_t i = 0; i < 4; i++, from += stride)
        if constexpr (sizeof(T) == sizeof(A))
            std::memcpy(&r[i], from, sizeof r[i]);
        else
            r[i] = V{load(from[0]), load(from[1]), load(from[2]), load(from[3])};
    const V low[2] = {__builtin_shufflevector(r[0], r[1], 0, 4, 1, 5),
                      __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5)};
    const V high[2] = {__builtin_shufflevector(r[0], r[1], 2, 6, 3, 7),
                       __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7)};
    const V out[4] = {__builtin_shufflevector(low[0], low[1], 0, 1, 4, 5),
                      __builtin_shufflevector(low[0], low[1], 2, 3, 6, 7),
                      __builtin_shufflevector(high[0], high[1], 0, 1, 4, 5),
                      __builtin_shufflevector(high[0], high[1], 2, 3, 6, 7)};
    for (int64_t i = 0; i < 4; i++)
        std::memcpy(to + i * to_stride, &out[i], sizeof out[i]);
}

/** The transpose: panels of TILE_COLUMNS rows, each [width, TILE_COLUMNS]. */
template <class T, class A> void pack_transposed(head_rows<T> from, A *to)
{
    constexpr int64_t COLUMNS = TILE_COLUMNS<A>;
    for (int64_t i = 0; i < round_up(from.n, COLUMNS); i += 4) {
        const T *rows = from.data + i * from.stride;
        A *panel = to + i / COLUMNS * COLUMNS * from.width + i % COLUMNS;
        for (int64_t r = 0; r < 4 && i + r < from.n; r++)
            prefetch_next(rows + r * from.stride, from.width);
        int64_t c = 0;
        if (i + 4 <= from.n)
            for (; c + 4 <= from.width; c += 4)
                transpose_4(rows + c, from.stride, panel + c * COLUMNS, COLUMNS);
        for (; c < from.width; c++)
            for (int64_t r = 0; r < 4; r++)
                panel[c * COLUMNS + r] = i + r < from.n ? load(rows[r * from.stride + c]) : 0;
    }
}

} // namespace kernels::KERNELS_ISA
