/* The pool of a grid's runs: a training, then its evaluation, in each slot. */
#include "grid_run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "grid_queue.h"
#include "grid_words.h"
#include "prompt/base/file.h"
#include "prompt/base/interrupt.h"
#include "prompt/grid/note.h"
#include "prompt/run/cost.h"
#include "spawn.h"

enum phase { PHASE_FREE, PHASE_TRAIN, PHASE_EVAL };
enum { MAX_TRIES = 2 };

/* Room for one run. */
struct slot {
    enum phase phase;
    const struct grid_place *place; /* borrowed */
    struct entry *entry;
    struct spawn_child child;
    double start_s;
};

struct pool {
    struct grid *grid;
    const struct grid_run_options *options;
    struct log *log;
    struct queue queue;
    struct slot *slots; /* [n_slots] */
    double *running_s;  /* [n_slots], of seconds_left */
    size_t n_slots;
    size_t n_begun, n_ended;
    double idle_since_s; /* nothing runs, but something is waited for */
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
    for (size_t i = 0; i < p->queue.n; i++)
        waiting += p->queue.items[i].state == ENTRY_WAITING ? seconds_of(p, p->queue.items[i].job) : 0.0;
    for (size_t i = 0; i < p->n_slots; i++) {
        const struct slot *slot = &p->slots[i];
        p->running_s[i] =
            slot->phase == PHASE_FREE ? 0.0 : seconds_of(p, slot->entry->job) - (clock_s() - slot->start_s);
    }
    return grid_pace_left(waiting, p->running_s, p->n_slots);
}

static void say_begun(struct pool *p, const struct slot *slot)
{
    struct entry *e = slot->entry;
    const char *on = slot->place->name ? " on " : "", *name = slot->place->name ? slot->place->name : "";
    if (e->number == 0)
        e->number = ++p->n_begun;
    if (e->n_tries == 1)
        log_info(p->log, "grid: %zu/%zu, %s%s%s", e->number, p->queue.n, e->job->folder, on, name);
    else
        log_info(p->log, "grid: again, %s%s%s", e->job->folder, on, name);
}

static void say_finished(struct pool *p, const struct grid_job *job, double seconds)
{
    char took[32], left[32];
    format_duration(took, sizeof took, seconds);
    format_duration(left, sizeof left, seconds_left(p));
    log_info(p->log, "grid: %zu of %zu done, %s took %s, about %s left", p->n_ended, p->queue.n, job->folder,
             took, left);
}

/* ---------------------------------------------------------------- the end of a run */

/* Leaves a note of the end in the run's folder; one that cannot be written is a warning. */
static void leave_note(struct pool *p, const struct entry *e, const struct grid_note *note)
{
    if (grid_note_write(e->job->folder, note) != OK)
        log_warning(p->log, "%s", error_message());
}

static void fail(struct pool *p, struct entry *e, bool may_try_again)
{
    free(e->error);
    e->error = str_dup(error_message());
    leave_note(p, e, &(struct grid_note){.error = e->error});
    claim_release(&e->claim);
    const bool is_over = !may_try_again || e->n_tries >= MAX_TRIES;
    e->state = is_over ? ENTRY_ENDED : ENTRY_WAITING;
    p->n_ended += is_over;
    log_warning(p->log, "%s failed: %s%s", e->job->folder, e->error ? e->error : "out of memory",
                is_over ? "" : "; it will be tried once more");
}

/* Ends a slot's run, which came to `status`. */
static void finish(struct pool *p, struct slot *slot, int status)
{
    struct entry *e = slot->entry;
    slot->phase = PHASE_FREE;
    if (status == ERR_BUSY && e->state == ENTRY_RUNNING) { /* another process has its folder */
        if (!e->is_told)
            log_info(p->log, "%s", error_message());
        e->is_told = true;
        e->n_tries--;
        queue_put_back(e);
        return;
    }
    if (status == ERR_INTERRUPTED) {
        claim_release(&e->claim);
        e->state = ENTRY_ENDED;
        return;
    }
    if (status != OK) {
        fail(p, e, status != ERR_USAGE);
        return;
    }
    const double seconds = clock_s() - slot->start_s;
    if (e->state == ENTRY_RUNNING) { /* else it was found done */
        leave_note(p, e, &(struct grid_note){.seconds = seconds, .work = e->is_first ? e->job->work : 0.0});
        grid_pace_add(&p->pace, row_of(p, e->job), e->job->work, seconds);
    }
    claim_release(&e->claim);
    free(e->error);
    e->error = NULL;
    e->state = ENTRY_ENDED;
    p->n_ended++;
    say_finished(p, e->job, seconds);
}

