/** The runs of a grid's plan, each a process of its own, some at a time. */
#ifndef PROMPT_SRC_CLI_GRID_RUN_H
#define PROMPT_SRC_CLI_GRID_RUN_H

#include "prompt/base/log.h"
#include "prompt/report/grid.h"

struct grid_run_options {
    int64_t n_at_once; /* of several each says only warnings, and takes its share of the machine */
    bool is_quiet;     /* the runs */
    int lock;          /* of the folder of all runs, marked at a signal */
};

/**
 * Trains and evaluates the jobs that are to run. A run that fails is reported, and the others continue.
 * @param n_failed  of the runs
 * @return OK, whether or not runs failed; ERR_INTERRUPTED after those that ran have saved and ended
 */
int grid_run(size_t *n_failed, struct grid *g, const struct grid_run_options *options, struct log *log);

#endif
