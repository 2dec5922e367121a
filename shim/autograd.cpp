// Gradients from C, and the in-place operations of the optimizer.
#include "shim.hpp"

#include <ATen/core/grad_mode.h>

using shim::in;

extern "C" {

void t_require_grad(scope *s, tensor *t)
{
    (void)shim::run_status(s, "t_require_grad", [&] { in(t).set_requires_grad(true); });
}

int t_backward(scope *s, const tensor *loss)
{
    return shim::run_status(s, "t_backward", [&] { in(loss).backward(); });
}

tensor *t_grad(scope *s, const tensor *leaf)
{
    if (!leaf || !in(leaf).grad().defined())
        return nullptr;
    return shim::run(s, "t_grad", [&] { return in(leaf).grad(); });
}

void t_clear_grad(scope *s, tensor *leaf)
{
    (void)shim::run_status(s, "t_clear_grad", [&] { in(leaf).mutable_grad() = at::Tensor(); });
}

void t_add_scaled_(scope *s, tensor *a, const tensor *b, double factor)
{
    (void)shim::run_status(s, "t_add_scaled_", [&] {
        at::NoGradGuard no_grad;
        in(a).add_(in(b), factor);
    });
}

void t_add_scaled_by_(scope *s, tensor *a, const tensor *b, const tensor *factor)
{
    (void)shim::run_status(s, "t_add_scaled_by_", [&] {
        at::NoGradGuard no_grad;
        in(a).addcmul_(in(b), in(factor).to(in(a).scalar_type())); // one rounding, as in t_add_scaled_
    });
}

void t_fill_(scope *s, tensor *a, double value)
{
    (void)shim::run_status(s, "t_fill_", [&] {
        at::NoGradGuard no_grad;
        in(a).fill_(value);
    });
}

void t_scale_(scope *s, tensor *a, double factor)
{
    (void)shim::run_status(s, "t_scale_", [&] {
        at::NoGradGuard no_grad;
        in(a).mul_(factor);
    });
}

void t_copy_(scope *s, tensor *a, const tensor *b)
{
    (void)shim::run_status(s, "t_copy_", [&] {
        at::NoGradGuard no_grad;
        in(a).copy_(in(b));
    });
}

void t_clamp_max_(scope *s, tensor *a, double largest)
{
    (void)shim::run_status(s, "t_clamp_max_", [&] {
        at::NoGradGuard no_grad;
        in(a).clamp_max_(largest);
    });
}

void t_adamw_(scope *s, tensor *const *w, const tensor *const *grads, tensor *const *first,
              tensor *const *second, size_t n, struct adamw_numbers numbers)
{
    (void)shim::run_status(s, "t_adamw_", [&] {
        at::NoGradGuard no_grad;
        // libtorch wants the rate in fp32 on CUDA, and reads it as a double on a CPU
        const at::Tensor lr = in(numbers.lr).to(in(numbers.lr).is_cuda() ? at::kFloat : at::kDouble);
        const std::vector<at::Tensor> steps(n, in(numbers.step).to(at::kFloat));
        std::vector<at::Tensor> ws, gs, firsts, seconds;
        for (size_t i = 0; i < n; i++) {
            ws.push_back(in(w[i]));
            gs.push_back(in(grads[i]));
            firsts.push_back(in(first[i]));
            seconds.push_back(in(second[i]));
        }
        at::_fused_adamw_(ws, gs, firsts, seconds, {}, steps, lr, numbers.beta1, numbers.beta2,
                          numbers.weight_decay, numbers.eps, /*amsgrad=*/false, /*maximize=*/false);
    });
}

} // extern "C"
