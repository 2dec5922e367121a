// The product with a weight in panels; one in bf16 is converted block by block. Included by kernels_*.cpp.
#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>

#include "product.inc.hpp"

namespace kernels::KERNELS_ISA
{

/** Rows and columns of a task. */
struct panel_block {
    int64_t first_row, end_row, first_column, n_columns;
};

template <class A, class W> panel_block panel_block_of(const panel_args<A, W> &a, int64_t task)
{
    const int64_t chunk = round_up((a.n_rows + a.n_chunks - 1) / a.n_chunks, TILE_ROWS);
    const int64_t column = task / a.n_chunks * PANEL_COLUMNS, row = task % a.n_chunks * chunk;
    return {row, std::min(row + chunk, a.n_rows), column, std::min(PANEL_COLUMNS, a.n_out - column)};
}

/** The rows `first` to `first` + depth of the block's panels. A narrow weight is converted, into `wide`. */
template <class A, class W>
right_factor<A> weight_of(const panel_args<A, W> &a, const panel_block &block, int64_t first, int64_t depth,
                          [[maybe_unused]] A *wide)
{
    const W *from = a.w + block.first_column * a.n_in + first * PANEL;
    if constexpr (std::is_same_v<A, W>) {
        return {from, PANEL, a.n_in * PANEL};
    } else {
        A *to = wide;
        for (int64_t c = 0; c < block.n_columns; c += PANEL, from += a.n_in * PANEL, to += depth * PANEL) {
#pragma omp simd
            for (int64_t i = 0; i < depth * PANEL; i++)
                to[i] = load(from[i]);
        }
        return {wide, PANEL, depth * PANEL};
    }
}

/** Adds x w to a tile of y. */
template <class A, class W>
void add_tile(const panel_args<A, W> &a, int64_t row, int64_t first, int64_t depth, const A *w,
              int64_t column)
{
    A *y = a.y + row * a.n_out + column;
    const A *x = a.x + row * a.n_in + first;
    const int64_t n = std::min(TILE_ROWS, a.n_rows - row);
    if (n == TILE_ROWS) {
        multiply_tile<A, true>({x, a.n_in, 1}, w, PANEL, depth, y, a.n_out);
        return;
    }
    A rows[TILE_ROWS * PANEL_DEPTH] = {}, sums[TILE_ROWS * TILE_COLUMNS<A>];
    for (int64_t i = 0; i < n; i++)
        std::memcpy(rows + i * depth, x + i * a.n_in, static_cast<size_t>(depth) * sizeof *rows);
    multiply_tile<A, false>({rows, depth, 1}, w, PANEL, depth, sums, TILE_COLUMNS<A>);
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < TILE_COLUMNS<A>; c++)
            y[i * a.n_out + c] += sums[i * TILE_COLUMNS<A> + c];
}

template <class A, class W> void begin_with_bias(const panel_args<A, W> &a, const panel_block &block)
{
    for (int64_t i = block.first_row; i < block.end_row; i++) {
        A *y = a.y + i * a.n_out + block.first_column;
        if (a.bias)
            std::memcpy(y, a.bias + block.first_column, static_cast<size_t>(block.n_columns) * sizeof *y);
        else
            std::memset(y, 0, static_cast<size_t>(block.n_columns) * sizeof *y);
    }
}

template <class A, class W> void panel_product(const panel_args<A, W> &a, int64_t begin, int64_t end)
{
    std::vector<A> wide;
    if constexpr (!std::is_same_v<A, W>)
        wide.resize(static_cast<size_t>(PANEL_COLUMNS * std::min(PANEL_DEPTH, a.n_in)));
    for (int64_t task = begin; task < end; task++) {
        const panel_block block = panel_block_of(a, task);
        begin_with_bias(a, block);
        for (int64_t k = 0; k < a.n_in; k += PANEL_DEPTH) {
            const int64_t depth = std::min(PANEL_DEPTH, a.n_in - k);
            const right_factor<A> w = weight_of(a, block, k, depth, wide.data());
            for (int64_t row = block.first_row; row < block.end_row; row += TILE_ROWS)
                for (int64_t c = 0; c < block.n_columns; c += TILE_COLUMNS<A>)
                    add_tile(a, row, k, depth, w.data + c / PANEL * w.panel_stride + c % PANEL,
                             block.first_column + c);
        }
    }
}

} // namespace kernels::KERNELS_ISA
