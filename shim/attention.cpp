// Attention over a forest of tokens, forward and backward.
#include "attention.hpp"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include "prompt/torch/fused.h"

using shim::attention_flop;
using shim::check;
using shim::check_rows;
using shim::in;
using shim::join_heads;
using shim::master_type;
using shim::rows;
using shim::run;
using shim::run_status;
using shim::split_heads;
using shim::writable_rows;

namespace
{

template <class T> kernels::tree_args<T> tree_args_of(const struct forest_attention &a)
{
    const int64_t width = in(a.q).size(2);
    return {rows<T>(a.q),        rows<T>(a.k),        rows<T>(a.v),
            rows<T>(a.prefix_k), rows<T>(a.prefix_v), a.prefix_k ? in(a.prefix_k).size(1) : 0,
            a.forest->n_queries, a.forest->n_nodes,   a.n_heads,
            width / a.n_heads,   a.forest->first,     a.forest->seen,
            a.forest->n_seen_max};
}

void check_forest(const struct forest_attention &a)
{
    const at::Tensor &q = in(a.q);
    check(q.dim() == 3, "operands must be [B,rows,W]");
    check_rows(q, q, a.forest->n_queries);
    check_rows(in(a.k), q, a.forest->n_nodes);
    check_rows(in(a.v), q, a.forest->n_nodes);
    check(!a.prefix_k == !a.prefix_v, "a prefix has keys and values");
    const int64_t n_prefix = a.prefix_k && in(a.prefix_k).dim() == 3 ? in(a.prefix_k).size(1) : 0;
    for (const tensor *t : {a.prefix_k, a.prefix_v})
        if (t)
            check_rows(in(t), q, n_prefix);
    check(a.n_heads > 0 && q.size(2) % a.n_heads == 0, "heads do not divide the width");
    check(q.size(2) / a.n_heads <= kernels::MAX_HEAD_WIDTH &&
              a.forest->n_seen_max + n_prefix <= kernels::MAX_SEEN,
          "more than 1024 tokens seen by one, or a wider head than 1024");
}

/** The gradients' places; those of the prefix are master, dense, and both or none. */
void check_gradients(const struct forest_attention &a, const tensor *d_q, const tensor *d_k,
                     const tensor *d_v, const tensor *d_prefix_k, const tensor *d_prefix_v)
{
    const at::Tensor &q = in(a.q);
    check_rows(in(d_q), q, a.forest->n_queries);
    check_rows(in(d_k), q, a.forest->n_nodes);
    check_rows(in(d_v), q, a.forest->n_nodes);
    check(!d_prefix_k == !d_prefix_v && (!d_prefix_k || a.prefix_k), "a prefix has keys and values");
    for (const tensor *t : {d_prefix_k, d_prefix_v})
        check(!t || (in(t).is_contiguous() && in(t).scalar_type() == master_type(q) &&
                     in(t).sizes() == in(a.prefix_k).sizes()),
              "gradients of the prefix must be like it, dense and of the master type");
}

// ---------------------------------------------------------------- by PyTorch's operations

/** Nodes seen by every query, [queries, most], padded with node 0, and which entries are padding. */
std::pair<at::Tensor, at::Tensor> padded_seen(const struct forest &f, at::Device device)
{
    at::Tensor index = at::zeros({f.n_queries, f.n_seen_max}, at::kLong);
    at::Tensor is_padding = at::ones({f.n_queries, f.n_seen_max}, at::kBool);
    for (int64_t i = 0; i < f.n_queries; i++)
        for (int32_t j = f.first[i]; j < f.first[i + 1]; j++) {
            index.mutable_data_ptr<int64_t>()[i * f.n_seen_max + j - f.first[i]] = f.seen[j];
            is_padding.mutable_data_ptr<bool>()[i * f.n_seen_max + j - f.first[i]] = false;
        }
    return {index.to(device), is_padding.to(device)};
}

/** Forest attention as a composition: keys and values of what each query sees are gathered, padding is
 * masked. */
at::Tensor composed(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &prefix_k,
                    const at::Tensor &prefix_v, int64_t n_heads, const struct forest &f)
{
    const auto [index, is_padding] = padded_seen(f, q.device());
    const int64_t B = q.size(0), W = q.size(2), hw = W / n_heads;
    const auto gathered = [&](const at::Tensor &t) { /* [B,heads,queries,seen,hw] */
                                                     return t.index_select(1, index.flatten())
                                                         .view({B, f.n_queries, f.n_seen_max, n_heads, hw})
                                                         .permute({0, 3, 1, 2, 4});
    };
    const at::Tensor qh = split_heads(q, n_heads).to(master_type(q)); /* [B,heads,queries,hw] */
    const auto as_math = [&](const at::Tensor &t) { return t.to(qh.scalar_type()); };
    at::Tensor scores = (as_math(gathered(k)) * qh.unsqueeze(3)).sum(-1).masked_fill(is_padding, -INFINITY);
    if (prefix_k.defined())
        scores = at::cat({qh.matmul(as_math(split_heads(prefix_k, n_heads)).transpose(-1, -2)), scores}, -1);
    const at::Tensor weights = at::softmax(scores, -1);
    const int64_t p = prefix_k.defined() ? prefix_k.size(1) : 0;
    at::Tensor out = (weights.narrow(-1, p, f.n_seen_max).unsqueeze(-1) * as_math(gathered(v))).sum(3);
    if (p > 0)
        out = out + weights.narrow(-1, 0, p).matmul(as_math(split_heads(prefix_v, n_heads)));
    return join_heads(out).to(q.scalar_type());
}

void composed_backward(const struct forest_attention &a, const at::Tensor &d_out, tensor *d_q, tensor *d_k,
                       tensor *d_v, tensor *d_prefix_k, tensor *d_prefix_v)
{
    at::AutoGradMode on(true);
    const bool has_prefix = a.prefix_k != nullptr;
    std::vector<at::Tensor> leaves;
    for (const tensor *t : {a.q, a.k, a.v, a.prefix_k, a.prefix_v})
        if (t)
            leaves.push_back(in(t).detach().requires_grad_());
    const at::Tensor none;
    const at::Tensor out = composed(leaves[0], leaves[1], leaves[2], has_prefix ? leaves[3] : none,
                                    has_prefix ? leaves[4] : none, a.n_heads, *a.forest);
    const auto grads = torch::autograd::grad({out}, leaves, {d_out.view_as(out)});
    at::NoGradGuard off;
    in(d_q).copy_(grads[0]);
    in(d_k).copy_(grads[1]);
    in(d_v).copy_(grads[2]);
    if (has_prefix && d_prefix_k) {
        in(d_prefix_k).add_(grads[3]);
        in(d_prefix_v).add_(grads[4]);
    }
}

double forest_flop(double n_products, const struct forest_attention &a)
{
    const double n_prefix = a.prefix_k ? static_cast<double>(in(a.prefix_k).size(1)) : 0.0;
    const double n_queries = static_cast<double>(a.forest->n_queries);
    const double n_seen = static_cast<double>(a.forest->first[a.forest->n_queries]);
    const double n_pairs = static_cast<double>(in(a.q).size(0)) * (n_seen + n_queries * n_prefix);
    return attention_flop(n_products, n_pairs, static_cast<double>(in(a.q).size(2)));
}

} // namespace

