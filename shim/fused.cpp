// The fused operations: our kernels and oneDNN's packed products on a CPU, compositions of PyTorch's elsewhere.
#include "kernel_types.hpp"

#include <ATen/core/dispatch/Dispatcher.h>
#include <cmath>
#include <torch/csrc/autograd/autograd.h>

#include "prompt/torch/fused.h"
#include "small.hpp"
#include "threads.hpp"

using shim::check;
using shim::in;
using shim::opt;
using shim::run;
using shim::run_status;

namespace
{

constexpr int64_t VALUES_A_TASK = 32768; // fewer take less time than starting another thread

/** A task's values are whole blocks but at the tensor's end: the last values of a range, fewer than a vector's, are
 * rounded in other places, and must not depend on the number of threads. */
constexpr int64_t BLOCK = 1024;

/** Calls f(begin, end) for ranges of n values on all threads. */
template <class F> void for_blocks(int64_t n, F f)
{
    const shim::with_chosen_threads threads;
    at::parallel_for(0, (n + BLOCK - 1) / BLOCK, VALUES_A_TASK / BLOCK,
                     [&](int64_t begin, int64_t end) { f(begin * BLOCK, std::min(end * BLOCK, n)); });
}

/** Rows per task for t [B,T,W]. */
int64_t rows_a_task(const at::Tensor &t)
{
    return std::max<int64_t>(1, VALUES_A_TASK / std::max<int64_t>(1, t.size(2)));
}

template <class T> T *data(const at::Tensor &t)
{
    return static_cast<T *>(t.mutable_data_ptr());
}

/** Rows of x [B,T,W] inside y [B,T',W] at `offset` along axis 1. */
kernels::row_map map_rows(const at::Tensor &x, const at::Tensor &y, int64_t offset)
{
    check(x.dim() == 3 && y.dim() == 3 && x.size(0) == y.size(0) && x.size(2) == y.size(2) && offset >= 0 &&
              offset + x.size(1) <= y.size(1) && x.is_contiguous() && y.is_contiguous(),
          "rows do not fit");
    return {x.size(1), y.size(1), offset};
}

/** Checks a dense operand of `n` values of a dtype; NULL passes. */
void check_dense(const tensor *t, int64_t n, at::ScalarType type, const char *what)
{
    check(!t || (in(t).is_contiguous() && in(t).numel() == n && in(t).scalar_type() == type), what);
}

} // namespace

extern "C" {

tensor *t_empty(scope *s, const int64_t *dims, size_t n_dims, enum dtype dtype, struct device device)
{
    return run(s, "t_empty",
               [&] { return at::empty(shim::shape(dims, n_dims), shim::options(dtype, device)); });
}

void t_zero_(scope *s, tensor *a)
{
    (void)run_status(s, "t_zero_", [&] {
        const shim::with_chosen_threads threads;
        in(a).zero_();
    });
}

void t_index_add_(scope *s, tensor *a, const tensor *index, const tensor *b)
{
    (void)run_status(s, "t_index_add_", [&] { in(a).index_add_(1, in(index), in(b)); });
}

int t_backward_from(scope *s, const tensor *const *tensors, const tensor *const *grads, size_t n)
{
    return run_status(s, "t_backward_from", [&] {
        torch::autograd::variable_list roots, outputs;
        for (size_t i = 0; i < n; i++) {
            if (!in(tensors[i]).requires_grad())
                continue;
            roots.push_back(in(tensors[i]));
            if (grads)
                outputs.push_back(in(grads[i]).to(in(tensors[i]).scalar_type()).view_as(in(tensors[i])));
        }
        if (!roots.empty())
            torch::autograd::backward(roots, outputs, /*retain_graph=*/true);
    });
}

} // extern "C"

/* ---------------------------------------------------------------- linear */

