// The operations, one or two lines each, in the order of torch.h. Names and semantics are PyTorch's.
#include "attention.hpp"
#include "small.hpp"
#include "threads.hpp"

#include <ATen/core/grad_mode.h>

using shim::in;
using shim::opt;
using shim::run;
using shim::shape;

namespace
{

std::vector<at::Tensor> list(const tensor *const *tensors, size_t n)
{
    std::vector<at::Tensor> out;
    out.reserve(n);
    for (size_t i = 0; i < n; i++)
        out.push_back(in(tensors[i]));
    return out;
}

/** Of how many operands autograd will compute the gradient. */
double n_gradients(std::initializer_list<const tensor *> operands)
{
    return static_cast<double>(std::count_if(operands.begin(), operands.end(), [](const tensor *t) {
        return at::GradMode::is_enabled() && in(t).requires_grad();
    }));
}

/** A product of `flop`; the gradient of each operand is one of as much. */
void count_product(double flop, std::initializer_list<const tensor *> operands)
{
    shim::count_flop(flop, flop * n_gradients(operands));
}

/** run() for an operation of the chosen threads: libtorch makes each value, or each row, by itself and in the same way
 * wherever a thread's share begins. Exponentials of single values are not among them: the last ones of a share, fewer than
 * a vector, are computed by another function. */
template <class Op>
[[gnu::always_inline]] inline tensor *run_shared(scope *s, const char *name, Op op) noexcept
{
    const shim::with_chosen_threads threads;
    return run(s, name, op);
}

/** The same for operations along an axis, whose rows are whole if it is the last one. */
template <class Op>
[[gnu::always_inline]] inline tensor *run_rows(scope *s, const char *name, const tensor *x, int64_t dim,
                                               Op op) noexcept
{
    const bool is_last = x && (dim == -1 || dim == in(x).dim() - 1);
    return is_last ? run_shared(s, name, op) : run(s, name, op);
}

} // namespace

