// Small operations, which one thread computes.
#include "small.hpp"

#include <ATen/ExpandUtils.h>
#include <torch/csrc/autograd/custom_function.h>

#include "threads.hpp"

extern "C" int MKL_Set_Num_Threads_Local(int n) __attribute__((weak)); // only in a libtorch with MKL

namespace
{

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/** About 40 us of one core. */
constexpr double SMALL_FLOP = 2e6;
constexpr int64_t SMALL_LOGITS = 16384;

/** While it lives, this thread alone computes what it calls. MKL does not ask OpenMP. */
class alone : shim::with_threads
{
  public:
    alone() : with_threads(1), mkl_(MKL_Set_Num_Threads_Local ? MKL_Set_Num_Threads_Local(1) : 0) {}
    ~alone()
    {
        if (MKL_Set_Num_Threads_Local)
            (void)MKL_Set_Num_Threads_Local(mkl_);
    }
    alone(const alone &) = delete;
    alone &operator=(const alone &) = delete;

  private:
    int mkl_;
};

/** Keeps what the other operand's gradient needs. */
void save_operands(AutogradContext *ctx, const at::Tensor &a, const at::Tensor &b)
{
    ctx->save_for_backward({b.requires_grad() ? a : at::Tensor(), a.requires_grad() ? b : at::Tensor()});
}

/** a b; the gradients are dy b^T and a^T dy, summed over the axes along which an operand was repeated. */
struct small_matmul : torch::autograd::Function<small_matmul> {
    static at::Tensor forward(AutogradContext *ctx, const at::Tensor &a, const at::Tensor &b)
    {
        save_operands(ctx, a, b);
        ctx->saved_data["sizes_a"] = a.sizes();
        ctx->saved_data["sizes_b"] = b.sizes();
        const alone here;
        return at::matmul(a, b);
    }
    static variable_list backward(AutogradContext *ctx, const variable_list &dy)
    {
        const variable_list saved = ctx->get_saved_variables();
        const at::Tensor &a = saved[0], &b = saved[1];
        const alone here;
        variable_list out(2);
        if (ctx->needs_input_grad(0))
            out[0] = at::sum_to(at::matmul(dy[0], b.mT()), ctx->saved_data["sizes_a"].toIntVector());
        if (ctx->needs_input_grad(1))
            out[1] = at::sum_to(at::matmul(a.mT(), dy[0]), ctx->saved_data["sizes_b"].toIntVector());
        return out;
    }
};

at::Tensor rows(const at::Tensor &x)
{
    return x.reshape({-1, x.size(-1)});
}

/** x W^T + b; the gradients are dy W, dy^T x and the sum of dy over its rows. */
struct small_linear : torch::autograd::Function<small_linear> {
    static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x, const at::Tensor &weight,
                              const std::optional<at::Tensor> &bias)
    {
        save_operands(ctx, x, weight);
        ctx->saved_data["has_bias"] = bias.has_value();
        const alone here;
        return at::linear(x, weight, bias);
    }
    static variable_list backward(AutogradContext *ctx, const variable_list &dy)
    {
        const variable_list saved = ctx->get_saved_variables();
        const at::Tensor &x = saved[0], &weight = saved[1];
        const alone here;
        variable_list out(3);
        if (ctx->needs_input_grad(0))
            out[0] = at::matmul(dy[0], weight);
        if (ctx->needs_input_grad(1))
            out[1] = at::mm(rows(dy[0]).t(), rows(x));
        if (ctx->saved_data["has_bias"].toBool() && ctx->needs_input_grad(2))
            out[2] = rows(dy[0]).sum(0);
        return out;
    }
};

/** The mean over rows of -log softmax(logits)[label]. */
struct small_cross_entropy : torch::autograd::Function<small_cross_entropy> {
    static at::Tensor forward(AutogradContext *ctx, const at::Tensor &logits, const at::Tensor &labels)
    {
        const alone here;
        const at::Tensor log_p = at::log_softmax(logits, 1);
        auto [loss, n] = at::nll_loss_forward(log_p, labels, {}, at::Reduction::Mean, -100);
        ctx->save_for_backward({log_p, labels, n});
        return loss;
    }
    static variable_list backward(AutogradContext *ctx, const variable_list &d)
    {
        const variable_list saved = ctx->get_saved_variables();
        const at::Tensor &log_p = saved[0];
        const alone here;
        const at::Tensor d_log_p =
            at::nll_loss_backward(d[0], log_p, saved[1], {}, at::Reduction::Mean, -100, saved[2]);
        return {at::_log_softmax_backward_data(d_log_p, log_p, 1, log_p.scalar_type()), at::Tensor()};
    }
};

bool is_small(double n_values, int64_t depth)
{
    return 2.0 * n_values * static_cast<double>(depth) < SMALL_FLOP;
}

/** The values of a b, whose batches may be repeated. */
double n_values_of_matmul(const at::Tensor &a, const at::Tensor &b)
{
    const std::vector<int64_t> batch = at::infer_size(a.sizes().slice(0, static_cast<size_t>(a.dim() - 2)),
                                                      b.sizes().slice(0, static_cast<size_t>(b.dim() - 2)));
    return static_cast<double>(c10::multiply_integers(batch) * a.size(-2) * b.size(-1));
}

} // namespace

at::Tensor shim::matmul(const at::Tensor &a, const at::Tensor &b)
{
    const bool has_matrices = a.is_cpu() && a.dim() >= 2 && b.dim() >= 2;
    return has_matrices && is_small(n_values_of_matmul(a, b), a.size(-1)) ? small_matmul::apply(a, b)
                                                                          : at::matmul(a, b);
}

at::Tensor shim::linear(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias)
{
    const bool has_matrix = x.is_cpu() && x.dim() >= 1 && weight.dim() == 2;
    return has_matrix && is_small(static_cast<double>(x.numel()), weight.size(0))
               ? small_linear::apply(x, weight, bias)
               : at::linear(x, weight, bias);
}

at::Tensor shim::cross_entropy(const at::Tensor &logits, const at::Tensor &labels)
{
    const bool has_few = logits.is_cpu() && logits.dim() == 2 && logits.numel() <= SMALL_LOGITS;
    return has_few ? small_cross_entropy::apply(logits, labels) : at::cross_entropy_loss(logits, labels);
}
