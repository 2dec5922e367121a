/** Training: from a configuration to a checkpoint in a run folder. */
#ifndef PROMPT_RUN_TRAIN_H
#define PROMPT_RUN_TRAIN_H

#include "prompt/report/folder.h"
#include "prompt/run/checkpoint.h"
#include "prompt/run/session.h"

struct train_options {
    const char *out_dir;            /* run folder; NULL only for a dry run */
    bool resume;                    /* continue from its checkpoint */
    bool force;                     /* replace what an earlier run left there */
    bool dry_run;                   /* time a step, discard it and stop */
    const struct str_list *targets; /* other data sets to be evaluated, checked before training; NULL: none */
    int64_t max_steps;              /* stop after this many steps in all, with a checkpoint; 0: no limit */
};

/**
 * Trains as `config` says. A signal (interrupt.h) finishes the step, saves, and returns ERR_INTERRUPTED with
 * the command to go on.
 * @return OK also for a dry run and when max_steps is reached; ERR_USAGE for a folder that holds a run;
 * ERR_BUSY; ERR_NUMERIC naming step, images, tensor and last checkpoint for a loss that is not finite
 */
int train_run(struct config *config, const struct train_options *options, struct log *log);

#endif
