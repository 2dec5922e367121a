// The operations of one thread, timed one by one while somebody asks for it.
#include "prompt/torch/profile.h"

#include <torch/cuda.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <vector>

#include "shim.hpp"

namespace
{

struct profile {
    struct device device;
    std::vector<op_cost> ops;
    op_cost *current = nullptr; // an operation inside another counts as part of that
};

// Of the thread that started it; nothing here changes a result.
thread_local std::unique_ptr<profile> running;

double now_s()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

op_cost &find(profile &p, const char *name)
{
    for (op_cost &op : p.ops)
        if (std::strcmp(op.name, name) == 0)
            return op;
    return p.ops.emplace_back(op_cost{name, 0, 0.0, 0.0, 0.0});
}

void synchronize(struct device device)
{
    if (device.kind == DEVICE_CUDA)
        torch::cuda::synchronize(device.index);
}

} // namespace

namespace shim
{

timed_op::timed_op(const char *name)
{
    if (!running || running->current)
        return;
    is_timed = true;
    running->current = &find(*running, name);
    start_s = now_s();
}

timed_op::~timed_op()
{
    if (!is_timed || !running)
        return;
    try {
        synchronize(running->device);
    } catch (...) { // the next operation reports it
        (void)0;
    }
    running->current->n_calls++;
    running->current->seconds += now_s() - start_s;
    running->current = nullptr;
}

void count_flop(double flop, double backward_flop) noexcept
{
    if (!running || !running->current)
        return;
    running->current->flop += flop;
    running->current->backward_flop += backward_flop;
}

} // namespace shim

extern "C" {

int profile_start(struct device device)
{
    return shim::guard("profile_start", [&] {
        synchronize(device);
        running = std::make_unique<profile>();
        running->device = device;
        return static_cast<int>(OK);
    });
}

size_t profile_stop(struct op_cost *out, size_t n_max)
{
    if (!running)
        return 0;
    std::vector<op_cost> ops = std::move(running->ops);
    running.reset();
    std::sort(ops.begin(), ops.end(),
              [](const op_cost &a, const op_cost &b) { return a.seconds > b.seconds; });
    std::copy_n(ops.begin(), std::min(n_max, ops.size()), out);
    return ops.size();
}

int device_synchronize(struct device device)
{
    return shim::guard("device_synchronize", [&] {
        synchronize(device);
        return static_cast<int>(OK);
    });
}

} // extern "C"
