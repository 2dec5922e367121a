/** The plan of an experiment: its jobs, and the state of each. */
#ifndef PROMPT_GRID_GRID_H
#define PROMPT_GRID_GRID_H

#include "prompt/grid/job.h"

struct grid {
    struct grid_setup setup;
    struct grid_job *jobs; /* [n_jobs], owned; data set after data set, so that a table fills from its top */
    size_t n_jobs;
};

/**
 * Makes the plan: opens every data set, looks for its images, reads every result. `out` is owned, and borrows
 * the other arguments.
 * @return OK; ERR_IO, ERR_FORMAT for files that cannot be read; ERR_USAGE; ERR_MEMORY
 */
int grid_open(struct grid *out, const struct experiment *x, const struct grid_options *options,
              const struct grid_model *model);
void grid_close(struct grid *g);

size_t grid_count(const struct grid *g, enum grid_state state); /* of the jobs */

#endif
