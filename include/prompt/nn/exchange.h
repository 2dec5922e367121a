/** Tensors and gradients of several ranks (ranks/ranks.h). With one rank nothing is computed or copied. */
#ifndef PROMPT_NN_EXCHANGE_H
#define PROMPT_NN_EXCHANGE_H

#include "prompt/nn/params.h"
#include "prompt/nn/tape.h"
#include "prompt/ranks/ranks.h"

/**
 * Puts the ranks' shares (share_of) of K rows together. Its backward adds up the gradients of all ranks, in
 * their order, and each goes on with those of its own rows. F32 or F64.
 * @param tape    receives the backward; NULL in evaluation
 * @param own     [B,K_r,d], B and d the same on all ranks
 * @param n_rows  K
 * @return [B,K,d], the same on all ranks
 */
tensor *exchange_rows(scope *s, struct tape *tape, struct ranks *ranks, const tensor *own, int64_t n_rows,
                      struct device device);

/**
 * The gradients of all trained tensors become their sums over ranks, in the order of ranks. All ranks must have
 * gradients of the same tensors.
 * @param largest  receives the largest size of a value; NaN if any is
 */
int exchange_gradients(double *largest, scope *s, struct ranks *ranks, const struct params *trained);

/** The tensors take the first rank's values. */
int exchange_values(scope *s, struct ranks *ranks, const struct params *params);

#endif
