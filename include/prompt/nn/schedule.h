/**
 * Learning rates: by epoch or by step, as in the field's public code; by step, as in CLIP's training. And the
 * names of optimizers. Free of libtorch.
 */
#ifndef PROMPT_NN_SCHEDULE_H
#define PROMPT_NN_SCHEDULE_H

#include <stdint.h>

/* Both lists of names end with NULL. */
enum optimizer_kind { OPTIMIZER_SGD, OPTIMIZER_ADAMW }; /* optimizer.h */
extern const char *const optimizer_kind_names[];

enum schedule { SCHEDULE_COSINE, SCHEDULE_CONSTANT, SCHEDULE_COSINE_STEP };
extern const char *const schedule_names[];

struct schedule_options {
    enum schedule schedule;
    double lr;
    double warmup_lr;
    int64_t warmup_epochs;
    int64_t n_epochs; /* T */
    double min_lr;    /* of SCHEDULE_COSINE_STEP, as the next one */
    int64_t n_steps;  /* S */
};

/**
 * The rate of epoch `epoch` (from 1). Warm-up epochs use warmup_lr; then a cosine starts at lr, where T
 * includes the warm-up (configs/README.md, Decisions):
 *   lr (1 + cos(pi (epoch - 1 - warmup_epochs) / T)) / 2
 * 5 epochs at 0.008 with one of warm-up: 1e-5, 0.008, 0.0072361, 0.0052361, 0.0027639.
 *
 * With SCHEDULE_COSINE_STEP the rate of step `step` (from 1) is that of PyTorch's CosineAnnealingLR: the first
 * has lr, and min_lr would be that of step S+1:
 *   min_lr + (lr - min_lr) (1 + cos(pi (step - 1) / S)) / 2
 */
double schedule_lr(const struct schedule_options *o, int64_t epoch, int64_t step);

/** The rate of step `step` (from 1): linear up to lr at step n_warmup, then a cosine down to 0 at n_steps. */
double warmup_cosine_lr(double lr, int64_t step, int64_t n_warmup, int64_t n_steps);

#endif
