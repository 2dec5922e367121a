// Dense attention, head by head, in scratch of about the size of the L2 cache; included by kernels_*.cpp.
#pragma once

#include "product.inc.hpp"

#include <initializer_list>

namespace kernels::KERNELS_ISA
{

static_assert(DENSE_BLOCK % TILE_ROWS == 0, "a block of queries is whole tiles");

/** The scratch of one thread. `width` of a head and the number of `keys` are padded to whole tiles. */
template <class A> struct dense_space {
    int64_t width, keys, stride; // stride: of a row of scores, read beyond `keys` by less than a tile
    A *keys_t, *values_t, *rows, *d_keys, *d_values; // [stride, width] at most
    A *q, *d_out, *out;                              // [DENSE_BLOCK, width]
    A *weights, *d_scores;                           // [DENSE_BLOCK, stride]

    template <class T>
    dense_space(const dense_args<T> &a, A *scratch)
        : width(round_up(a.head_width, TILE_COLUMNS<A>)), keys(round_up(a.n_keys, TILE_COLUMNS<A>)),
          stride(round_up(a.n_keys + TILE_ROWS, TILE_COLUMNS<A>))
    {
        for (A **big : {&keys_t, &values_t, &rows, &d_keys, &d_values}) {
            *big = scratch;
            scratch += stride * width;
        }
        for (A **block : {&q, &d_out, &out}) {
            *block = scratch;
            scratch += DENSE_BLOCK * width;
        }
        weights = scratch;
        d_scores = scratch + DENSE_BLOCK * stride;
    }

    /** Products read these scores beyond `keys`, but none writes them: they only reach rows that are never
     * read, but must be numbers. */
    void zero_unwritten_scores()
    {
        for (A *row = weights; row < weights + 2 * DENSE_BLOCK * stride; row += stride)
            std::memset(row + keys, 0, static_cast<size_t>(stride - keys) * sizeof *row);
    }

    left_factor<A> as_left(const A *block) const { return {block, width, 1}; }
    right_factor<A> as_right(const A *block) const { return {block, width, TILE_COLUMNS<A>}; }
    right_factor<A> transposed(const A *panels, int64_t head_width) const
    {
        return {panels, TILE_COLUMNS<A>, head_width * TILE_COLUMNS<A>};
    }
};

template <class T> int64_t dense_scratch(const dense_args<T> &a)
{
    using A = typename accumulator<T>::type;
    const int64_t width = round_up(a.head_width, TILE_COLUMNS<A>),
                  stride = round_up(a.n_keys + TILE_ROWS, TILE_COLUMNS<A>);
    return 5 * stride * width + DENSE_BLOCK * (3 * width + 2 * stride);
}

/** A head of an image, and a block of its queries. */
template <class T> struct dense_task {
    const dense_args<T> &a;
    int64_t image, at, first, n_rows; // n_rows: queries of the block
    int64_t row;                      // of the first in lse

    dense_task(const dense_args<T> &args, int64_t head, int64_t first_query)
        : a(args), image(head / a.n_heads), at(head % a.n_heads * a.head_width), first(first_query),
          n_rows(a.n_queries - first < DENSE_BLOCK ? a.n_queries - first : DENSE_BLOCK),
          row(head * a.n_queries + first)
    {
    }

    head_rows<T> keys(const rows_of<const T *> &r) const
    {
        return {r.data + image * r.batch_stride + at, r.row_stride, a.n_keys, a.head_width};
    }
    head_rows<T> queries(const rows_of<const T *> &r) const
    {
        return {r.data + image * r.batch_stride + first * r.row_stride + at, r.row_stride, n_rows,
                a.head_width};
    }
};

/** Copies rows of one head, scaled if `scale` is not null, to the rows from `first` on. */
template <class T, class A>
void write_rows(const dense_task<T> &task, const rows_of<T *> &to, int64_t first, int64_t n, const A *from,
                int64_t from_stride, const A *scale)
{
    for (int64_t i = 0; i < n; i++) {
        T *row = to.data + task.image * to.batch_stride + (first + i) * to.row_stride + task.at;
        const A by = scale ? scale[i] : 1;
#pragma omp simd
        for (int64_t c = 0; c < task.a.head_width; c++)
            store(row + c, from[i * from_stride + c] * by);
    }
}

// ---------------------------------------------------------------- forward

template <class T, class A>
void dense_forward(const dense_args<T> &a, rows_of<T *> out, A *lse, A *scratch, int64_t begin, int64_t end)
{
    const dense_space<A> z(a, scratch);
    const int64_t n_blocks = dense_blocks(a.n_queries);
    for (int64_t i = begin; i < end; i++) {
        const dense_task<T> task(a, i / n_blocks, i % n_blocks * DENSE_BLOCK);
        const int64_t rows = round_up(task.n_rows, TILE_ROWS);
        if (i == begin || task.first == 0) {
            pack_transposed(task.keys(a.k), z.keys_t);
            pack_rows(task.keys(a.v), a.n_keys, z.rows);
        }
        pack_rows(task.queries(a.q), rows, z.q);
        multiply_matrices<A, false>(z.as_left(z.q), z.transposed(z.keys_t, a.head_width), rows, a.head_width,
                                    z.keys, z.weights, z.stride);
        A scale[DENSE_BLOCK];
        for (int64_t r = 0; r < task.n_rows; r++) {
            A *s = z.weights + r * z.stride;
            const A largest = largest_of(s, a.n_keys), sum = exponentials(s, a.n_keys, z.keys, largest);
            scale[r] = 1 / sum;
            lse[task.row + r] = largest + std::log(sum);
        }
        multiply_matrices<A, false>({z.weights, z.stride, 1}, z.as_right(z.rows), rows, a.n_keys, z.width,
                                    z.out, z.width);
        write_rows<T, A>(task, out, task.first, task.n_rows, z.out, z.width, scale);
    }
}

// ---------------------------------------------------------------- backward

// Computes the weights again from lse; d scores = weights (d weights - their mean under the weights).
template <class T, class A>
void dense_d_scores(const dense_backward_args<T> &b, const dense_task<T> &task, const dense_space<A> &z)
{
    const dense_args<T> &a = b.forward;
    const int64_t rows = round_up(task.n_rows, TILE_ROWS);
    pack_rows(task.queries(a.q), rows, z.q);
    pack_rows(task.queries(b.d_out), rows, z.d_out);
    multiply_matrices<A, false>(z.as_left(z.q), z.transposed(z.keys_t, a.head_width), rows, a.head_width,
                                z.keys, z.weights, z.stride);
    multiply_matrices<A, false>(z.as_left(z.d_out), z.transposed(z.values_t, a.head_width), rows,
                                a.head_width, z.keys, z.d_scores, z.stride);
    for (int64_t r = 0; r < task.n_rows; r++) {
        A *w = z.weights + r * z.stride, *d = z.d_scores + r * z.stride, mean = 0;
        // 1 except for lse's rounding
        const A scale = 1 / exponentials(w, a.n_keys, z.keys, b.lse[task.row + r]);
#pragma omp simd reduction(+ : mean)
        for (int64_t j = 0; j < z.keys; j++) {
            w[j] *= scale;
            mean += w[j] * d[j];
        }
#pragma omp simd
        for (int64_t j = 0; j < z.keys; j++)
            d[j] = w[j] * (d[j] - mean);
    }
}

template <class T, class A>
void dense_backward(const dense_backward_args<T> &b, A *scratch, int64_t begin, int64_t end)
{
    const dense_args<T> &a = b.forward;
    dense_space<A> z(a, scratch);
    z.zero_unwritten_scores();
    const int64_t n_own = a.n_keys - b.first_key, own_rows = round_up(n_own, TILE_ROWS);
    for (int64_t head = begin; head < end; head++) {
        const dense_task<T> whole(a, head, 0);
        pack_transposed(whole.keys(a.k), z.keys_t);
        pack_transposed(whole.keys(a.v), z.values_t);
        if (b.d_q.data)
            pack_rows(whole.keys(a.k), a.n_keys, z.rows);
        std::memset(z.d_keys, 0, static_cast<size_t>(own_rows * z.width) * sizeof(A));
        std::memset(z.d_values, 0, static_cast<size_t>(own_rows * z.width) * sizeof(A));
        for (int64_t first = 0; first < a.n_queries; first += DENSE_BLOCK) {
            const dense_task<T> task(a, head, first);
            dense_d_scores(b, task, z);
            if (b.d_q.data) {
                multiply_matrices<A, false>({z.d_scores, z.stride, 1}, z.as_right(z.rows),
                                            round_up(task.n_rows, TILE_ROWS), a.n_keys, z.width, z.out,
                                            z.width);
                write_rows<T, A>(task, b.d_q, first, task.n_rows, z.out, z.width, nullptr);
            }
            multiply_matrices<A, true>({z.d_scores + b.first_key, 1, z.stride}, z.as_right(z.q), own_rows,
                                       task.n_rows, z.width, z.d_keys, z.width);
            multiply_matrices<A, true>({z.weights + b.first_key, 1, z.stride}, z.as_right(z.d_out), own_rows,
                                       task.n_rows, z.width, z.d_values, z.width);
        }
        write_rows<T, A>(whole, b.d_k, 0, n_own, z.d_keys, z.width, nullptr);
        write_rows<T, A>(whole, b.d_v, 0, n_own, z.d_values, z.width, nullptr);
    }
}

} // namespace kernels::KERNELS_ISA
