/** Training: from a configuration to a checkpoint in a run folder. */
#ifndef PROMPT_RUN_TRAIN_H
#define PROMPT_RUN_TRAIN_H

#include "prompt/base/str.h"
#include "prompt/config/config.h"
#include "prompt/run/run_files.h"

struct train_options {
    struct run_options run;
    bool dry_run;                   /* time a step, discard it and stop */
    const struct str_list *targets; /* data sets of a later evaluation, to check before training; borrowed */
};

/**
 * Trains as configured. After a signal (interrupt.h) it finishes the step, saves, and returns ERR_INTERRUPTED
 * with the command that continues.
 * @return OK also for a dry run and when max_steps is reached; ERR_USAGE for a folder that holds a run;
 * ERR_BUSY; ERR_NUMERIC naming step, images, tensor and last checkpoint for a loss that is not finite
 */
int train_run(struct config *config, const struct train_options *options, struct log *log);

#endif
