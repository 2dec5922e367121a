/** The runs of a grid in bundles of about equal time, each a task of a job array, and the file that tells a task
 * its runs. */
#ifndef PROMPT_GRID_TASKS_H
#define PROMPT_GRID_TASKS_H

#include "prompt/grid/grid.h"

struct grid_task {
    struct str_list runs; /* names of jobs */
    double seconds;       /* expected, or work if no time is known */
};

/** The tasks of a plan, from the task of its first run on. */
struct grid_tasks {
    struct grid_task *items; /* [n], owned */
    size_t n;
};

/**
 * Divides the jobs that are to run among `n` tasks, or as many as there are jobs: the longest first, each to the
 * task with the least so far. `out` is owned.
 */
int grid_tasks_make(struct grid_tasks *out, const struct grid *g, size_t n);
void grid_tasks_free(struct grid_tasks *t);

/** Appends the file. */
int grid_tasks_write(struct str *out, const struct grid_tasks *t, const struct grid *g);
/**
 * Reads the runs of a task, and the data sets on which they are trained.
 * @param task  from 1
 * @return OK; ERR_USAGE if there is no such task; ERR_IO; ERR_FORMAT; ERR_MEMORY
 */
int grid_tasks_read(struct str_list *runs, struct str_list *datasets, const char *path, int64_t task);

#endif
