// Dense attention, forward and backward.
#include "attention.hpp"

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

double dense_flop(double n_products, const at::Tensor &q, int64_t n_keys)
{
    return attention_flop(n_products, static_cast<double>(q.size(0) * q.size(1) * n_keys),
                          static_cast<double>(q.size(2)));
}

/** Without d_q its product is omitted; those of d_k and d_v only cover the keys that get a gradient. */
double dense_backward_flop(const at::Tensor &q, int64_t n_keys, int64_t first_key, bool has_d_q)
{
    const double n_of_all = shim::ATTENTION_BACKWARD_PRODUCTS - 2 - (has_d_q ? 0 : 1);
    return dense_flop(n_of_all, q, n_keys) + dense_flop(2, q, n_keys - first_key);
}

template <class T>
kernels::dense_args<T> dense_args_of(const tensor *q, const tensor *k, const tensor *v, int64_t n_heads)
{
    return {
        rows<T>(q), rows<T>(k), rows<T>(v), in(q).size(1), in(k).size(1), n_heads, in(q).size(2) / n_heads};
}

/** The scratch of one thread; libtorch aligns it to cache lines. */
template <class T> at::Tensor dense_scratch(const kernels::dense_args<T> &a)
{
    using A = typename kernels::accumulator<T>::type;
    return at::empty({kernels::best<T>().dense_scratch(a)}, c10::CppTypeToScalarType<A>::value);
}

template <class T>
void dense_forward(const at::Tensor &out, const at::Tensor &lse, const kernels::dense_args<T> &a)
{
    using A = typename kernels::accumulator<T>::type;
    const auto to = writable_rows<T>(out);
    A *sums = lse.mutable_data_ptr<A>();
    const int64_t n_tasks = out.size(0) * a.n_heads * kernels::dense_blocks(a.n_queries);
    const shim::with_chosen_threads threads;
    at::parallel_for(0, n_tasks, 1, [&](int64_t begin, int64_t end) {
        const at::Tensor scratch = dense_scratch(a);
        kernels::best<T>().dense_forward(a, to, sums, scratch.mutable_data_ptr<A>(), begin, end);
    });
}

template <class T> void dense_backward(const kernels::dense_backward_args<T> &b, int64_t n_images)
{
    using A = typename kernels::accumulator<T>::type;
    const shim::with_chosen_threads threads;
    at::parallel_for(0, n_images * b.forward.n_heads, 1, [&](int64_t begin, int64_t end) {
        const at::Tensor scratch = dense_scratch(b.forward);
        kernels::best<T>().dense_backward(b, scratch.mutable_data_ptr<A>(), begin, end);
    });
}

// ---------------------------------------------------------------- by PyTorch's operations

void library_backward(const at::Tensor &d_out, const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                      int64_t n_heads, tensor *d_q, tensor *d_k, tensor *d_v, int64_t first_key)
{
    const shim::attention_gradients g =
        shim::library_attention_backward(d_out, q, k, v, n_heads, at::Tensor());
    const int64_t n = k.size(1) - first_key;
    if (d_q)
        in(d_q).copy_(g.q);
    in(d_k).copy_(g.k.narrow(1, first_key, n));
    in(d_v).copy_(g.v.narrow(1, first_key, n));
}

// ---------------------------------------------------------------- operands

void check_dense(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, int64_t n_heads)
{
    check(q.dim() == 3 && k.dim() == 3, "operands must be [B,rows,W]");
    check_rows(q, q, q.size(1));
    check_rows(k, q, k.size(1));
    check_rows(v, q, k.size(1));
    check(n_heads > 0 && q.size(2) % n_heads == 0, "heads do not divide the width");
    check(k.size(1) > 0, "expected at least one key");
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

void check_lse(const at::Tensor &lse, const at::Tensor &q, int64_t n_heads)
{
    check(lse.is_contiguous() && lse.scalar_type() == accum_type(q) &&
              lse.sizes() == at::IntArrayRef({q.size(0), n_heads, q.size(1)}),
          "aux does not come from the forward of these operands");
}

} // namespace

extern "C" {

tensor *t_dense_attention(scope *s, const tensor *q, const tensor *k, const tensor *v, int64_t n_heads,
                          tensor **aux)
{
    return run(s, "t_dense_attention", [&] {
        const at::Tensor &qt = in(q);
        check_dense(qt, in(k), in(v), n_heads);
        const double flop = dense_flop(shim::ATTENTION_PRODUCTS, qt, in(k).size(1));
        shim::count_flop(flop);
        at::Tensor out, lse;
        if (shim::has_kernel(qt)) {
            out = at::empty(qt.sizes(), qt.options());
            lse = at::empty({qt.size(0), n_heads, qt.size(1)}, qt.options().dtype(accum_type(qt)));
            shim::with_kernel_type(qt.scalar_type(), [&](auto t) {
                dense_forward(out, lse, dense_args_of<decltype(t)>(q, k, v, n_heads));
            });
        } else {
            out = shim::library_attention(qt, in(k), in(v), n_heads, at::Tensor());
            lse = at::empty({0}, qt.options());
        }
        if (aux)
            *aux = shim::put(s, lse);
        return out;
    });
}

void t_dense_attention_backward(scope *s, const tensor *d_out, const tensor *q, const tensor *k,
                                const tensor *v, const tensor *aux, int64_t n_heads, tensor *d_q, tensor *d_k,
                                tensor *d_v, int64_t first_key)
{
    (void)run_status(s, "t_dense_attention_backward", [&] {
        const at::Tensor &qt = in(q), &lse = in(aux);
        check_dense(qt, in(k), in(v), n_heads);
        check_dense_gradients(qt, in(k), d_q, d_k, d_v, first_key);
        const double flop = dense_backward_flop(qt, in(k).size(1), first_key, d_q != nullptr);
        shim::count_flop(flop);
        const at::Tensor g = in(d_out).view_as(qt).contiguous();
        check_rows(g, qt, qt.size(1));
        if (!shim::has_kernel(qt)) {
            library_backward(g, qt, in(k), in(v), n_heads, d_q, d_k, d_v, first_key);
            return;
        }
        check_lse(lse, qt, n_heads);
        shim::with_kernel_type(qt.scalar_type(), [&](auto t) {
            using T = decltype(t);
            using A = typename kernels::accumulator<T>::type;
            const kernels::rows_of<T *> none = {nullptr, 0, 0};
            dense_backward<T>({dense_args_of<T>(q, k, v, n_heads), rows<T>(g), lse.const_data_ptr<A>(),
                               d_q ? writable_rows<T>(in(d_q)) : none, writable_rows<T>(in(d_k)),
                               writable_rows<T>(in(d_v)), first_key},
                              qt.size(0));
        });
    });
}

} // extern "C"
