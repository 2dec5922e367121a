/* How far the runs are. */
#include "prompt/grid/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/json.h"
#include "prompt/base/path.h"
#include "prompt/grid/note.h"
#include "prompt/report/folder.h"

const char *const run_state_names[] = {"done", "running", "failed", "waiting", "no data"};

void grid_status_free(struct grid_status *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->runs[i].error);
    free(s->runs);
    *s = (struct grid_status){0};
}

/* ---------------------------------------------------------------- steps */

/* The step of a line of log.jsonl; 0: it is not one. */
static int64_t step_of_line(const char *line, size_t n)
{
    struct json_doc *doc = NULL;
    int64_t step = 0;
    if (json_parse(&doc, line, n, RUN_LOG_FILE) != OK ||
        json_need_i64(&step, doc, json_root(doc), "step") != OK)
        error_clear();
    json_free(doc);
    return step;
}

/* The last step in the log of a training; 0: none. Whole lines alone count. */
static int64_t last_step(const char *run)
{
    char text[1 << 14]; /* the end of the file: a line has some hundred bytes */
    char *path = path_join(run, RUN_LOG_FILE);
    FILE *f = path ? fopen(path, "rbe") : NULL;
    size_t n = 0;
    if (f) {
        if (fseek(f, 0, SEEK_END) == 0 && ftell(f) > (long)sizeof text)
            (void)fseek(f, -(long)sizeof text, SEEK_END);
        else
            rewind(f);
        n = fread(text, 1, sizeof text, f);
        fclose(f);
    }
    free(path);
    while (n > 0 && text[n - 1] != '\n')
        n--;
    if (n == 0)
        return 0;
    size_t first = n - 1;
    while (first > 0 && text[first - 1] != '\n')
        first--;
    return step_of_line(text + first, n - 1 - first);
}

/* ---------------------------------------------------------------- runs */

static int look_at_run(struct run_status *out, const struct grid_job *job, claim_job_fn *runs_job)
{
    struct grid_note note = {0};
    *out = (struct run_status){.step = job->step, .n_steps = job->n_steps};
    int status = claim_look(&out->is_claimed, &out->owner, job->folder, runs_job);
    if (status == OK)
        status = grid_note_read(&note, job->folder);
    if (status != OK)
        return status;
    const int64_t step = job->must_train ? last_step(job->folder) : 0;
    if (step > out->step)
        out->step = step;
    if (job->state == GRID_DONE)
        out->state = RUN_DONE;
    else if (job->state == GRID_NO_DATA)
        out->state = RUN_NO_DATA;
    else if (out->is_claimed && out->owner.is_alive)
        out->state = RUN_RUNNING;
    else
        out->state = note.error ? RUN_FAILED : RUN_WAITING;
    if (out->state == RUN_FAILED) {
        out->error = note.error;
        note.error = NULL;
    }
    grid_note_free(&note);
    return OK;
}

/* ---------------------------------------------------------------- time */

/* Seconds of a run that are left; those of a training are in proportion to its steps. */
static double seconds_left(const struct grid_pace *pace, const struct grid *g, size_t i,
                           const struct run_status *run)
{
    const struct grid_job *job = &g->jobs[i];
    const double whole = grid_pace_seconds(pace, (size_t)(job->row - g->setup.experiment->rows), job->work);
    if (run->state == RUN_RUNNING)
        return whole - (double)run->owner.held_s;
    return run->n_steps > 0 ? whole * (1.0 - (double)run->step / (double)run->n_steps) : whole;
}

static int estimate(struct grid_status *s, const struct grid *g)
{
    struct grid_pace pace = {0};
    double waiting_s = 0.0;
    size_t n_running = 0;
    double *running_s = calloc(s->n + 1, sizeof *running_s);
    int status = running_s ? grid_note_pace(&pace, g) : error_out_of_memory();
    for (size_t i = 0; status == OK && i < s->n; i++) {
        const enum run_state state = s->runs[i].state;
        if (state == RUN_RUNNING)
            running_s[n_running++] = seconds_left(&pace, g, i, &s->runs[i]);
        else if (state == RUN_WAITING || state == RUN_FAILED)
            waiting_s += seconds_left(&pace, g, i, &s->runs[i]);
    }
    if (status == OK)
        s->left_s = grid_pace_left(waiting_s, running_s, n_running > 0 ? n_running : 1);
    grid_pace_free(&pace);
    free(running_s);
    return status;
}

int grid_status_read(struct grid_status *out, const struct grid *g, claim_job_fn *runs_job)
{
    *out = (struct grid_status){.runs = calloc(g->n_jobs + 1, sizeof *out->runs)};
    int status = out->runs ? OK : error_out_of_memory();
    for (size_t i = 0; status == OK && i < g->n_jobs; i++) {
        if ((status = look_at_run(&out->runs[i], &g->jobs[i], runs_job)) == OK) {
            out->counts[out->runs[i].state]++;
            out->n++;
        }
    }
    if (status == OK)
        status = estimate(out, g);
    if (status != OK)
        grid_status_free(out);
    return status;
}
