/* How far the runs of a grid are, on stdout. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "cmd_print.h"
#include "grid_command.h"
#include "grid_slurm.h"
#include "prompt/base/json_write.h"
#include "prompt/grid/status.h"
#include "prompt/report/targets.h"

/* ---------------------------------------------------------------- for people */

/* "12/50", "12" without a known end, "-" without a step. */
static void format_step(char *out, size_t n, const struct run_status *run)
{
    if (run->step == 0)
        snprintf(out, n, "-");
    else if (run->n_steps == 0)
        snprintf(out, n, "%" PRId64, run->step);
    else
        snprintf(out, n, "%" PRId64 "/%" PRId64, run->step, run->n_steps);
}

static void append_run(struct str *out, const struct grid_job *job, const struct run_status *run)
{
    char name[96], step[48], since[32];
    snprintf(name, sizeof name, "%s, %s, seed %" PRId64, job->row->name,
             target_display_name(job->config.data_dataset), job->config.seed);
    format_step(step, sizeof step, run);
    str_appendf(out, "%-8s %-40s %-12s", run_state_names[run->state], name, step);
    if (run->state == RUN_FAILED) {
        str_appendf(out, " %s", run->error);
    } else if (run->is_claimed && (run->state == RUN_RUNNING || run->state == RUN_WAITING)) {
        format_duration(since, sizeof since, (double)run->owner.held_s);
        str_append(out, run->state == RUN_RUNNING ? " on " : " left by ");
        claim_describe(out, &run->owner);
        str_appendf(out, ", since %s", since);
    }
    while (out->len > 0 && out->data[out->len - 1] == ' ') /* "-" and nothing behind it */
        out->data[--out->len] = '\0';
    str_append(out, "\n");
}

static void append_summary(struct str *out, const struct grid_status *s)
{
    char left[32] = "unknown";
    str_appendf(out, "%zu %s:", s->n, plural(s->n, "run", "runs"));
    for (int i = 0; i < N_RUN_STATES; i++)
        if (s->counts[i] > 0 || i < RUN_NO_DATA)
            str_appendf(out, "%s %zu %s", i > 0 ? "," : "", s->counts[i], run_state_names[i]);
    if (s->left_s > 0.0)
        format_duration(left, sizeof left, s->left_s);
    if (s->counts[RUN_RUNNING] + s->counts[RUN_FAILED] + s->counts[RUN_WAITING] > 0)
        str_appendf(out, "; time left: %s%s", s->left_s > 0.0 ? "about " : "", left);
    str_append(out, "\n");
}

/* ---------------------------------------------------------------- for programs */

static void put_time(struct str *out, const char *key, int64_t seconds)
{
    char text[32];
    struct tm utc;
    const time_t t = (time_t)seconds;
    const bool is_known = gmtime_r(&t, &utc) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0;
    json_put_string(out, key, is_known ? text : NULL);
}

static void put_run(struct str *out, const struct grid_job *job, const struct run_status *run)
{
    const bool has_owner = run->state == RUN_RUNNING;
    str_append(out, out->data[out->len - 1] == '[' ? "\n" : ",\n");
    json_open(out, NULL, '{');
    json_put_string(out, "name", job->name);
    json_put_string(out, "folder", job->folder);
    json_put_string(out, "state", run_state_names[run->state]);
    json_put_string(out, "row", job->row->name);
    json_put_string(out, "dataset", job->config.data_dataset);
    json_put_i64(out, "seed", job->config.seed);
    json_put_i64(out, "step", run->step);
    json_put_i64(out, "n_steps", run->n_steps);
    if (has_owner) {
        json_put_string(out, "host", run->owner.host);
        json_put_i64(out, "pid", run->owner.pid);
        json_put_string(out, "job", run->owner.job[0] != '\0' ? run->owner.job : NULL);
        put_time(out, "since", run->owner.since);
        json_put_i64(out, "beat_age_s", run->owner.age_s);
    }
    if (run->error)
        json_put_string(out, "error", run->error);
    json_close(out, '}');
}

static void append_json(struct str *out, const struct grid_command *c, const struct grid_status *s)
{
    static const char *const keys[] = {"done", "running", "failed", "waiting", "no_data"};
    json_open(out, NULL, '{');
    json_put_string(out, "table", c->experiment->name);
    for (int i = 0; i < N_RUN_STATES; i++)
        json_put_i64(out, keys[i], (int64_t)s->counts[i]);
    const size_t n_left = s->counts[RUN_RUNNING] + s->counts[RUN_FAILED] + s->counts[RUN_WAITING];
    json_put_f64(out, "seconds_left", s->left_s > 0.0 || n_left == 0 ? s->left_s : (double)NAN);
    json_open(out, "runs", '[');
    for (size_t i = 0; i < s->n; i++)
        put_run(out, &c->grid.jobs[i], &s->runs[i]);
    json_close(out, ']');
    json_close(out, '}');
    str_append(out, "\n");
}

int grid_print_status(const struct grid_command *c)
{
    struct grid_status s = {0};
    struct str out = {0};
    int status = grid_status_read(&s, &c->grid, slurm_runs_job);
    if (status == OK && opt_given(c->v, "json"))
        append_json(&out, c, &s);
    for (size_t i = 0; status == OK && !opt_given(c->v, "json") && i < s.n; i++)
        append_run(&out, &c->grid.jobs[i], &s.runs[i]);
    if (status == OK && !opt_given(c->v, "json"))
        append_summary(&out, &s);
    if (status == OK)
        status = cmd_print(&out);
    str_free(&out);
    grid_status_free(&s);
    return status;
}
