// Dense attention, forward and backward.
#include "attention.hpp"

#include <ATen/Parallel.h>

#include "prompt/torch/fused.h"

using shim::attention_flop;
using shim::BACKWARD_PRODUCTS;
using shim::check;
using shim::check_rows;
using shim::in;
using shim::join_heads;
using shim::rows;
using shim::run;
using shim::run_status;
using shim::split_heads;
using shim::writable_rows;

namespace
{

double dense_flop(const at::Tensor &q, const at::Tensor &k)
{
    return attention_flop(static_cast<double>(q.size(0) * q.size(1) * k.size(1)),
                          static_cast<double>(q.size(2)));
}

/** fp32 and fp64 on a CPU take our kernel; half types keep the probabilities (measured faster), as does what
 * is not on a CPU. */
bool has_dense_kernel(const at::Tensor &q)
{
    return shim::has_kernel(q) && q.scalar_type() != at::kBFloat16;
}

/** Calls `f` with a value of the kernel's type. */
template <class F> void with_dense_type(at::ScalarType type, F f)
{
    if (type == at::kFloat)
        f(float{});
    else
        f(double{});
}

template <class A>
kernels::dense_args<A> dense_args_of(const tensor *q, const tensor *k, const tensor *v, int64_t n_heads)
{
    return {
        rows<A>(q), rows<A>(k), rows<A>(v), in(q).size(1), in(k).size(1), n_heads, in(q).size(2) / n_heads};
}

/** A thread's; libtorch aligns it to cache lines. */
template <class A> at::Tensor dense_scratch(const kernels::dense_args<A> &a)
{
    return at::empty({kernels::best<A>().dense_scratch(a)}, c10::CppTypeToScalarType<A>::value);
}

template <class A> at::Tensor dense_forward(const kernels::dense_args<A> &a, at::Tensor &lse)
{
    at::Tensor out = at::empty({lse.size(0), a.n_queries, a.n_heads * a.head_width}, lse.options());
    const auto to = writable_rows<A>(out);
    A *sums = lse.mutable_data_ptr<A>();
    const int64_t n_tasks = lse.size(0) * a.n_heads * kernels::dense_blocks(a.n_queries);
    at::parallel_for(0, n_tasks, 1, [&](int64_t begin, int64_t end) {
        const at::Tensor scratch = dense_scratch(a);
        kernels::best<A>().dense_forward(a, to, sums, scratch.mutable_data_ptr<A>(), begin, end);
    });
    return out;
}

template <class A> void dense_backward(const kernels::dense_backward_args<A> &b, int64_t n_images)
{
    at::parallel_for(0, n_images * b.forward.n_heads, 1, [&](int64_t begin, int64_t end) {
        const at::Tensor scratch = dense_scratch(b.forward);
        kernels::best<A>().dense_backward(b, scratch.mutable_data_ptr<A>(), begin, end);
    });
}

void check_dense(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, int64_t n_heads)
{
    check(q.dim() == 3 && k.dim() == 3, "operands must be [B,rows,W]");
    check_rows(q, q, q.size(1));
    check_rows(k, q, k.size(1));
    check_rows(v, q, k.size(1));
    check(n_heads > 0 && q.size(2) % n_heads == 0, "heads do not divide the width");
    check(k.size(1) > 0, "there are no keys");
}

void check_dense_gradients(const at::Tensor &q, const at::Tensor &k, const tensor *d_q, const tensor *d_k,
                           const tensor *d_v, int64_t first_key)
{
    check(first_key >= 0 && first_key <= k.size(1), "the first key is not one of the keys");
    if (d_q)
        check_rows(in(d_q), q, q.size(1));
    check_rows(in(d_k), q, k.size(1) - first_key);
    check_rows(in(d_v), q, k.size(1) - first_key);
}

} // namespace

extern "C" {

tensor *t_dense_attention(scope *s, const tensor *q, const tensor *k, const tensor *v, int64_t n_heads,
                          tensor **aux)
{
    return run(s, "t_dense_attention", [&] {
        const at::Tensor &qt = in(q);
        check_dense(qt, in(k), in(v), n_heads);
        shim::count_flop(dense_flop(qt, in(k)));
        if (has_dense_kernel(qt)) {
            at::Tensor lse = at::empty({qt.size(0), n_heads, qt.size(1)}, qt.options()), out;
            with_dense_type(qt.scalar_type(), [&](auto t) {
                out = dense_forward(dense_args_of<decltype(t)>(q, k, v, n_heads), lse);
            });
            if (aux)
                *aux = shim::put(s, lse);
            return out;
        }
        const at::Tensor qh = split_heads(qt, n_heads), kh = split_heads(in(k), n_heads),
                         vh = split_heads(in(v), n_heads);
        const at::Tensor weights = at::softmax(qh.matmul(kh.transpose(-1, -2)), -1);
        if (aux)
            *aux = shim::put(s, weights);
        return join_heads(weights.matmul(vh));
    });
}

void t_dense_attention_backward(scope *s, const tensor *d_out, const tensor *q, const tensor *k,
                                const tensor *v, const tensor *aux, int64_t n_heads, tensor *d_q, tensor *d_k,
                                tensor *d_v, int64_t first_key)
{
    (void)run_status(s, "t_dense_attention_backward", [&] {
        const at::Tensor &qt = in(q);
        check_dense(qt, in(k), in(v), n_heads);
        check_dense_gradients(qt, in(k), d_q, d_k, d_v, first_key);
        shim::count_flop(BACKWARD_PRODUCTS * dense_flop(qt, in(k)));
        const at::Tensor g = in(d_out).view_as(qt).contiguous();
        if (has_dense_kernel(qt)) {
            with_dense_type(qt.scalar_type(), [&](auto t) {
                using A = decltype(t);
                const kernels::rows_of<A *> none = {nullptr, 0, 0};
                dense_backward<A>({dense_args_of<A>(q, k, v, n_heads), rows<A>(g),
                                   in(aux).const_data_ptr<A>(), d_q ? writable_rows<A>(in(d_q)) : none,
                                   writable_rows<A>(in(d_k)), writable_rows<A>(in(d_v)), first_key},
                                  qt.size(0));
            });
            return;
        }
        const at::Tensor qh = split_heads(qt, n_heads), kh = split_heads(in(k), n_heads),
                         vh = split_heads(in(v), n_heads), gh = split_heads(g, n_heads), &weights = in(aux);
        const int64_t n_own = kh.size(2) - first_key;
        const at::Tensor ds =
            at::_softmax_backward_data(gh.matmul(vh.transpose(-1, -2)), weights, -1, weights.scalar_type());
        if (d_q)
            in(d_q).copy_(join_heads(ds.matmul(kh)));
        in(d_k).copy_(join_heads(ds.narrow(-1, first_key, n_own).transpose(-1, -2).matmul(qh)));
        in(d_v).copy_(join_heads(weights.narrow(-1, first_key, n_own).transpose(-1, -2).matmul(gh)));
    });
}

} // extern "C"
