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

} // extern "C"
