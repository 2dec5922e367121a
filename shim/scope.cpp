// Scopes: the lifetime of tensors, the gradient mode, the first failure; and counters for tests.
#include "shim.hpp"

#include <ATen/core/grad_mode.h>

#include <atomic>

namespace
{

// Instrumentation for tests: nothing here changes a result.
std::atomic<size_t> live_tensors{0};
std::atomic<uint64_t> calls_until_fault{0};
std::atomic<void (*)(const void *)> call_watch{nullptr};
std::atomic<void (*)(const tensor *)> tensor_watch{nullptr};

// The number of a thread's open failed scopes, and the status of the first of them.
thread_local size_t n_failed_scopes = 0;
thread_local int first_failure = OK;

} // namespace

namespace shim
{

tensor *put(scope *s, at::Tensor t)
{
    tensor *handle = reinterpret_cast<tensor *>(&s->tensors.emplace_back(std::move(t)));
    live_tensors.fetch_add(1, std::memory_order_relaxed);
    if (void (*watch)(const tensor *) = tensor_watch.load(std::memory_order_relaxed))
        watch(handle);
    return handle;
}

bool fault_is_due(const void *site) noexcept
{
    if (void (*watch)(const void *) = call_watch.load(std::memory_order_relaxed))
        watch(site);
    if (calls_until_fault.load(std::memory_order_relaxed) == 0)
        return false;
    return calls_until_fault.fetch_sub(1, std::memory_order_relaxed) == 1;
}

void fail(scope *s, int status) noexcept
{
    if (s->status != OK || status == OK)
        return;
    s->status = status;
    if (n_failed_scopes++ == 0)
        first_failure = status;
}

int first_failure_of_thread() noexcept
{
    return n_failed_scopes > 0 ? first_failure : static_cast<int>(OK);
}

} // namespace shim

extern "C" {

scope *scope_open(scope *parent, enum scope_grad grad)
{
    scope *s = new (std::nothrow) scope;
    if (!s) {
        error_out_of_memory();
        return nullptr;
    }
    s->parent = parent;
    shim::fail(s, parent ? parent->status : OK);
    s->grad_before = at::GradMode::is_enabled();
    s->sets_grad = grad != SCOPE_GRAD_INHERIT;
    if (s->sets_grad)
        at::GradMode::set_enabled(grad == SCOPE_GRAD_ON);
    return s;
}

int scope_close(scope *s)
{
    if (!s)
        return error_out_of_memory();
    int status = s->status;
    if (s->parent)
        shim::fail(s->parent, status);
    n_failed_scopes -= status != OK;
    if (s->sets_grad)
        at::GradMode::set_enabled(s->grad_before);
    live_tensors.fetch_sub(s->tensors.size(), std::memory_order_relaxed);
    delete s;
    return status;
}

tensor *scope_share(scope *into, const tensor *t)
{
    if (!t)
        return nullptr;
    return shim::run(into, "scope_share", [&] { return shim::in(t); });
}

tensor *scope_keep(scope *s, const tensor *t)
{
    return s && s->status == OK ? scope_share(s->parent, t) : nullptr;
}

bool scope_ok(const scope *s)
{
    return s && s->status == OK;
}

int scope_status(const scope *s)
{
    return s ? s->status : error_out_of_memory();
}

void scope_fail(scope *s, int status)
{
    if (s)
        shim::fail(s, status);
}

size_t scope_live_tensors(void)
{
    return live_tensors.load(std::memory_order_relaxed);
}

void shim_fail_after(uint64_t n)
{
    calls_until_fault.store(n, std::memory_order_relaxed);
}

void shim_watch_calls(void (*watch)(const void *site))
{
    call_watch.store(watch, std::memory_order_relaxed);
}

void shim_watch_tensors(void (*watch)(const tensor *made))
{
    tensor_watch.store(watch, std::memory_order_relaxed);
}

} // extern "C"
