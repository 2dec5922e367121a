/**
 * The Gaussian average of trained tensors over epochs (PromptSRC, Khattak et al., ICCV 2023):
 *   sum over e = 1..T of w_e theta_e,   w_e = phi((e - mean) / deviation) / sum of the same over all epochs,
 * theta_e the values after epoch e, phi(u) = exp(-u^2 / 2).
 */
#ifndef PROMPT_NN_AVERAGE_H
#define PROMPT_NN_AVERAGE_H

#include "prompt/nn/params.h"

struct average_options {
    double mean, deviation; /* in epochs; deviation 0: no average */
    int64_t n_epochs;       /* T */
};

struct average {
    const struct params *trained; /* borrowed */
    struct params sums;           /* by the trained tensor's name, begin at 0; empty without an average */
    scope *scope;                 /* borrowed; owns the sums */
    struct average_options options;
};

/** w_e. */
double average_weight(const struct average_options *o, int64_t epoch);

/** Creates the sums in `run`. ERR_MEMORY; the scope's failure. */
int average_init(struct average *a, scope *run, const struct params *trained,
                 const struct average_options *options);
/** Adds the values after epoch `epoch` (from 1); after the last one the trained tensors become the average. */
int average_add(struct average *a, int64_t epoch);
void average_deinit(struct average *a);

#endif
