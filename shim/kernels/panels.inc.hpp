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
    const int64_t column = task / a.n_chunks * BLOCK_COLUMNS, row = task % a.n_chunks * chunk;
    return {row, std::min(row + chunk, a.n_rows), column, std::min(BLOCK_COLUMNS, a.n_out - column)};
}

/** The rows `first` to `first` + depth of the block's panels. A narrow weight is converted, into `wide`. */
template <class A, class W>
right_factor<A> weight_of(const panel_args<A, W> &a, const panel_block &block, int64_t first, int64_t depth,
                          [[maybe_unused]] A *wide)
{
    const W *from = a.w + block.first_column * a.n_in + first * PANEL_WIDTH;
    if constexpr (std::is_same_v<A, W>) {
        return {from, PANEL_WIDTH, a.n_in * PANEL_WIDTH};
    } else {
        A *to = wide;
        for (int64_t c = 0; c < block.n_columns;
             c += PANEL_WIDTH, from += a.n_in * PANEL_WIDTH, to += depth * PANEL_WIDTH) {
#pragma omp simd
            for (int64_t i = 0; i < depth * PANEL_WIDTH; i++)
                to[i] = load(from[i]);
        }
        return {wide, PANEL_WIDTH, depth * PANEL_WIDTH};
    }
}

/** A tile's rows of x at the depth at hand; fewer than TILE_ROWS are copied to `rows`, with zeros below them. */
template <class A, class W>
left_factor<A> rows_of_tile(const panel_args<A, W> &a, int64_t row, int64_t first, int64_t depth, A *rows)
{
    const A *x = a.x + row * a.n_in + first;
    const int64_t n = a.n_rows - row;
    if (n >= TILE_ROWS)
        return {x, a.n_in, 1};
    for (int64_t i = 0; i < n; i++)
        std::memcpy(rows + i * depth, x + i * a.n_in, static_cast<size_t>(depth) * sizeof *rows);
    std::memset(rows + n * depth, 0, static_cast<size_t>((TILE_ROWS - n) * depth) * sizeof *rows);
    return {rows, depth, 1};
}

/** A tile of y at the depth at hand, added to what is there, or the first to the bias. */
template <class A, class W>
void compute_tile(const panel_args<A, W> &a, left_factor<A> x, const A *w, int64_t row, int64_t column,
                  int64_t first, int64_t depth)
{
    A *y = a.y + row * a.n_out + column;
    const tile_start<A> start =
        first > 0 ? tile_start<A>{y, a.n_out} : tile_start<A>{a.bias ? a.bias + column : nullptr, 0};
    const int64_t n = a.n_rows - row;
    if (n >= TILE_ROWS) {
        multiply_tile<A>(x, w, PANEL_WIDTH, depth, start, y, a.n_out);
        return;
    }
    A sums[TILE_ROWS * TILE_COLUMNS<A>];
    multiply_tile<A>(x, w, PANEL_WIDTH, depth, {nullptr, 0}, sums, TILE_COLUMNS<A>);
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < TILE_COLUMNS<A>; c++) {
            const A sum = sums[i * TILE_COLUMNS<A> + c];
            y[i * a.n_out + c] = start.data ? sum + start.data[i * start.row_stride + c] : sum;
        }
}

template <class A, class W>
void compute_block(const panel_args<A, W> &a, const panel_block &block, A *wide, A *rows)
{
    for (int64_t first = 0; first < a.n_in; first += BLOCK_DEPTH) {
        const int64_t depth = std::min(BLOCK_DEPTH, a.n_in - first);
        const right_factor<A> w = weight_of(a, block, first, depth, wide);
        for (int64_t row = block.first_row; row < block.end_row; row += TILE_ROWS) {
            const left_factor<A> x = rows_of_tile(a, row, first, depth, rows);
            for (int64_t c = 0; c < block.n_columns; c += TILE_COLUMNS<A>)
                compute_tile(a, x, w.data + c / PANEL_WIDTH * w.panel_stride + c % PANEL_WIDTH, row,
                             block.first_column + c, first, depth);
        }
    }
}

template <class A, class W> void panel_product(const panel_args<A, W> &a, int64_t begin, int64_t end)
{
    const size_t depth = static_cast<size_t>(std::min(BLOCK_DEPTH, a.n_in));
    std::vector<A> rows(static_cast<size_t>(TILE_ROWS) * depth), wide;
    if constexpr (!std::is_same_v<A, W>)
        wide.resize(static_cast<size_t>(BLOCK_COLUMNS) * depth);
    for (int64_t task = begin; task < end; task++) {
        const panel_block block = panel_block_of(a, task);
        if (block.first_row < block.end_row) /* the last chunks may be empty */
            compute_block(a, block, wide.data(), rows.data());
    }
}

} // namespace kernels::KERNELS_ISA