namespace
{

/** oneDNN's operations, registered only in a libtorch built with it. */
std::optional<c10::OperatorHandle> mkldnn_operation(const char *name)
{
    return c10::Dispatcher::singleton().findSchema({name, ""});
}

at::Tensor call(const c10::OperatorHandle &operation, std::vector<c10::IValue> stack)
{
    operation.callBoxed(&stack);
    return stack.at(0).toTensor();
}

/** oneDNN refuses to pack bf16 on a processor that does not compute in it. */
bool can_pack(const at::Tensor &weight)
{
    const bool has_type = weight.scalar_type() == at::kFloat ||
                          (weight.scalar_type() == at::kBFloat16 && device_has_bf16({DEVICE_CPU, 0}));
    return weight.is_cpu() && has_type && mkldnn_operation("mkldnn::_reorder_linear_weight") &&
           mkldnn_operation("mkldnn::_linear_pointwise");
}

at::Tensor pack(const at::Tensor &weight, int64_t n_rows)
{
    static const auto reorder = mkldnn_operation("mkldnn::_reorder_linear_weight");
    if (shim::is_memory_short()) // otherwise the oneDNN of libtorch 2.13 dereferences a null pointer
        throw std::bad_alloc();
    return call(*reorder, {weight, n_rows});
}

/** Whether a weight [out,in] has become panels [out / PANEL_WIDTH,in,PANEL_WIDTH]. */
bool is_in_panels(const at::Tensor &weight)
{
    return weight.dim() == 3;
}

int64_t n_out(const at::Tensor &weight)
{
    return is_in_panels(weight) ? weight.size(0) * weight.size(2) : weight.size(0);
}

/** x [...,in] for a weight, packed or not; one of t_pack_narrow is for fp32 and fp64. */
bool fits(const at::Tensor &x, const at::Tensor &weight)
{
    const at::ScalarType of_x = x.scalar_type(), of_weight = weight.scalar_type();
    const bool is_narrow = of_weight == at::kBFloat16 && (of_x == at::kFloat || of_x == at::kDouble);
    const bool is_same = of_x == of_weight && !(is_in_panels(weight) && of_x == at::kBFloat16);
    return x.dim() > 0 && x.size(-1) == weight.size(1) && (is_narrow || is_same);
}

double product_flop(const at::Tensor &x, const at::Tensor &weight)
{
    return 2.0 * static_cast<double>(x.numel()) * static_cast<double>(n_out(weight));
}

at::Tensor packed_product(const at::Tensor &x, const at::Tensor &weight,
                          const std::optional<at::Tensor> &bias)
{
    static const auto linear = mkldnn_operation("mkldnn::_linear_pointwise");
    c10::List<std::optional<at::Scalar>> none;
    return call(*linear, {x, weight, bias, "none", c10::IValue(c10::impl::toList(none)), ""});
}

/** Whether our kernel computes products with such a weight: on AVX2 it is faster than oneDNN's, on AVX-512 it was not
 * (tests/speed/README.md). */
bool takes_panels(const at::Tensor &weight)
{
    return weight.is_cpu() && weight.scalar_type() == at::kFloat &&
           weight.size(0) % kernels::PANEL_WIDTH == 0 &&
           &kernels::best<float>() == kernels::table_of<float>(kernels::isa::avx2);
}

/** [out,in] to [out / PANEL_WIDTH,in,PANEL_WIDTH]. */
at::Tensor to_panels(const at::Tensor &weight)
{
    return weight.unflatten(0, {-1, kernels::PANEL_WIDTH})
        .transpose(1, 2)
        .clone(at::MemoryFormat::Contiguous);
}

/** The weight is in panels of W. */
template <class A, class W>
at::Tensor panel_product(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias)
{
    constexpr int64_t MANY_ROWS = 480,
                      FEW_ROWS = 12;  // of a chunk; converting a weight for each 480 rows costs 1 %
    constexpr double TASK_FLOP = 1e6; // less takes less time than starting another thread
    const at::Tensor rows = x.contiguous(), b = bias.value_or(at::Tensor());
    std::vector<int64_t> sizes = x.sizes().vec();
    sizes.back() = n_out(weight);
    at::Tensor y = at::empty(sizes, x.options());
    kernels::panel_args<A, W> a = {.x = data<A>(rows),
                                   .w = data<W>(weight),
                                   .bias = b.defined() ? data<A>(b) : nullptr,
                                   .y = data<A>(y),
                                   .n_rows = x.numel() / x.size(-1),
                                   .n_in = x.size(-1),
                                   .n_out = n_out(weight),
                                   .n_chunks = 1};
    const int64_t n_blocks = kernels::panel_tasks(a), n_wanted = 2 * at::get_num_threads();
    a.n_chunks =
        std::max((a.n_rows + MANY_ROWS - 1) / MANY_ROWS,
                 std::min((n_wanted + n_blocks - 1) / n_blocks, (a.n_rows + FEW_ROWS - 1) / FEW_ROWS));
    const int64_t n_tasks = kernels::panel_tasks(a);
    const double task_flop = product_flop(x, weight) / static_cast<double>(n_tasks);
    const auto n_together = static_cast<int64_t>(std::ceil(TASK_FLOP / std::max(task_flop, 1.0)));
    at::parallel_for(0, n_tasks, n_together, [&](int64_t begin, int64_t end) {
        if constexpr (std::is_same_v<A, W>)
            kernels::best<A>().panels(a, begin, end);
        else
            kernels::best<A>().narrow_panels(a, begin, end);
    });
    return y;
}

at::Tensor product(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias)
{
    if (!weight.is_mkldnn() && !is_in_panels(weight))
        return shim::linear(x, weight.to(x.scalar_type()), bias);
    const shim::with_chosen_threads threads;
    if (is_in_panels(weight))
        return weight.scalar_type() == at::kFloat ? panel_product<float, float>(x, weight, bias)
               : x.scalar_type() == at::kDouble   ? panel_product<double, kernels::bf16>(x, weight, bias)
                                                  : panel_product<float, kernels::bf16>(x, weight, bias);
    return packed_product(x, weight, bias);
}

} // namespace

