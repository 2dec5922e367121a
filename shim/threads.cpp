// The threads that share a kernel's work, and how they wait for it.
#include "shim.hpp"

#include <algorithm>
#include <atomic>
#include <ctime>
#include <malloc.h>
#include <pthread.h>
#include <vector>

#include "prompt/base/process.h"
#include "threads.hpp"

namespace
{

thread_local int n_chosen = 0; // as OpenMP's own number of threads is the calling thread's

/** The body of a thread that waits until all have started. */
void *wait_at(void *gate)
{
    (void)pthread_mutex_lock(static_cast<pthread_mutex_t *>(gate));
    (void)pthread_mutex_unlock(static_cast<pthread_mutex_t *>(gate));
    return nullptr;
}

/**
 * How many of `n` threads of a kernel can run at once. OpenMP ends the program if it cannot start one, and libtorch starts
 * as many again for itself (its "pthreadpool"), so twice as many are tried, beside the calling thread.
 */
int64_t count_startable(int64_t n)
{
    const size_t n_tried = 2 * static_cast<size_t>(n - 1);
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    std::vector<pthread_t> started;
    started.reserve(n_tried);
    (void)pthread_mutex_lock(&gate);
    while (started.size() < n_tried) {
        pthread_t thread;
        if (pthread_create(&thread, nullptr, wait_at, &gate) != 0)
            break;
        started.push_back(thread);
    }
    (void)pthread_mutex_unlock(&gate);
    for (const pthread_t thread : started)
        (void)pthread_join(thread, nullptr);
    return static_cast<int64_t>(started.size()) / 2 + 1;
}

} // namespace

int shim::chosen_threads() noexcept
{
    return n_chosen;
}

extern "C" {

int torch_init(int64_t n_threads)
{
    return shim::guard("torch_init", [&] {
#ifdef __GLIBC__
        // Keep large blocks instead of mapping and returning them at each use: see torch.h.
        mallopt(M_MMAP_MAX, 0);
        mallopt(M_TRIM_THRESHOLD, -1);
        mallopt(M_TOP_PAD, 16 << 20);
#endif
        const int64_t n = n_threads > 0 ? n_threads : process_cores();
        const int64_t n_startable = count_startable(n);
        if (n_startable < n)
            return error_set(
                ERR_TORCH,
                "only %lld of %lld threads could be started, beside as many of libtorch: set "
                "'threads' to fewer, or raise the limits of processes and memory (ulimit -u, ulimit -v)",
                static_cast<long long>(n_startable), static_cast<long long>(n));
        at::set_num_threads(static_cast<int>(n));
        (void)torch_threads(); // OpenMP starts them now, just after they have been tried
        // fp32 means fp32: otherwise cuDNN's convolutions round to TF32, with 10 bits of mantissa.
        at::globalContext().setAllowTF32CuDNN(false);
        at::globalContext().setAllowTF32CuBLAS(false);
        return static_cast<int>(OK);
    });
}

void torch_use_threads(int64_t n)
{
    n_chosen = static_cast<int>(n);
}

int64_t torch_threads(void)
{
    std::atomic<int64_t> n = 0;
    at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t, int64_t) { n++; });
    return n;
}

double torch_spin_s(void)
{
    enum { REPEATS = 5 }; // a busy machine may not let the thread spin
    const timespec pause = {0, 20'000'000};
    double longest_s = 0.0;
    for (int i = 0; i < REPEATS; i++) {
        const int64_t n_waiting = torch_threads() - 1;
        const double before_s = process_cpu_s();
        (void)nanosleep(&pause, nullptr);
        if (n_waiting > 0)
            longest_s = std::max(longest_s, (process_cpu_s() - before_s) / static_cast<double>(n_waiting));
    }
    return longest_s;
}

} // extern "C"
