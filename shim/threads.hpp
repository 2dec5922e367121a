// Fewer threads where a kernel is too small to share.
#pragma once

#include <omp.h>

namespace shim
{

/** FLOP below which one thread is faster than a team: some microseconds. */
constexpr double SMALL_FLOP = 5e5;

/** While it lives, OpenMP's regions of this thread have one thread if the kernel's work is small. */
class threads_for
{
  public:
    explicit threads_for(double flop) : before_(omp_get_max_threads())
    {
        if (flop < SMALL_FLOP)
            omp_set_num_threads(1);
    }
    ~threads_for() { omp_set_num_threads(before_); }
    threads_for(const threads_for &) = delete;
    threads_for &operator=(const threads_for &) = delete;

  private:
    int before_;
};

} // namespace shim
