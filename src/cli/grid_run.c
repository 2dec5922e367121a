/* The pool of a grid's runs: a training, then its evaluation, in each slot. */
#include "grid_run.h"

#include <stdlib.h>

#include "grid_words.h"
#include "prompt/base/file.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/lock.h"
#include "prompt/report/grid_pace.h"
#include "prompt/run/cost.h"
#include "spawn.h"

enum phase { PHASE_FREE, PHASE_TRAIN, PHASE_EVAL };

/* Room for one run. */
struct slot {
    enum phase phase;
    struct grid_job *job;
    pid_t child;
    double start_s;
};

struct pool {
    struct grid *grid;
    const struct grid_run_options *options;
    struct log *log;
    struct slot *slots; /* [n_slots] */
    double *running_s;  /* [n_slots], of seconds_left */
    int64_t n_slots;
    size_t next; /* job */
    size_t n_to_run, n_begun, n_done, n_failed;
    struct grid_pace pace;
};

static int interrupted(void)
{
    return error_set(ERR_INTERRUPTED, "interrupted; the same command continues");
}

/* ---------------------------------------------------------------- messages */

static size_t row_of(const struct pool *p, const struct grid_job *job)
{
    return (size_t)(job->row - p->grid->setup.experiment->rows);
}

static double seconds_of(const struct pool *p, const struct grid_job *job)
{
    return grid_pace_seconds(&p->pace, row_of(p, job), job->work);
}

static double seconds_left(const struct pool *p)
{
    double waiting = 0.0;
    for (size_t i = p->next; i < p->grid->n_jobs; i++)
        waiting += p->grid->jobs[i].state == GRID_TO_RUN ? seconds_of(p, &p->grid->jobs[i]) : 0.0;
    for (int64_t i = 0; i < p->n_slots; i++) {
        const struct slot *slot = &p->slots[i];
        p->running_s[i] =
            slot->phase == PHASE_FREE ? 0.0 : seconds_of(p, slot->job) - (clock_s() - slot->start_s);
    }
    return grid_pace_left(waiting, p->running_s, (size_t)p->n_slots);
}

static void say_finished(struct pool *p, const struct grid_job *job, double seconds)
{
    char took[32], left[32];
    grid_pace_add(&p->pace, row_of(p, job), job->work, seconds);
    format_duration(took, sizeof took, seconds);
    format_duration(left, sizeof left, seconds_left(p));
    log_info(p->log, "grid: %zu of %zu done, %s took %s, about %s left", p->n_done, p->n_to_run, job->folder,
             took, left);
}

/* Ends a slot's run, which came to `status`. */
static void finish(struct pool *p, struct slot *slot, int status)
{
    slot->phase = PHASE_FREE;
    if (status == ERR_INTERRUPTED)
        return;
    p->n_done++;
    if (status == OK) {
        say_finished(p, slot->job, clock_s() - slot->start_s);
        return;
    }
    p->n_failed++;
    log_warning(p->log, "%s failed: %s", slot->job->folder, error_message());
}

/* ---------------------------------------------------------------- a run */

static int begin_phase(struct pool *p, struct slot *slot, enum phase phase)
{
    struct grid_job *job = slot->job;
    struct str_list words = {0};
    const struct grid_setup *setup = &p->grid->setup;
    int status =
        phase == PHASE_TRAIN ? grid_train_words(&words, setup, job) : grid_eval_words(&words, setup, job);
    if (status == OK && (p->n_slots > 1 || p->options->is_quiet))
        status = str_list_add(&words, "--quiet");
    if (status == OK && phase == PHASE_EVAL && !config_trains(&job->config))
        status = file_make_dirs(job->folder);
    if (status == OK && interrupt_requested())
        status = interrupted();
    if (status == OK)
        status = spawn_self(&slot->child, &words, p->n_slots == 1);
    if (status == OK)
        slot->phase = phase;
    str_list_free(&words);
    return status;
}

/* Puts the next job into a free slot, unless it was done meanwhile: hours may have passed since the plan. */
static void begin_job(struct pool *p, struct slot *slot)
{
    slot->job = &p->grid->jobs[p->next++];
    if (slot->job->state != GRID_TO_RUN)
        return;
    slot->start_s = clock_s();
    log_info(p->log, "grid: %zu/%zu, %s", ++p->n_begun, p->n_to_run, slot->job->folder);
    int status = grid_job_update(slot->job, &p->grid->setup);
    if (status == OK && p->n_slots > 1) /* they do not fight for the machine */
        status = cost_take_share(&slot->job->config, p->n_slots);
    const bool is_done = status == OK && slot->job->state != GRID_TO_RUN;
    if (status == OK && !is_done)
        status = begin_phase(p, slot, slot->job->must_train ? PHASE_TRAIN : PHASE_EVAL);
    if (status != OK || is_done)
        finish(p, slot, status);
}

/* Looks after a run; a training that has ended is followed by its evaluation. */
static void advance(struct pool *p, struct slot *slot)
{
    bool has_ended = false;
    int exit_status = 0;
    int status = spawn_look(&has_ended, &exit_status, slot->child);
    if (status == OK && !has_ended)
        return;
    if (status == OK && interrupt_requested())
        status = interrupted();
    else if (status == OK && exit_status != 0)
        status = error_set(ERR_IO, "prompt %s ended with status %d",
                           slot->phase == PHASE_TRAIN ? "train" : "eval", exit_status);
    if (status == OK && slot->phase == PHASE_TRAIN) {
        status = begin_phase(p, slot, PHASE_EVAL);
        if (status == OK)
            return;
    }
    finish(p, slot, status);
}

/* ---------------------------------------------------------------- the pool */

/* Begins and looks after runs, once around; returns how many run. */
static size_t turn(struct pool *p)
{
    size_t n_running = 0;
    for (int64_t i = 0; i < p->n_slots; i++) {
        struct slot *slot = &p->slots[i];
        if (slot->phase != PHASE_FREE)
            advance(p, slot);
        while (slot->phase == PHASE_FREE && p->next < p->grid->n_jobs && !interrupt_requested())
            begin_job(p, slot);
        n_running += slot->phase != PHASE_FREE;
    }
    return n_running;
}

/* Asking now and then leaves no moment in which a signal could be missed. */
static int run_all(struct pool *p)
{
    bool is_asked = false;
    while (turn(p) > 0) {
        if (!is_asked && interrupt_requested()) {
            lock_mark_ending(p->options->lock);
            for (int64_t i = 0; i < p->n_slots; i++)
                if (p->slots[i].phase != PHASE_FREE)
                    spawn_ask(p->slots[i].child);
            is_asked = true;
        }
        spawn_pause();
    }
    return interrupt_requested() ? interrupted() : OK;
}

int grid_run(size_t *n_failed, struct grid *g, const struct grid_run_options *options, struct log *log)
{
    struct pool p = {.grid = g, .options = options, .log = log, .n_to_run = grid_count(g, GRID_TO_RUN)};
    p.n_slots = p.n_to_run < (size_t)options->n_at_once ? (int64_t)p.n_to_run : options->n_at_once;
    p.slots = calloc((size_t)p.n_slots + 1, sizeof *p.slots);
    p.running_s = calloc((size_t)p.n_slots + 1, sizeof *p.running_s);
    int status =
        p.slots && p.running_s ? grid_pace_open(&p.pace, g->setup.experiment->n_rows) : error_out_of_memory();
    if (status == OK)
        status = run_all(&p);
    grid_pace_free(&p.pace);
    free(p.running_s);
    free(p.slots);
    *n_failed = p.n_failed;
    return status;
}
