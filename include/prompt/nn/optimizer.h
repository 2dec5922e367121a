/** The optimizer of a training: SGD or AdamW, and the average over epochs, with the state that a checkpoint
 * holds. */
#ifndef PROMPT_NN_OPTIMIZER_H
#define PROMPT_NN_OPTIMIZER_H

#include "prompt/nn/average.h"
#include "prompt/nn/optim.h"
#include "prompt/nn/schedule.h"

struct optimizer_options {
    enum optimizer_kind kind;
    double momentum; /* of SGD; AdamW has betas 0.9 and 0.999 and eps 1e-8 */
    double weight_decay;
    struct average_options average;
};

struct optimizer {
    enum optimizer_kind kind;
    union { /* the member of its kind */
        struct sgd sgd;
        struct adamw adamw;
    };
    struct average average;
};

/**
 * @param run      scope of the state
 * @param trained  borrowed; every tensor decays
 * @return OK; ERR_MEMORY; the scope's failure
 */
int optimizer_init(struct optimizer *o, scope *run, const struct params *trained,
                   const struct optimizer_options *options);
/** Step `step` (from 1) with the gradients of the trained tensors; ERR_NUMERIC if one has none. */
int optimizer_step(struct optimizer *o, double lr, int64_t step);
/** The same in two parts: the numbers to the device, and the update, which reads them there. */
void optimizer_set(struct optimizer *o, double lr, int64_t step);
int optimizer_update(struct optimizer *o);
/** After the last step of epoch `epoch` (from 1): average_add. */
int optimizer_end_epoch(struct optimizer *o, int64_t epoch);
void optimizer_clear_grad(struct optimizer *o);
void optimizer_deinit(struct optimizer *o);

/**
 * Appends the state: of SGD "optimizer.momentum.<name>" for each trained tensor, none before the first step; of
 * AdamW "optimizer.first.<name>" and "optimizer.second.<name>"; of an average "optimizer.average.<name>". The
 * tensors are borrowed.
 */
int optimizer_collect(struct params *out, const struct optimizer *o);
/** Whether a tensor of this name would be an optimizer's state. */
bool optimizer_owns(const char *name);
/** Takes the state from stored tensors of these names, which it copies. ERR_FORMAT or ERR_SHAPE naming the
 * tensor that is missing, of another shape, or of another optimizer. */
int optimizer_restore(struct optimizer *o, const struct params *stored);

#endif
