/** Where a step's time goes: the shim's operations, timed one by one, with their floating-point operations.
 */
#ifndef PROMPT_TORCH_PROFILE_H
#define PROMPT_TORCH_PROFILE_H

#include "prompt/torch/torch.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What one operation cost between profile_start and profile_stop. */
struct op_cost {
    const char *name; /* of the shim's function, a literal */
    uint64_t n_calls;
    double seconds;
    double flop; /* multiply-adds x 2 of products and attention, from the operands' shapes; else 0 */
};

/**
 * From now on every operation of this thread is timed, until profile_stop. On CUDA each waits for the device,
 * so the sum is more than the step takes by itself. What autograd does stands under t_backward_from.
 * @return OK; ERR_MEMORY
 */
int profile_start(struct device device);
/** Ends it and fills `out`, the most expensive first. @return how many there are; at most n_max are written
 */
size_t profile_stop(struct op_cost *out, size_t n_max);

/** Waits until the device has done all that it was given; a CPU always has. */
int device_synchronize(struct device device);

#ifdef __cplusplus
}
#endif

#endif
