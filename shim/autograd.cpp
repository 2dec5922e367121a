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
        std::vector<at::Tensor> ws, gs, firsts, seconds, steps;
        for (size_t i = 0; i < n; i++) {
            ws.push_back(in(w[i]));
            gs.push_back(in(grads[i]));
            firsts.push_back(in(first[i]));
            seconds.push_back(in(second[i]));
            steps.push_back(
                at::scalar_tensor(static_cast<double>(numbers.step), in(w[i]).options().dtype(at::kFloat)));
        }
        at::_fused_adamw_(ws, gs, firsts, seconds, {}, steps, numbers.lr, numbers.beta1, numbers.beta2,
                          numbers.weight_decay, numbers.eps, /*amsgrad=*/false, /*maximize=*/false);
    });
}

} // extern "C"
