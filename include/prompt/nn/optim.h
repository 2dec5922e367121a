/**
 * SGD with momentum and weight decay, as in the field's public code, and AdamW. optimizer.h is either of them.
 *
 * A step sets its numbers, which are on the device, and updates. From the second one on an update reads nothing of
 * the host that changes.
 */
#ifndef PROMPT_NN_OPTIM_H
#define PROMPT_NN_OPTIM_H

#include "prompt/nn/params.h"

/** v = momentum v + (gradient + weight_decay w); w -= lr v. The first step's v is its gradient. */
struct sgd {
    const struct params *trained; /* borrowed */
    struct params momentum;       /* v, by the trained tensor's name; empty before the first step */
    scope *scope;                 /* borrowed; owns v */
    tensor *rate;                 /* -lr, [] */
    double momentum_factor;
    double weight_decay;
};

void sgd_init(struct sgd *o, scope *run, const struct params *trained, double momentum, double weight_decay);
/** One step with the gradients of the trained tensors; ERR_NUMERIC if a tensor has none (a broken graph). */
int sgd_step(struct sgd *o, double lr);
void sgd_set(struct sgd *o, double lr); /* sgd_step is this one and then the next */
int sgd_update(struct sgd *o);
void sgd_clear_grad(struct sgd *o);
void sgd_deinit(struct sgd *o);

/* ---------------------------------------------------------------- AdamW */

struct adamw_options {
    double beta1, beta2; /* decay of the moments */
    double eps;
    double weight_decay;
    bool decays_vectors; /* false: only tensors of two axes or more decay */
};

/** Decoupled weight decay (Loshchilov and Hutter, ICLR 2019; t_adamw_ has the equations). */
struct adamw {
    const struct params *trained; /* borrowed */
    struct params first, second;  /* moments, by the trained tensor's name; begin at 0 */
    scope *scope;                 /* borrowed; owns the moments */
    tensor *rate, *step;          /* [] */
    struct adamw_options options;
};

/** Creates the moments in `run`. ERR_MEMORY; the scope's failure. */
int adamw_init(struct adamw *o, scope *run, const struct params *trained,
               const struct adamw_options *options);
/** Step `step` (from 1); ERR_NUMERIC if a tensor has no gradient (a broken graph). */
int adamw_step(struct adamw *o, double lr, int64_t step);
void adamw_set(struct adamw *o, double lr, int64_t step); /* adamw_step is this one and then the next */
int adamw_update(struct adamw *o);
void adamw_deinit(struct adamw *o);

/* ---------------------------------------------------------------- gradients of all trained tensors */

void params_clear_grad(scope *s, const struct params *trained);
/**
 * The norm of all gradients together, with one read from the device; if it is above `max_norm`, scales them
 * down to it. A norm that is not finite scales nothing.
 */
int params_clip_grad(double *norm, scope *s, const struct params *trained, double max_norm);

#endif