extern "C" {

tensor *t_pack_weight(scope *s, const tensor *weight, int64_t n_rows)
{
    return run(s, "t_pack_weight", [&] {
        if (takes_panels(in(weight)))
            return to_panels(in(weight));
        const at::Tensor w = in(weight).contiguous();
        return can_pack(w) ? pack(w, n_rows) : w;
    });
}

tensor *t_pack_narrow(scope *s, const tensor *weight)
{
    return run(s, "t_pack_narrow", [&] {
        const at::Tensor w = in(weight).to(at::kBFloat16);
        return w.is_cpu() && w.size(0) % kernels::PANEL_WIDTH == 0 ? to_panels(w) : w.contiguous();
    });
}

tensor *t_packed_linear(scope *s, const tensor *weight, const tensor *bias, const tensor *x)
{
    return run(s, "t_packed_linear", [&] {
        const at::Tensor &w = in(weight);
        check(fits(in(x), w), "x does not fit");
        check(!is_in_panels(w) || in(x).is_cpu(), "x is not on the CPU");
        check_dense(bias, n_out(w), in(x).scalar_type(), "the bias does not fit");
        const double flop = product_flop(in(x), w);
        shim::count_flop(flop);
        return product(in(x), w, opt(bias));
    });
}

/* ---------------------------------------------------------------- norm */

void t_residual_norm_(scope *s, tensor *x, const tensor *d, tensor *y, tensor *rstd, int64_t offset,
                      double eps)
{
    (void)run_status(s, "t_residual_norm_", [&] {
        const at::Tensor &xt = in(x), &yt = in(y);
        const kernels::row_map map = map_rows(xt, yt, offset);
        if (!shim::has_kernel(yt)) {
            if (d)
                in(x).add_(in(d).view_as(xt));
            const auto [normal, mean, r] = at::native_layer_norm(xt, {xt.size(2)}, {}, {}, eps);
            yt.narrow(1, offset, xt.size(1)).copy_(normal);
            if (rstd)
                in(rstd).narrow(1, offset, xt.size(1)).copy_(r.view({xt.size(0), xt.size(1)}));
            return;
        }
        check_dense(d, xt.numel(), yt.scalar_type(), "d does not fit");
        shim::with_kernel_type(yt.scalar_type(), [&](auto t) {
            using T = decltype(t);
            using A = typename kernels::accumulator<T>::type;
            constexpr at::ScalarType accum = c10::CppTypeToScalarType<A>::value;
            check(xt.scalar_type() == accum, "x does not have the accumulate dtype");
            check_dense(rstd, yt.size(0) * yt.size(1), accum, "rstd does not fit");
            const kernels::residual_norm_args<T> a = {data<A>(xt), d ? data<T>(in(d)) : nullptr,
                                                      data<T>(yt), rstd ? data<A>(in(rstd)) : nullptr,
                                                      map,         xt.size(2),
                                                      eps};
            const shim::with_chosen_threads threads;
            at::parallel_for(0, xt.size(0) * xt.size(1), rows_a_task(xt), [&](int64_t begin, int64_t end) {
                kernels::best<T>().residual_norm(a, begin, end);
            });
        });
    });
}

void t_norm_backward_(scope *s, tensor *g, tensor *g_copy, const tensor *dy, const tensor *y,
                      const tensor *rstd, int64_t offset, bool accumulate)
{
    (void)run_status(s, "t_norm_backward_", [&] {
        const at::Tensor &gt = in(g), &yt = in(y), &dyt = in(dy);
        const kernels::row_map map = map_rows(gt, yt, offset);
        check_dense(dy, yt.numel(), yt.scalar_type(), "dy does not fit");
        if (!shim::has_kernel(yt)) {
            const at::ScalarType accum = gt.scalar_type();
            const auto part = [&](const at::Tensor &t) {
                return t.view_as(yt).narrow(1, offset, gt.size(1)).to(accum).contiguous();
            };
            const at::Tensor r = in(rstd).narrow(1, offset, gt.size(1)).unsqueeze(-1);
            // y is normalized: as the norm's input it has mean 0 and deviation 1, which leaves the factor
            // rstd
            const at::Tensor mean = at::zeros(r.sizes(), r.options()), one = at::ones(r.sizes(), r.options());
            const at::Tensor dx = std::get<0>(at::native_layer_norm_backward(
                part(dyt), part(yt), {gt.size(2)}, mean, one, {}, {}, {true, false, false}));
            accumulate ? in(g).addcmul_(dx, r) : at::mul_out(in(g), dx, r);
            if (g_copy)
                in(g_copy).copy_(gt.view_as(in(g_copy)));
            return;
        }
        shim::with_kernel_type(yt.scalar_type(), [&](auto t) {
            using T = decltype(t);
            using A = typename kernels::accumulator<T>::type;
            constexpr at::ScalarType accum = c10::CppTypeToScalarType<A>::value;
            check(gt.scalar_type() == accum, "g does not have the accumulate dtype");
            check_dense(rstd, yt.size(0) * yt.size(1), accum, "rstd does not fit");
            check_dense(g_copy, gt.numel(), yt.scalar_type(), "g_copy does not fit");
            const kernels::norm_backward_args<T> a = {
                data<A>(gt),       g_copy ? data<T>(in(g_copy)) : nullptr,
                data<T>(dyt),      data<T>(yt),
                data<A>(in(rstd)), map,
                gt.size(2),        accumulate};
            const shim::with_chosen_threads threads;
            at::parallel_for(0, gt.size(0) * gt.size(1), rows_a_task(gt), [&](int64_t begin, int64_t end) {
                kernels::best<T>().norm_backward(a, begin, end);
            });
        });
    });
}

tensor *t_affine(scope *s, const tensor *y, const tensor *scale, const tensor *shift)
{
    return run(s, "t_affine", [&] { return at::addcmul(in(shift), in(y), in(scale)); });
}

void t_affine_backward_(scope *s, tensor *d, const tensor *y, const tensor *scale, tensor *d_scale,
                        tensor *d_shift)
{
    (void)run_status(s, "t_affine_backward_", [&] {
        if (d_scale)
            in(d_scale).add_(at::sum(in(d)*in(y), {0}, false, in(d_scale).scalar_type()));
        if (d_shift)
            in(d_shift).add_(at::sum(in(d), {0}, false, in(d_shift).scalar_type()));
        in(d).mul_(in(scale));
    });
}

void t_add_product_(scope *s, tensor *a, const tensor *b, const tensor *c)
{
    (void)run_status(s, "t_add_product_", [&] {
        shim::count_flop(2.0 * static_cast<double>(in(b).numel()) * static_cast<double>(in(c).size(-1)));
        in(a).addmm_(in(b), in(c));
    });
}

/* ---------------------------------------------------------------- SiLU */

tensor *t_silu_(scope *s, tensor *x, bool keep_slope)
{
    return run(s, "t_silu_", [&] {
        at::Tensor &xt = in(x);
        if (!shim::has_kernel(xt)) {
            if (!keep_slope)
                return at::silu_(xt);
            const at::Tensor y = at::silu(xt), sigmoid = at::sigmoid(xt);
            xt.copy_(sigmoid + y * (1 - sigmoid));
            return y;
        }
        check(xt.is_contiguous(), "x is not contiguous");
        at::Tensor y = keep_slope ? at::empty_like(xt) : xt;
        shim::with_kernel_type(xt.scalar_type(), [&](auto t) {
            using T = decltype(t);
            for_blocks(xt.numel(), [&](int64_t begin, int64_t end) {
                kernels::best<T>().silu(data<T>(xt), data<T>(y), keep_slope, begin, end);
            });
        });
        return y;
    });
}

tensor *t_gelu_(scope *s, tensor *x, bool keep_slope)
{
    return run(s, "t_gelu_", [&] {
        const at::Tensor all = in(x).view({-1}), y = keep_slope ? at::empty_like(in(x)) : in(x);
        const auto gelu = [&](int64_t begin, int64_t end) {
            at::Tensor part = all.narrow(0, begin, end - begin),
                       to = y.view({-1}).narrow(0, begin, end - begin);
            at::gelu_out(to, part);
            if (keep_slope)
                part.copy_(at::gelu_backward(at::ones_like(part), part));
        };
        if (in(x).is_cpu())
            for_blocks(all.numel(), gelu);
        else
            gelu(0, all.numel());
        return y;
    });
}

void t_mul_(scope *s, tensor *a, const tensor *b)
{
    (void)run_status(s, "t_mul_", [&] {
        at::Tensor &at_ = in(a);
        if (!shim::has_kernel(at_)) {
            at_.mul_(in(b));
            return;
        }
        check(at_.is_contiguous(), "a is not contiguous");
        check_dense(b, at_.numel(), at_.scalar_type(), "a and b do not fit");
        shim::with_kernel_type(at_.scalar_type(), [&](auto t) {
            using T = decltype(t);
            for_blocks(at_.numel(), [&](int64_t begin, int64_t end) {
                kernels::best<T>().multiply(data<T>(at_), data<T>(in(b)), begin, end);
            });
        });
    });
}

} // extern "C"
