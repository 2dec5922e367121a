// The product with a weight that is kept in bf16 and converted block by block; included by kernels_*.cpp.
#pragma once

#include <algorithm>
#include <vector>

#include "product.inc.hpp"

namespace kernels::KERNELS_ISA
{

/** Rows and columns of a task. */
struct narrow_block {
    int64_t first_row, end_row, first_column, n_columns;
};

template <class A> narrow_block narrow_block_of(const narrow_product_args<A> &a, int64_t task)
{
    const int64_t chunk = round_up((a.n_rows + a.n_chunks - 1) / a.n_chunks, TILE_ROWS);
    const int64_t column = task / a.n_chunks * NARROW_COLUMNS, row = task % a.n_chunks * chunk;
    return {row, std::min(row + chunk, a.n_rows), column, std::min(NARROW_COLUMNS, a.n_out - column)};
}

/** The weight's rows `first` to `first` + depth: [panel, depth, NARROW_PANEL] of the block's columns. */
template <class A>
void widen(const narrow_product_args<A> &a, const narrow_block &block, int64_t first, int64_t depth, A *to)
{
    for (int64_t c = 0; c < block.n_columns; c += NARROW_PANEL) {
        const bf16 *from = a.w + (block.first_column + c) * a.n_in + first * NARROW_PANEL;
#pragma omp simd
        for (int64_t i = 0; i < depth * NARROW_PANEL; i++)
            to[i] = load(from[i]);
        to += depth * NARROW_PANEL;
    }
}

/** Adds x w to a tile of y. */
template <class A>
void add_tile(const narrow_product_args<A> &a, int64_t row, int64_t first, int64_t depth, const A *w,
              int64_t column)
{
    A *y = a.y + row * a.n_out + column;
    const A *x = a.x + row * a.n_in + first;
    const int64_t n = std::min(TILE_ROWS, a.n_rows - row);
    if (n == TILE_ROWS) {
        multiply_tile<A, true>({x, a.n_in, 1}, w, NARROW_PANEL, depth, y, a.n_out);
        return;
    }
    A rows[TILE_ROWS * NARROW_DEPTH] = {}, sums[TILE_ROWS * TILE_COLUMNS<A>];
    for (int64_t i = 0; i < n; i++)
        std::memcpy(rows + i * depth, x + i * a.n_in, static_cast<size_t>(depth) * sizeof *rows);
    multiply_tile<A, false>({rows, depth, 1}, w, NARROW_PANEL, depth, sums, TILE_COLUMNS<A>);
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < TILE_COLUMNS<A>; c++)
            y[i * a.n_out + c] += sums[i * TILE_COLUMNS<A> + c];
}

template <class A> void begin_with_bias(const narrow_product_args<A> &a, const narrow_block &block)
{
    for (int64_t i = block.first_row; i < block.end_row; i++) {
        A *y = a.y + i * a.n_out + block.first_column;
        if (a.bias)
            std::memcpy(y, a.bias + block.first_column, static_cast<size_t>(block.n_columns) * sizeof *y);
        else
            std::memset(y, 0, static_cast<size_t>(block.n_columns) * sizeof *y);
    }
}

template <class A> void narrow_product(const narrow_product_args<A> &a, int64_t begin, int64_t end)
{
    std::vector<A> wide(static_cast<size_t>(NARROW_COLUMNS * std::min(NARROW_DEPTH, a.n_in)));
    for (int64_t task = begin; task < end; task++) {
        const narrow_block block = narrow_block_of(a, task);
        begin_with_bias(a, block);
        for (int64_t k = 0; k < a.n_in; k += NARROW_DEPTH) {
            const int64_t depth = std::min(NARROW_DEPTH, a.n_in - k);
            widen(a, block, k, depth, wide.data());
            for (int64_t row = block.first_row; row < block.end_row; row += TILE_ROWS)
                for (int64_t c = 0; c < block.n_columns; c += TILE_COLUMNS<A>)
                    add_tile(a, row, k, depth,
                             wide.data() + c / NARROW_PANEL * NARROW_PANEL * depth + c % NARROW_PANEL,
                             block.first_column + c);
        }
    }
}

} // namespace kernels::KERNELS_ISA
