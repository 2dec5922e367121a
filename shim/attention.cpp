// Attention over a token tree, forward and backward.
#include "attention.hpp"

#include <algorithm>
#include <cmath>

#include "prompt/torch/fused.h"
#include "threads.hpp"

using shim::accum_type;
using shim::attention_flop;
using shim::check;
using shim::check_rows;
using shim::in;
using shim::rows;
using shim::run;
using shim::run_status;
using shim::writable_rows;

namespace
{

template <class T> kernels::tree_args<T> tree_args_of(const struct tree_attention &a)
{
    const int64_t width = in(a.q).size(2);
    return {rows<T>(a.q),        rows<T>(a.k),        rows<T>(a.v),
            rows<T>(a.prefix_k), rows<T>(a.prefix_v), a.prefix_k ? in(a.prefix_k).size(1) : 0,
            a.mask->n_queries,   a.mask->n_nodes,     a.n_heads,
            width / a.n_heads,   a.mask->first,       a.mask->seen,
            a.mask->n_seen_max};
}

void check_tree(const struct tree_attention &a)
{
    const at::Tensor &q = in(a.q);
    check(q.dim() == 3, "operands must be [B,rows,W]");
    check_rows(q, q, a.mask->n_queries);
    check_rows(in(a.k), q, a.mask->n_nodes);
    check_rows(in(a.v), q, a.mask->n_nodes);
    check(!a.prefix_k == !a.prefix_v, "a prefix has keys and values");
    const int64_t n_prefix = a.prefix_k && in(a.prefix_k).dim() == 3 ? in(a.prefix_k).size(1) : 0;
    for (const tensor *t : {a.prefix_k, a.prefix_v})
        if (t)
            check_rows(in(t), q, n_prefix);
    check(a.n_heads > 0 && q.size(2) % a.n_heads == 0, "heads do not divide the width");
    check(q.size(2) / a.n_heads <= kernels::MAX_HEAD_WIDTH &&
              a.mask->n_seen_max + n_prefix <= kernels::MAX_SEEN,
          "a query sees more than 1024 tokens, or a head is wider than 1024");
}

/** The tensors for the gradients; those of the prefix have the accumulate dtype, are dense, and exist both or
 * not at all. */
void check_gradients(const struct tree_attention &a, const tensor *d_q, const tensor *d_k, const tensor *d_v,
                     const tensor *d_prefix_k, const tensor *d_prefix_v)
{
    const at::Tensor &q = in(a.q);
    check_rows(in(d_q), q, a.mask->n_queries);
    check_rows(in(d_k), q, a.mask->n_nodes);
    check_rows(in(d_v), q, a.mask->n_nodes);
    check(!d_prefix_k == !d_prefix_v && (!d_prefix_k || a.prefix_k), "a prefix has keys and values");
    for (const tensor *t : {d_prefix_k, d_prefix_v})
        check(!t || (in(t).is_contiguous() && in(t).scalar_type() == accum_type(q) &&
                     in(t).sizes() == in(a.prefix_k).sizes()),
              "gradients of the prefix must have its shape, be dense and of the accumulate dtype");
}

// ---------------------------------------------------------------- by PyTorch's operations

/** Every query against every key; keys that it does not see get weight 0. */
at::Tensor mask_of(const struct tree_mask &f, int64_t n_prefix, const at::TensorOptions &options)
{
    const int64_t n = n_prefix + f.n_nodes, stride = (n + 15) / 16 * 16; // fused kernels need aligned rows
    at::Tensor mask = at::full({f.n_queries, stride}, -INFINITY, at::kFloat);
    for (int64_t i = 0; i < f.n_queries; i++) {
        float *row = mask.mutable_data_ptr<float>() + i * stride;
        std::fill_n(row, n_prefix, 0.0F);
        for (int32_t j = f.first[i]; j < f.first[i + 1]; j++)
            row[n_prefix + f.seen[j]] = 0.0F;
    }
    shim::count_upload();
    return mask.to(options).narrow(1, 0, n);
}

/** Keys and values of prefix and nodes, concatenated. */
struct joined {
    at::Tensor k, v, mask;
    int64_t n_prefix;
};

joined join_prefix(const struct tree_attention &a)
{
    const int64_t n_prefix = a.prefix_k ? in(a.prefix_k).size(1) : 0;
    const at::Tensor mask = a.mask->dense ? in(a.mask->dense) : mask_of(*a.mask, n_prefix, in(a.q).options());
    check(mask.dim() == 2 && mask.size(0) == a.mask->n_queries &&
              mask.size(1) == n_prefix + a.mask->n_nodes && mask.scalar_type() == in(a.q).scalar_type() &&
              mask.device() == in(a.q).device(),
          "the mask belongs to another prefix, dtype or device");
    if (n_prefix == 0)
        return {in(a.k), in(a.v), mask, 0};
    return {at::cat({in(a.prefix_k), in(a.k)}, 1), at::cat({in(a.prefix_v), in(a.v)}, 1), mask, n_prefix};
}

void library_backward(const struct tree_attention &a, const at::Tensor &d_out, tensor *d_q, tensor *d_k,
                      tensor *d_v, tensor *d_prefix_k, tensor *d_prefix_v)
{
    const joined all = join_prefix(a);
    const shim::attention_gradients g =
        shim::library_attention_backward(d_out, in(a.q), all.k, all.v, a.n_heads, all.mask);
    const int64_t p = all.n_prefix, n = a.mask->n_nodes;
    in(d_q).copy_(g.q);
    in(d_k).copy_(g.k.narrow(1, p, n));
    in(d_v).copy_(g.v.narrow(1, p, n));
    if (d_prefix_k) {
        in(d_prefix_k).add_(g.k.narrow(1, 0, p));
        in(d_prefix_v).add_(g.v.narrow(1, 0, p));
    }
}

double tree_flop(double n_products, const struct tree_attention &a)
{
    const double n_prefix = a.prefix_k ? static_cast<double>(in(a.prefix_k).size(1)) : 0.0;
    const double n_queries = static_cast<double>(a.mask->n_queries);
    const double n_seen = static_cast<double>(a.mask->first[a.mask->n_queries]);
    const double n_pairs = static_cast<double>(in(a.q).size(0)) * (n_seen + n_queries * n_prefix);
    return attention_flop(n_products, n_pairs, static_cast<double>(in(a.q).size(2)));
}

} // namespace