extern "C" {

/* ---------------------------------------------------------------- making and shaping */

tensor *t_zeros(scope *s, const int64_t *dims, size_t n_dims, enum dtype dtype, struct device device)
{
    return run_shared(s, "t_zeros",
                      [&] { return at::zeros(shape(dims, n_dims), shim::options(dtype, device)); });
}

tensor *t_full(scope *s, const int64_t *dims, size_t n_dims, double value, enum dtype dtype,
               struct device device)
{
    return run_shared(s, "t_full",
                      [&] { return at::full(shape(dims, n_dims), value, shim::options(dtype, device)); });
}

tensor *t_to(scope *s, const tensor *t, enum dtype dtype)
{
    return run_shared(s, "t_to", [&] { return in(t).to(shim::to_torch(dtype)); });
}

tensor *t_to_device(scope *s, const tensor *t, struct device device)
{
    return run(s, "t_to_device", [&] { return in(t).to(shim::to_torch(device)); });
}

tensor *t_contiguous(scope *s, const tensor *t)
{
    return run_shared(s, "t_contiguous", [&] { return in(t).contiguous(); });
}

tensor *t_clone(scope *s, const tensor *t)
{
    return run_shared(s, "t_clone", [&] { return in(t).clone(at::MemoryFormat::Contiguous); });
}

tensor *t_detach(scope *s, const tensor *t)
{
    return run(s, "t_detach", [&] { return in(t).detach(); });
}

tensor *t_reshape(scope *s, const tensor *t, const int64_t *dims, size_t n_dims)
{
    return run_shared(s, "t_reshape", [&] { return in(t).reshape(shape(dims, n_dims)); });
}

tensor *t_expand(scope *s, const tensor *t, const int64_t *dims, size_t n_dims)
{
    return run(s, "t_expand", [&] { return in(t).expand(shape(dims, n_dims)); });
}

tensor *t_transpose(scope *s, const tensor *t, int64_t dim0, int64_t dim1)
{
    return run(s, "t_transpose", [&] { return in(t).transpose(dim0, dim1); });
}

tensor *t_unsqueeze(scope *s, const tensor *t, int64_t dim)
{
    return run(s, "t_unsqueeze", [&] { return in(t).unsqueeze(dim); });
}

tensor *t_squeeze(scope *s, const tensor *t, int64_t dim)
{
    return run(s, "t_squeeze", [&] { return in(t).squeeze(dim); });
}

tensor *t_narrow(scope *s, const tensor *t, int64_t dim, int64_t start, int64_t length)
{
    return run(s, "t_narrow", [&] { return in(t).narrow(dim, start, length); });
}

tensor *t_select(scope *s, const tensor *t, int64_t dim, int64_t index)
{
    return run(s, "t_select", [&] { return in(t).select(dim, index); });
}

tensor *t_index_select(scope *s, const tensor *t, int64_t dim, const tensor *index)
{
    return run_shared(s, "t_index_select", [&] { return at::index_select(in(t), dim, in(index)); });
}

tensor *t_gather(scope *s, const tensor *t, int64_t dim, const tensor *index)
{
    return run_shared(s, "t_gather", [&] { return at::gather(in(t), dim, in(index)); });
}

tensor *t_cat(scope *s, const tensor *const *tensors, size_t n, int64_t dim)
{
    return run_shared(s, "t_cat", [&] { return at::cat(list(tensors, n), dim); });
}

tensor *t_stack(scope *s, const tensor *const *tensors, size_t n, int64_t dim)
{
    return run_shared(s, "t_stack", [&] { return at::stack(list(tensors, n), dim); });
}

tensor *t_embedding(scope *s, const tensor *weight, const tensor *index)
{
    return run_shared(s, "t_embedding", [&] { return at::embedding(in(weight), in(index)); });
}

/* ---------------------------------------------------------------- arithmetic */

tensor *t_add(scope *s, const tensor *a, const tensor *b)
{
    return run_shared(s, "t_add", [&] { return at::add(in(a), in(b)); });
}

tensor *t_sub(scope *s, const tensor *a, const tensor *b)
{
    return run_shared(s, "t_sub", [&] { return at::sub(in(a), in(b)); });
}

tensor *t_mul(scope *s, const tensor *a, const tensor *b)
{
    return run_shared(s, "t_mul", [&] { return at::mul(in(a), in(b)); });
}

tensor *t_scale(scope *s, const tensor *a, double factor)
{
    return run_shared(s, "t_scale", [&] { return at::mul(in(a), factor); });
}

tensor *t_exp(scope *s, const tensor *a)
{
    return run(s, "t_exp", [&] { return at::exp(in(a)); });
}

tensor *t_abs(scope *s, const tensor *a)
{
    return run_shared(s, "t_abs", [&] { return at::abs(in(a)); });
}

tensor *t_sum(scope *s, const tensor *a)
{
    return run(s, "t_sum", [&] { return at::sum(in(a)); });
}

tensor *t_max(scope *s, const tensor *a)
{
    return run(s, "t_max", [&] { return at::max(in(a)); });
}

tensor *t_is_finite(scope *s, const tensor *a)
{
    return run(s, "t_is_finite", [&] { return at::isfinite(in(a)).all(); });
}

/* ---------------------------------------------------------------- layers' operations */

tensor *t_matmul(scope *s, const tensor *a, const tensor *b)
{
    return run(s, "t_matmul", [&] {
        at::Tensor product = shim::matmul(in(a), in(b));
        count_product(2.0 * static_cast<double>(product.numel()) * static_cast<double>(in(a).size(-1)),
                      {a, b});
        return product;
    });
}

tensor *t_linear(scope *s, const tensor *x, const tensor *weight, const tensor *bias)
{
    return run(s, "t_linear", [&] {
        count_product(2.0 * static_cast<double>(in(x).numel()) * static_cast<double>(in(weight).size(0)),
                      {x, weight});
        return shim::linear(in(x), in(weight), opt(bias));
    });
}

tensor *t_conv2d_patches(scope *s, const tensor *x, const tensor *weight)
{
    return run(s, "t_conv2d_patches", [&] {
        const int64_t stride[] = {in(weight).size(2), in(weight).size(3)};
        at::Tensor patches = at::conv2d(in(x), in(weight), {}, stride);
        count_product(2.0 * static_cast<double>(patches.numel()) * static_cast<double>(in(weight)[0].numel()),
                      {x, weight});
        return patches;
    });
}

tensor *t_layer_norm(scope *s, const tensor *x, const tensor *weight, const tensor *bias, double eps)
{
    return run_shared(s, "t_layer_norm", [&] {
        const int64_t width[] = {in(x).size(-1)};
        return at::layer_norm(in(x), width, opt(weight), opt(bias), eps);
    });
}

tensor *t_relu(scope *s, const tensor *x)
{
    return run_shared(s, "t_relu", [&] { return at::relu(in(x)); });
}

tensor *t_gelu(scope *s, const tensor *x)
{
    return run(s, "t_gelu", [&] { return at::gelu(in(x)); });
}

tensor *t_sigmoid(scope *s, const tensor *x)
{
    return run(s, "t_sigmoid", [&] { return at::sigmoid(in(x)); });
}

tensor *t_silu(scope *s, const tensor *x)
{
    return run(s, "t_silu", [&] { return at::silu(in(x)); });
}

tensor *t_softmax(scope *s, const tensor *x, int64_t dim)
{
    return run_rows(s, "t_softmax", x, dim, [&] { return at::softmax(in(x), dim); });
}

tensor *t_log_softmax(scope *s, const tensor *x, int64_t dim)
{
    return run_rows(s, "t_log_softmax", x, dim, [&] { return at::log_softmax(in(x), dim); });
}

tensor *t_attention(scope *s, const tensor *q, const tensor *k, const tensor *v, bool causal)
{
    return run(s, "t_attention", [&] {
        const double n_keys = static_cast<double>(in(k).size(-2)),
                     width = static_cast<double>(in(q).size(-1));
        const double n_pairs =
            static_cast<double>(in(q).numel()) / width * (causal ? (n_keys + 1.0) / 2.0 : n_keys);
        const bool has_backward = n_gradients({q, k, v}) > 0.0;
        shim::count_flop(
            shim::attention_flop(shim::ATTENTION_PRODUCTS, n_pairs, width),
            has_backward ? shim::attention_flop(shim::ATTENTION_BACKWARD_PRODUCTS, n_pairs, width) : 0.0);
        return at::scaled_dot_product_attention(in(q), in(k), in(v), {}, 0.0, causal);
    });
}

tensor *t_normalize(scope *s, const tensor *x, int64_t dim)
{
    return run(s, "t_normalize", [&] {
        const int64_t dims[] = {dim};
        return at::div(in(x), at::norm(in(x), 2, dims, /*keepdim=*/true).clamp_min(1e-12));
    });
}

tensor *t_cross_entropy(scope *s, const tensor *logits, const tensor *labels)
{
    return run(s, "t_cross_entropy", [&] { return shim::cross_entropy(in(logits), in(labels)); });
}

tensor *t_top_indices(scope *s, const tensor *x, int64_t k)
{
    return run(s, "t_top_indices", [&] {
        auto sorted = at::sort(in(x), /*stable=*/true, /*dim=*/-1, /*descending=*/true);
        return std::get<1>(sorted).narrow(-1, 0, k).contiguous();
    });
}

} // extern "C"