extern "C" {

tensor *t_forest_attention(scope *s, const struct forest_attention *a)
{
    return run(s, "t_forest_attention", [&] {
        check_forest(*a);
        shim::count_flop(forest_flop(ATTENTION_PRODUCTS, *a));
        const at::Tensor &q = in(a->q);
        if (!shim::has_kernel(q)) {
            const at::Tensor none;
            return composed(q, in(a->k), in(a->v), a->prefix_k ? in(a->prefix_k) : none,
                            a->prefix_v ? in(a->prefix_v) : none, a->n_heads, *a->forest);
        }
        at::Tensor out = at::empty(q.sizes(), q.options());
        shim::with_kernel_type(q.scalar_type(), [&](auto t) {
            using T = decltype(t);
            const auto args = tree_args_of<T>(*a);
            const auto to = writable_rows<T>(out);
            const int64_t grain = std::max<int64_t>(1, 4096 / q.size(2)); /* tens of thousands of products */
            at::parallel_for(0, q.size(0) * a->forest->n_queries, grain, [&](int64_t begin, int64_t end) {
                kernels::best<T>().tree_forward(args, to, begin, end);
            });
        });
        return out;
    });
}

void t_forest_attention_backward(scope *s, const struct forest_attention *a, const tensor *d_out, tensor *d_q,
                                 tensor *d_k, tensor *d_v, tensor *d_prefix_k, tensor *d_prefix_v)
{
    (void)run_status(s, "t_forest_attention_backward", [&] {
        check_forest(*a);
        check_gradients(*a, d_q, d_k, d_v, d_prefix_k, d_prefix_v);
        shim::count_flop(forest_flop(ATTENTION_BACKWARD_PRODUCTS, *a));
        const at::Tensor &q = in(a->q);
        const at::Tensor g = in(d_out).view_as(q).contiguous();
        if (!shim::has_kernel(q)) {
            composed_backward(*a, g, d_q, d_k, d_v, d_prefix_k, d_prefix_v);
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
            at::parallel_for(0, q.size(0) * a->n_heads, 1, [&](int64_t begin, int64_t end) {
                std::vector<A> scratch(static_cast<size_t>(kernels::tree_scratch(args.forward)));
                kernels::best<T>().tree_backward(args, scratch.data(), begin, end);
            });
        });
    });
}

} // extern "C"
