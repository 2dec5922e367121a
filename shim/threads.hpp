// Fewer threads than there are, for a while.
#pragma once

#include <omp.h>

namespace shim
{

/** What torch_use_threads has set for this thread; 0: all. */
int chosen_threads() noexcept;

/** While it lives, OpenMP's regions of this thread have `n` threads; 0: as many as before. */
class with_threads
{
  public:
    explicit with_threads(int n) : before_(omp_get_max_threads())
    {
        if (n > 0)
            omp_set_num_threads(n);
    }
    ~with_threads() { omp_set_num_threads(before_); }
    with_threads(const with_threads &) = delete;
    with_threads &operator=(const with_threads &) = delete;

  private:
    int before_;
};

/** The chosen number; only for operations whose result does not depend on it (torch_use_threads). */
class with_chosen_threads : with_threads
{
  public:
    with_chosen_threads() : with_threads(chosen_threads()) {}
};

} // namespace shim
