/** Where a step's time goes: the shim's operations, timed one by one, with their FLOP. */
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
    /* multiply-adds x 2 of matrix products and attention, from the operands' shapes; else 0 */
    double flop;
    double backward_flop; /* of the gradients that autograd computes later: their time is t_backward_from's */
};

/**
 * Times every operation of this thread from now on, until profile_stop. On CUDA each waits for the device,
 * so the sum is more than the step takes by itself. Autograd's time counts as t_backward_from.
 * @return OK; ERR_MEMORY
 */
int profile_start(struct device device);
/**
 * Ends the profile and fills `out`, the most expensive operation first.
 * @return the number of operations; at most n_max are written
 */
size_t profile_stop(struct op_cost *out, size_t n_max);

/** Waits until the device has finished its queued work; a CPU has none. */
int device_synchronize(struct device device);

#ifdef __cplusplus
}
#endif

#endif
