/**
 * A job of a grid: one training (or none, for CLIP) with its evaluations, in a folder of its own, so that
 * experiments that share a preset share its runs.
 *
 * It is done when its result records are there: of the same configuration, key by key, of the same weights,
 * class names and images, and finished. A folder that holds the training of another configuration or model is
 * left alone: the job takes a folder beside it.
 */
#ifndef PROMPT_GRID_JOB_H
#define PROMPT_GRID_JOB_H

#include "prompt/grid/setup.h"

enum grid_state { GRID_DONE, GRID_TO_RUN, GRID_NO_DATA };

struct grid_job {
    const struct experiment_row *row; /* borrowed */
    struct config config;
    char *name;               /* of the folder that it takes if that is free, below that of all runs; owned */
    char *folder;             /* owned */
    char *aside;              /* why it is not the folder of that name, owned; NULL: it is */
    struct str_list targets;  /* data sets to evaluate on, of those that are there */
    struct str_list unscored; /* of those, without all of their records */
    bool lacks_base, lacks_new; /* with halves: which records the one target lacks */
    bool must_train;
    bool is_begun;         /* the folder holds a training */
    double work;           /* that is left, in images times classes */
    int64_t step, n_steps; /* of the training, by its last checkpoint; 0: unknown */
    enum grid_state state;
};

/** Finds out how much of a job is done by now; may move it to a folder beside its own. */
int grid_job_update(struct grid_job *job, const struct grid_setup *s);
/** Sets `work`; looks for the images of the sample. To be called before grid_setup_close_data. */
int grid_job_weigh(struct grid_job *job, const struct grid_setup *s);
/** A number that grows with what is done of a job: steps that are saved, a training's end, evaluations. */
int64_t grid_job_progress(const struct grid_job *job);
void grid_job_free(struct grid_job *job);

#endif
