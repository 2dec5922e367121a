/** The queue of a grid's runs: which one is next, and who has it. */
#ifndef PROMPT_SRC_CLI_GRID_QUEUE_H
#define PROMPT_SRC_CLI_GRID_QUEUE_H

#include "prompt/base/log.h"
#include "prompt/grid/claim.h"
#include "prompt/grid/grid.h"

enum entry_state { ENTRY_WAITING, ENTRY_RUNNING, ENTRY_ENDED };

/** A run of the queue. */
struct entry {
    struct grid_job *job; /* borrowed */
    enum entry_state state;
    int n_tries;
    size_t number;       /* in the order in which they are begun, from 1; 0: not yet */
    bool is_first;       /* this attempt begins it: the training is not resumed */
    double not_before_s; /* when to look at it again, on clock_s; it is another process's */
    bool is_told;        /* that it is */
    char *error;         /* of the last attempt, owned; NULL: none */
    struct claim claim;
    int64_t threads, workers, memory_mib; /* keys of the plan, before the run took its share */
};

struct queue {
    struct entry *items; /* [n], owned; the jobs that were to run, in their order */
    size_t n;
};

int queue_open(struct queue *out, struct grid *g);
void queue_free(struct queue *q);

/** The next run that is to begin now: first attempts before second ones. NULL: none, or none now. */
struct entry *queue_next(const struct queue *q, double now_s);
/** How many are neither running nor over. */
size_t queue_waiting(const struct queue *q);

/**
 * Claims a run and finds out how much of it is done by now: hours may have passed since the plan.
 * @return OK; ERR_BUSY, reported once: another process has it, and it waits; errors of the folder
 */
int queue_claim(struct entry *e, const struct grid_setup *s, claim_job_fn *runs_job, struct log *log);
/** Gives a run back, to be looked at again in some seconds. */
void queue_put_back(struct entry *e);

#endif
