/** The time that jobs of a grid take, estimated from those that have ended. */
#ifndef PROMPT_GRID_PACE_H
#define PROMPT_GRID_PACE_H

#include <stddef.h>

struct grid_pace {
    double *seconds, *work; /* [n_rows], owned; of the ended jobs, by the experiment's row */
    size_t n_rows;
};

int grid_pace_open(struct grid_pace *out, size_t n_rows);
void grid_pace_free(struct grid_pace *p);

/** Counts an ended job. */
void grid_pace_add(struct grid_pace *p, size_t row, double work, double seconds);
/** Seconds that a job will take at the pace of its row, or of
 * all rows before one of its row has ended; 0: unknown. */
double grid_pace_seconds(const struct grid_pace *p, size_t row, double work);

/**
 * Seconds until all jobs have ended: those that wait share the slots, and the longest of those that run takes
 * its time in any case.
 * @param running_s  [n_slots] left of the job in each slot; negative if it takes longer than estimated
 */
double grid_pace_left(double waiting_s, const double *running_s, size_t n_slots);

#endif
