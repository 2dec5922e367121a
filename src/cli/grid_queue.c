/* The queue of a grid's runs. */
#include "grid_queue.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"

/* Between two looks at a run that another process has. */
static const double LOOK_S = 3.0;

int queue_open(struct queue *out, struct grid *g)
{
    *out = (struct queue){.items = calloc(g->n_jobs + 1, sizeof *out->items)};
    if (!out->items)
        return error_out_of_memory();
    for (size_t i = 0; i < g->n_jobs; i++) {
        struct grid_job *job = &g->jobs[i];
        if (job->state == GRID_TO_RUN)
            out->items[out->n++] = (struct entry){.job = job,
                                                  .threads = job->config.threads,
                                                  .workers = job->config.data_workers,
                                                  .memory_mib = job->config.memory_budget_mib};
    }
    return OK;
}

void queue_free(struct queue *q)
{
    for (size_t i = 0; i < q->n; i++) {
        claim_release(&q->items[i].claim);
        free(q->items[i].error);
    }
    free(q->items);
    *q = (struct queue){0};
}

struct entry *queue_next(const struct queue *q, double now_s)
{
    for (int n_tries = 0; n_tries < 2; n_tries++)
        for (size_t i = 0; i < q->n; i++) {
            struct entry *e = &q->items[i];
            if (e->state == ENTRY_WAITING && e->n_tries == n_tries && e->not_before_s <= now_s)
                return e;
        }
    return NULL;
}

size_t queue_waiting(const struct queue *q)
{
    size_t n = 0;
    for (size_t i = 0; i < q->n; i++)
        n += q->items[i].state == ENTRY_WAITING;
    return n;
}

void queue_put_back(struct entry *e)
{
    claim_release(&e->claim);
    e->state = ENTRY_WAITING;
    e->not_before_s = clock_s() + LOOK_S;
}

static void tell(struct entry *e, const struct claim_owner *by, struct log *log)
{
    struct str who = {0};
    claim_describe(&who, by);
    if (!e->is_told)
        log_info(log, "waiting for '%s', which another process has (%s)", e->job->folder, str_text(&who));
    e->is_told = true;
    str_free(&who);
}

/* Claims the folder in which the job is now. */
static int claim_folder(struct entry *e, claim_job_fn *runs_job, struct log *log)
{
    struct claim_owner by = {0};
    int status = file_make_dirs(e->job->folder);
    if (status == OK)
        status = claim_take(&e->claim, &by, e->job->folder, runs_job);
    if (status == ERR_BUSY) {
        tell(e, &by, log);
        queue_put_back(e);
    }
    return status;
}

int queue_claim(struct entry *e, const struct grid_setup *s, claim_job_fn *runs_job, struct log *log)
{
    struct grid_job *job = e->job;
    bool is_elsewhere = true;
    int status = OK;
    while (status == OK && is_elsewhere) { /* a job that steps aside has another folder */
        char *folder = str_dup(job->folder);
        status = folder ? claim_folder(e, runs_job, log) : ERR_MEMORY;
        if (status == OK)
            status = grid_job_update(job, s);
        is_elsewhere = status == OK && strcmp(folder, job->folder) != 0;
        if (is_elsewhere)
            claim_release(&e->claim);
        free(folder);
    }
    return status;
}
