// Fewer threads, for operations whose result does not depend on their number.
#pragma once

#include <omp.h>

namespace shim
{

/** What torch_use_threads has set for this thread; 0: all. */
int chosen_threads() noexcept;

/** While it lives, OpenMP's regions of this thread have the chosen number of threads. Only for our kernels, the packed
 * products and what makes each value by itself: the libraries' other operations add in an order that may depend on the
 * number. */
class with_chosen_threads
{
  public:
    with_chosen_threads() : before_(omp_get_max_threads())
    {
        if (chosen_threads() > 0)
            omp_set_num_threads(chosen_threads());
    }
    ~with_chosen_threads()
    {
        if (chosen_threads() > 0)
            omp_set_num_threads(before_);
    }
    with_chosen_threads(const with_chosen_threads &) = delete;
    with_chosen_threads &operator=(const with_chosen_threads &) = delete;

  private:
    int before_;
};

} // namespace shim
