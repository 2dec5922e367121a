// Kernels over plain arrays, each on a range of rows, compiled once per instruction set and selected at run
// time.
//
// Free of libtorch, so these files compile in seconds and can be read alone. T is the compute type of matrix
// products (float, bf16; double in gradient checks), A the accumulate type of the residual stream and of all
// sums (float; double for double). Rows are contiguous; strides count elements.
#pragma once

#include <cstdint>

namespace kernels
{

/** bfloat16 as bits: the upper half of a float. */
struct bf16 {
    uint16_t bits;
};

template <class T> struct accumulator {
    using type = float;
};
template <> struct accumulator<double> {
    using type = double;
};

/** Row r of a dense operand is row (r / inner) * outer + offset + r % inner of the other. */
struct row_map {
    int64_t inner;
    int64_t outer;
    int64_t offset;

    int64_t operator()(int64_t row) const { return row / inner * outer + offset + row % inner; }
};

template <class T> struct residual_norm_args {
    using A = typename accumulator<T>::type;
    A *x;       // [rows, width], the residual stream; d is added to it
    const T *d; // [rows, width], or null
    T *y;       // normalized x, at mapped rows
    A *rstd;    // 1 / sqrt(variance + eps), at mapped rows; or null
    row_map map;
    int64_t width;
    double eps;
};

template <class T> struct norm_backward_args {
    using A = typename accumulator<T>::type;
    A *g;          // [rows, width], gradient of the residual stream: added to, or written
    T *g_copy;     // [rows, width], g in T; or null
    const T *dy;   // gradient of the normalized rows, at mapped rows
    const T *y;    // the normalized rows, at mapped rows
    const A *rstd; // at mapped rows
    row_map map;
    int64_t width;
    bool accumulate;
};

/** Rows of a [batch, row, width] operand with concatenated heads. */
template <class P> struct rows_of {
    P data;
    int64_t batch_stride;
    int64_t row_stride;
};

/**
 * Attention over a token tree. Query i of an image sees all rows of the image's prefix and the nodes
 * seen[first[i]] .. seen[first[i+1]-1]. q includes the scale. */
template <class T> struct tree_args {
    using A = typename accumulator<T>::type;
    rows_of<const T *> q, k, v;            // queries; keys and values of the nodes
    rows_of<const T *> prefix_k, prefix_v; // of the prefix; may be empty
    int64_t n_prefix, n_queries, n_nodes, n_heads, head_width;
    const int32_t *first; // [n_queries + 1]
    const int32_t *seen;
    int64_t n_seen_max; // of one query
};

constexpr int64_t MAX_HEAD_WIDTH = 1024;
constexpr int64_t MAX_SEEN = 1024; // prefix and nodes that one query sees; contexts are 77 long

/** Values of a vector of any instruction set, at most. */
constexpr int64_t PADDED_UNIT = 16;
/** Rounds up to whole vectors. */
constexpr int64_t padded(int64_t n)
{
    return (n + PADDED_UNIT - 1) / PADDED_UNIT * PADDED_UNIT;
}
static_assert(padded(MAX_SEEN) == MAX_SEEN);

template <class T> struct tree_backward_args {
    using A = typename accumulator<T>::type;
    tree_args<T> forward;
    rows_of<const T *> d_out;
    rows_of<T *> d_q, d_k, d_v; // written
    A *d_prefix_k, *d_prefix_v; // [batch, prefix, heads * head width], added to; or null
};

/** Attention without a mask: every query of an image sees all its keys. q includes the scale. Scores, weights
 * and their gradients are in A. */
template <class T> struct dense_args {
    rows_of<const T *> q, k, v;
    int64_t n_queries, n_keys, n_heads, head_width;
};

/** Queries at a time: their scores fit the L2 cache, measured best of 24..102. */
constexpr int64_t DENSE_BLOCK = 48;

inline int64_t dense_blocks(int64_t n_queries)
{
    return (n_queries + DENSE_BLOCK - 1) / DENSE_BLOCK;
}

template <class T> struct dense_backward_args {
    using A = typename accumulator<T>::type;
    dense_args<T> forward;
    rows_of<const T *> d_out;
    const A *lse;          // [batch, heads, queries], from the forward
    rows_of<T *> d_q;      // written; or null
    rows_of<T *> d_k, d_v; // written, for the keys from first_key on
    int64_t first_key;
};

/** Columns of a panel of panel_product's weight. */
constexpr int64_t PANEL_WIDTH = 32;

/** y = x w + bias, all sums in A; the weight is in A or narrower. */
template <class A, class W> struct panel_args {
    const A *x;    // [rows, in]
    const W *w;    // [out / PANEL_WIDTH, in, PANEL_WIDTH]
    const A *bias; // [out], or null
    A *y;          // [rows, out], written
    int64_t n_rows, n_in, n_out;
    int64_t n_chunks; // of rows, that are computed by themselves
};

/** Columns of a task, and the depth at a time: that part of the weight fits the L2 cache. */
constexpr int64_t BLOCK_COLUMNS = 4 * PANEL_WIDTH, BLOCK_DEPTH = 512;

template <class A, class W> int64_t panel_tasks(const panel_args<A, W> &a)
{
    return a.n_chunks * ((a.n_out + BLOCK_COLUMNS - 1) / BLOCK_COLUMNS);
}

/** The kernels of one type for one instruction set. Each works on [begin, end) of its rows or tasks. */
template <class T> struct table {
    using A = typename accumulator<T>::type;
    void (*residual_norm)(const residual_norm_args<T> &a, int64_t begin, int64_t end);
    void (*norm_backward)(const norm_backward_args<T> &a, int64_t begin, int64_t end);
    /** out = silu(x); if `keep_slope`, x becomes silu'(x). */
    void (*silu)(T *x, T *out, bool keep_slope, int64_t begin, int64_t end);
    void (*multiply)(T *a, const T *b, int64_t begin, int64_t end); // a *= b
    /** Tasks are (image, query) pairs. */
    void (*tree_forward)(const tree_args<T> &a, rows_of<T *> out, int64_t begin, int64_t end);
    /** Tasks are (image, head) pairs: no two write to the same memory. `scratch`: tree_scratch per thread. */
    void (*tree_backward)(const tree_backward_args<T> &a, A *scratch, int64_t begin, int64_t end);
    /** Values of scratch per thread for the next two. */
    int64_t (*dense_scratch)(const dense_args<T> &a);
    /** Tasks are (image, head, block of queries); lse [batch, heads, queries]: log-sum-exp. */
    void (*dense_forward)(const dense_args<T> &a, rows_of<T *> out, A *lse, A *scratch, int64_t begin,
                          int64_t end);
    /** Tasks are (image, head) pairs. */
    void (*dense_backward)(const dense_backward_args<T> &a, A *scratch, int64_t begin, int64_t end);
    /** Products with a weight in panels. Tasks are (block of columns, chunk of rows) pairs; a sum does not depend on the
     * number of chunks. */
    void (*narrow_panels)(const panel_args<A, bf16> &a, int64_t begin, int64_t end);
    void (*panels)(const panel_args<A, A> &a, int64_t begin, int64_t end);
};

/** Queries or heads that a thread computes together. */
constexpr int64_t TREE_GROUP = 8;

/** Values of scratch for tree_backward. */
template <class T> int64_t tree_scratch(const tree_args<T> &a)
{
    return 2 * a.head_width * (a.n_prefix + a.n_nodes) + 2 * TREE_GROUP * padded(a.n_prefix + a.n_seen_max);
}

enum class isa { generic, avx2, avx512 };

/** The table of an instruction set, static; null if not built or if this processor lacks it. */
template <class T> const table<T> *table_of(isa set);
/** The fastest table for this processor, static. */
template <class T> const table<T> &best();
/** The name of its instruction set, static. */
const char *best_name();

} // namespace kernels
