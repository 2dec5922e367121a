/** How far the runs of a grid are, from their folders alone. */
#ifndef PROMPT_GRID_STATUS_H
#define PROMPT_GRID_STATUS_H

#include "prompt/grid/claim.h"
#include "prompt/grid/grid.h"

enum run_state { RUN_DONE, RUN_RUNNING, RUN_FAILED, RUN_WAITING, RUN_NO_DATA, N_RUN_STATES };
extern const char *const run_state_names[]; /* "done", ... */

struct run_status {
    enum run_state state;
    struct claim_owner owner; /* of a running one; of one whose owner is dead, too: is_alive is false */
    bool is_claimed;
    int64_t step, n_steps; /* of the training; 0: no step, or unknown */
    char *error;           /* of the last attempt, owned; NULL: none */
};

struct grid_status {
    struct run_status *runs; /* [n_jobs of the plan], owned */
    size_t n;
    size_t counts[N_RUN_STATES];
    double left_s; /* until all have ended, if as many run at a time as now; 0: unknown, or nothing is left */
};

/** Looks at every run of a plan. `out` is owned, and borrows nothing. */
int grid_status_read(struct grid_status *out, const struct grid *g, claim_job_fn *runs_job);
void grid_status_free(struct grid_status *s);

#endif
