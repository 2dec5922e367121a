// Shared by all files of the shim: the scope behind the handle, and the guard that stops exceptions.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <deque>
#include <new>
#include <stdexcept>
#include <string>

#include "prompt/torch/torch.h"

#if AT_PARALLEL_OPENMP && !defined(_OPENMP)
#error "without OpenMP at::parallel_for runs on one thread"
#endif

/** Owns the tensors made in it. A handle is the address of an element, stable because a deque only grows. */
struct scope {
    std::deque<at::Tensor> tensors;
    scope *parent = nullptr;
    bool sets_grad = false;  // it changed the gradient mode
    bool grad_before = true; // the mode to restore
    int status = OK;         // first failure
};

namespace shim
{

/** A requirement on the caller; the guard turns a violation into an error with this text. */
inline void check(bool condition, const char *what)
{
    if (!condition)
        throw std::invalid_argument(what);
}

inline const at::Tensor &in(const tensor *t)
{
    if (!t)
        throw std::invalid_argument("expected a tensor, found none");
    return *reinterpret_cast<const at::Tensor *>(t);
}

inline at::Tensor &in(tensor *t)
{
    if (!t)
        throw std::invalid_argument("expected a tensor, found none");
    return *reinterpret_cast<at::Tensor *>(t);
}

/** A tensor that may be missing, for libtorch. */
inline std::optional<at::Tensor> opt(const tensor *t)
{
    return t ? std::optional<at::Tensor>(in(t)) : std::nullopt;
}

inline at::IntArrayRef shape(const int64_t *dims, size_t n_dims)
{
    return {dims, n_dims};
}

at::ScalarType to_torch(enum dtype dtype);
enum dtype from_torch(at::ScalarType type);
at::Device to_torch(struct device device);
at::TensorOptions options(enum dtype dtype, struct device device);

/** Puts a tensor into the scope and counts it; the handle is borrowed from the scope. */
tensor *put(scope *s, at::Tensor t);

/** Times the operation around it while a profile is taken (profile.h). */
class timed_op
{
  public:
    explicit timed_op(const char *name);
    ~timed_op();
    timed_op(const timed_op &) = delete;
    timed_op &operator=(const timed_op &) = delete;

  private:
    bool is_timed = false;
    double start_s = 0.0;
};
/** Adds to the operation being timed, if any: its own work, and autograd's later for its gradients. */
void count_flop(double flop, double backward_flop = 0.0) noexcept;

/** Whether this call must fail for shim_fail_after; tells the watch of shim_watch_calls its `site`. */
bool fault_is_due(const void *site) noexcept;

/**
 * Turns the exception in flight into a status and a message; call it only in a catch block. While a scope of
 * this thread has failed, an exception in another is its consequence (an operand that was never made): the
 * first failure keeps its message and status.
 */
int translate_exception(const char *name) noexcept;

/** The status of the first failed scope of this thread that is still open, else OK. */
int first_failure_of_thread() noexcept;

bool is_out_of_memory(const c10::Error &e);

/** Counts a call that takes values from the host's memory to a device, for device_uploads. */
void count_upload() noexcept;

/** Whether the process cannot get another 32 MiB of address space. */
bool is_memory_short() noexcept;

/** Describes the fault of a zip file behind an exception of caffe2's reader. */
std::string archive_fault(const c10::Error &e);

/** Marks a scope without failure; a status of OK changes nothing. */
void fail(scope *s, int status) noexcept;

/**
 * Runs `op`; an exception becomes a status. Inlined, as those below, so that the return address is the operation's:
 * the call site in C.
 */
template <class Op> [[gnu::always_inline]] inline int guard(const char *name, Op op) noexcept
{
    try {
        if (fault_is_due(__builtin_return_address(0)))
            return error_set(ERR_TORCH, "%s: injected fault", name);
        const timed_op timed(name);
        return op();
    } catch (...) {
        return translate_exception(name);
    }
}

/** Runs `op` and keeps its tensor in `s`. Does nothing on a failed scope, which keeps its first error. */
template <class Op> [[gnu::always_inline]] inline tensor *run(scope *s, const char *name, Op op) noexcept
{
    if (!s || s->status != OK)
        return nullptr;
    tensor *out = nullptr;
    int status = guard(name, [&] {
        out = put(s, op());
        return static_cast<int>(OK);
    });
    fail(s, status);
    return out;
}

/** The same for operations without a result: returns the scope's status. */
template <class Op> [[gnu::always_inline]] inline int run_status(scope *s, const char *name, Op op) noexcept
{
    if (!s)
        return error_out_of_memory();
    if (s->status == OK)
        fail(s, guard(name, [&] {
                 op();
                 return static_cast<int>(OK);
             }));
    return s->status;
}

} // namespace shim