/* The status of a child that has ended with another exit status than 0. */
static int error_of(struct slot *slot, int exit_status)
{
    enum { SIGNALLED = 128 };
    const char *name = slot->phase == PHASE_TRAIN ? "prompt train" : "prompt eval";
    char reason[1024];
    spawn_reason(reason, sizeof reason, &slot->child);
    if (exit_status == 0)
        return OK;
    if (reason[0] == '\0' && exit_status > SIGNALLED)
        return error_set(ERR_IO, "%s was ended by signal %d (%s)", name, exit_status - SIGNALLED,
                         strsignal(exit_status - SIGNALLED));
    const enum status status = exit_status == error_exit_code(ERR_USAGE)  ? ERR_USAGE
                               : exit_status == error_exit_code(ERR_BUSY) ? ERR_BUSY
                                                                          : ERR_IO;
    if (reason[0] != '\0')
        return error_set(status, "%s", reason);
    return error_set(status, "%s ended with status %d", name, exit_status);
}

/* ---------------------------------------------------------------- a run */

static int begin_phase(struct pool *p, struct slot *slot, enum phase phase)
{
    struct grid_job *job = slot->entry->job;
    struct str_list words = {0};
    const struct grid_setup *setup = &p->grid->setup;
    const struct core_set *cores = core_set_count(&slot->place->cores) > 0 ? &slot->place->cores : NULL;
    int status =
        phase == PHASE_TRAIN ? grid_train_words(&words, setup, job) : grid_eval_words(&words, setup, job);
    if (status == OK && (p->n_slots > 1 || p->options->is_quiet))
        status = str_list_add(&words, "--quiet");
    if (status == OK && interrupt_requested())
        status = interrupted();
    if (status == OK)
        status = spawn_self(&slot->child, &words, &(struct spawn_options){p->n_slots == 1, cores});
    if (status == OK)
        slot->phase = phase;
    str_list_free(&words);
    return status;
}

/* Gives a run the device of its slot, and its share of cores and memory: runs do not fight for the machine. */
static int take_share(const struct entry *e, const struct grid_place *place)
{
    struct config *c = &e->job->config;
    int status = place->device ? config_set_key(c, "device", place->device) : OK;
    c->threads = e->threads; /* not those of an attempt on another device */
    c->data_workers = e->workers;
    c->memory_budget_mib = e->memory_mib;
    if (status == OK && place->n_cores > 0)
        status = cost_take_share(c, place->n_cores, place->n_sharing);
    return status;
}

/* Puts a run into a free slot, unless it was done meanwhile. Returns whether another process has it. */
static bool begin_job(struct pool *p, struct slot *slot, struct entry *e)
{
    slot->entry = e;
    slot->start_s = clock_s();
    int status = queue_claim(e, &p->grid->setup, p->options->runs_job, p->log);
    if (status == ERR_BUSY)
        return true;
    e->n_tries++;
    say_begun(p, slot);
    const bool is_done = status == OK && e->job->state != GRID_TO_RUN;
    if (status == OK && !is_done) {
        e->state = ENTRY_RUNNING;
        e->is_first = e->n_tries == 1 && !e->job->is_begun;
        grid_note_remove(e->job->folder);
        if ((status = take_share(e, slot->place)) == OK)
            status = begin_phase(p, slot, e->job->must_train ? PHASE_TRAIN : PHASE_EVAL);
    }
    if (status != OK || is_done)
        finish(p, slot, status);
    return false;
}

/* Ends a run whose claim another process has taken over, as after a long sleep of this machine. */
static bool keep_claim(struct pool *p, struct slot *slot)
{
    const int status = claim_beat(&slot->entry->claim);
    if (status != ERR_BUSY)
        return true;
    spawn_kill(&slot->child);
    log_warning(p->log, "%s: %s", slot->entry->job->folder, error_message());
    finish(p, slot, ERR_BUSY);
    return false;
}

