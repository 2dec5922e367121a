/** The runs of a grid's plan, each a process of its own, some at a time. */
#ifndef PROMPT_SRC_CLI_GRID_RUN_H
#define PROMPT_SRC_CLI_GRID_RUN_H

#include "grid_places.h"
#include "prompt/base/log.h"
#include "prompt/grid/claim.h"
#include "prompt/grid/grid.h"

struct grid_run_options {
    const struct grid_places
        *places;   /* of several runs each says only warnings, and takes its share of the machine */
    bool is_quiet; /* the runs */
    double
        wait_s; /* for runs that other processes have, at most, with nothing else to do; negative: to their end */
    claim_job_fn *runs_job;
};

struct grid_outcome {
    struct str_list failures; /* "FOLDER: reason", owned */
    size_t n_held;            /* not begun, because other processes have them */
};

/**
 * Trains and evaluates the jobs that are to run, each under a claim of its folder. A run that fails is begun once
 * more after the others, unless its settings are wrong. Runs that other processes have are waited for, and taken
 * if these end without having finished them.
 * @return OK, whether or not runs failed; ERR_INTERRUPTED after those that ran have saved and ended
 */
int grid_run(struct grid_outcome *out, struct grid *g, const struct grid_run_options *options,
             struct log *log);
void grid_outcome_free(struct grid_outcome *o);

#endif