extern "C" {

tensor *t_tree_mask(scope *s, const struct tree_mask *mask, int64_t n_prefix, enum dtype dtype,
                    struct device device)
{
    return run(s, "t_tree_mask", [&] { return mask_of(*mask, n_prefix, shim::options(dtype, device)); });
}

tensor *t_tree_attention(scope *s, const struct tree_attention *a)
{
    return run(s, "t_tree_attention", [&] {
        check_tree(*a);
        shim::count_flop(tree_flop(shim::ATTENTION_PRODUCTS, *a));
        const at::Tensor &q = in(a->q);
        if (!shim::has_kernel(q)) {
            const joined all = join_prefix(*a);
            return shim::library_attention(q, all.k, all.v, a->n_heads, all.mask);
        }
        at::Tensor out = at::empty(q.sizes(), q.options());
        shim::with_kernel_type(q.scalar_type(), [&](auto t) {
            using T = decltype(t);
            const auto args = tree_args_of<T>(*a);
            const auto to = writable_rows<T>(out);
            const int64_t grain = std::max<int64_t>(1, 4096 / q.size(2)); /* tens of thousands of products */
            const shim::with_chosen_threads threads;
            at::parallel_for(0, q.size(0) * a->mask->n_queries, grain, [&](int64_t begin, int64_t end) {
                kernels::best<T>().tree_forward(args, to, begin, end);
            });
        });
        return out;
    });
}

void t_tree_attention_backward(scope *s, const struct tree_attention *a, const tensor *d_out, tensor *d_q,
                               tensor *d_k, tensor *d_v, tensor *d_prefix_k, tensor *d_prefix_v)
{
    (void)run_status(s, "t_tree_attention_backward", [&] {
        check_tree(*a);
        check_gradients(*a, d_q, d_k, d_v, d_prefix_k, d_prefix_v);
        const double flop = tree_flop(shim::ATTENTION_BACKWARD_PRODUCTS, *a);
        shim::count_flop(flop);
        const at::Tensor &q = in(a->q);
        const at::Tensor g = in(d_out).view_as(q).contiguous();
        if (!shim::has_kernel(q)) {
            library_backward(*a, g, d_q, d_k, d_v, d_prefix_k, d_prefix_v);
            return;
        }
        shim::with_kernel_type(q.scalar_type(), [&](auto t) {
            using T = decltype(t);
            using A = typename kernels::accumulator<T>::type;
            const kernels::tree_backward_args<T> args = {
                tree_args_of<T>(*a),
                rows<T>(g),
                writable_rows<T>(in(d_q)),
                writable_rows<T>(in(d_k)),
                writable_rows<T>(in(d_v)),
                d_prefix_k ? static_cast<A *>(in(d_prefix_k).mutable_data_ptr()) : nullptr,
                d_prefix_v ? static_cast<A *>(in(d_prefix_v).mutable_data_ptr()) : nullptr};
            const shim::with_chosen_threads threads;
            at::parallel_for(0, q.size(0) * a->n_heads, 1, [&](int64_t begin, int64_t end) {
                std::vector<A> scratch(static_cast<size_t>(kernels::tree_scratch(args.forward)));
                kernels::best<T>().tree_backward(args, scratch.data(), begin, end);
            });
        });
    });
}

} // extern "C"