/* Looks after a run; a training that has ended is followed by its evaluation. */
static void advance(struct pool *p, struct slot *slot)
{
    bool has_ended = false;
    int exit_status = 0;
    if (!keep_claim(p, slot))
        return;
    int status = spawn_look(&has_ended, &exit_status, &slot->child);
    if (status == OK && !has_ended)
        return;
    if (status == OK)
        status = error_of(slot, exit_status);
    if (interrupt_requested() && (status != OK || slot->phase == PHASE_TRAIN))
        status = interrupted();
    if (status == OK && slot->phase == PHASE_TRAIN) {
        status = begin_phase(p, slot, PHASE_EVAL);
        if (status == OK)
            return;
    }
    finish(p, slot, status);
}

/* ---------------------------------------------------------------- the pool */

/* Begins and looks after runs, once around; returns how many run. Of runs that others have it looks at one:
 * Slurm may be slow to say whether they live, and claims need their beats. */
static size_t turn(struct pool *p)
{
    size_t n_running = 0;
    bool is_held = false;
    for (size_t i = 0; i < p->n_slots; i++) {
        struct slot *slot = &p->slots[i];
        struct entry *next = NULL;
        if (slot->phase != PHASE_FREE)
            advance(p, slot);
        while (slot->phase == PHASE_FREE && !is_held && !interrupt_requested() &&
               (next = queue_next(&p->queue, clock_s())))
            is_held = begin_job(p, slot, next);
        n_running += slot->phase != PHASE_FREE;
    }
    return n_running;
}

/* Whether runs are left that other processes have, and may still be waited for. */
static bool must_wait(struct pool *p, size_t n_running)
{
    const double now_s = clock_s();
    if (n_running > 0 || p->idle_since_s == 0.0)
        p->idle_since_s = now_s;
    if (n_running > 0)
        return true;
    return queue_waiting(&p->queue) > 0 && !interrupt_requested() &&
           (p->options->wait_s < 0.0 || now_s - p->idle_since_s < p->options->wait_s);
}

/* Asking now and then leaves no moment in which a signal could be missed. */
static int run_all(struct pool *p)
{
    bool is_asked = false;
    while (must_wait(p, turn(p))) {
        if (!is_asked && interrupt_requested()) {
            for (size_t i = 0; i < p->n_slots; i++)
                if (p->slots[i].phase != PHASE_FREE)
                    spawn_ask(&p->slots[i].child);
            is_asked = true;
        }
        spawn_pause();
    }
    return interrupt_requested() ? interrupted() : OK;
}

static int list_failures(struct grid_outcome *out, const struct queue *q)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < q->n; i++) {
        const struct entry *e = &q->items[i];
        out->n_held += e->state == ENTRY_WAITING;
        if (e->state != ENTRY_ENDED || !e->error)
            continue;
        struct str line = {0};
        str_appendf(&line, "%s: %s", e->job->folder, e->error);
        status = str_status(&line) == OK ? str_list_add(&out->failures, str_text(&line)) : ERR_MEMORY;
        str_free(&line);
    }
    return status;
}

int grid_run(struct grid_outcome *out, struct grid *g, const struct grid_run_options *options,
             struct log *log)
{
    const struct grid_places *places = options->places;
    struct pool p = {.grid = g, .options = options, .log = log};
    *out = (struct grid_outcome){0};
    int status = queue_open(&p.queue, g);
    p.n_slots = p.queue.n < places->n ? p.queue.n : places->n;
    p.slots = calloc(p.n_slots + 1, sizeof *p.slots);
    p.running_s = calloc(p.n_slots + 1, sizeof *p.running_s);
    if (status == OK)
        status = p.slots && p.running_s ? grid_note_pace(&p.pace, g) : error_out_of_memory();
    for (size_t i = 0; status == OK && i < p.n_slots; i++)
        p.slots[i].place = &places->items[i];
    if (status == OK)
        status = run_all(&p);
    const int listed = list_failures(out, &p.queue);
    grid_pace_free(&p.pace);
    free(p.running_s);
    free(p.slots);
    queue_free(&p.queue);
    return status == OK ? listed : status;
}

void grid_outcome_free(struct grid_outcome *o)
{
    str_list_free(&o->failures);
    *o = (struct grid_outcome){0};
}
