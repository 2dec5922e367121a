/* prompt grid: an experiment of the paper, run by run. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_print.h"
#include "grid_command.h"
#include "grid_run.h"
#include "grid_slurm.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/path.h"
#include "prompt/grid/status.h"
#include "prompt/grid/tasks.h"
#include "prompt/report/targets.h"
#include "prompt/run/session.h"
#include "shared_options.h"

/* ---------------------------------------------------------------- options */

static const struct opt run_options[] = {
    {"out", "DIR", NULL, false, "folder of the runs and of the finished table"},
    {"name", "NAME", NULL, false,
     "name of the table's files (that of the table, with -part for a part or other settings)"},
    {"max-steps", "N", NULL, false, "stop each training after N steps: a try, never a result"},
    {"limit", "N", NULL, false, "evaluate on N images of each list: a try, never a result"},
    {"data", "DIR", "data.root", false, NULL},
    {"model", "FILE", "model.path", false, NULL},
    {.name = NULL},
};

static const struct opt instead_options[] = {
    {"dry-run", NULL, NULL, false, "print the plan and the commands, then stop"},
    {"print-folders", NULL, NULL, false, "print the folder of every run, then stop"},
    {"list", NULL, NULL, false,
     "print a shell command a line for each run that is left, for GNU parallel or ssh"},
    {"status", NULL, NULL, false, "print how far each run is, where it runs and why it failed, then stop"},
    {"json", NULL, NULL, false, "print the status as JSON"},
    {"table-only", NULL, NULL, false, "make the table of the runs that are there, and run nothing"},
    {"only", "NAME", NULL, false,
     "do the run of this name alone, without the table; its folder is NAME, below that of --out"},
    {"task", "I", NULL, false, "run the I-th task of --task-file alone, without the table"},
    {"task-file", "FILE", NULL, false, "the tasks of a job array, which --slurm writes"},
    {.name = NULL},
};

static const struct opt_group groups[] = {{"Experiment", experiment_options},
                                          {"Run", run_options},
                                          {"Several at a time", grid_place_options},
                                          {"Instead of running", instead_options},
                                          {"Slurm", grid_slurm_options},
                                          {"Machine", machine_options},
                                          {.title = NULL}};

static const char notes[] =
    "Runs that are done already, by their records, configuration and weights, are not run again, and\n"
    "interrupted ones continue. A run that fails is tried once more and then reported, and the others\n"
    "continue. Any number of grids, tasks and machines may work in one folder: each run is claimed by one.\n"
    "\n"
    "Examples:\n"
    "  prompt grid --table 1 --data DIR --model FILE --out runs --devices cuda:0,cuda:1 --jobs-per-device 2\n"
    "  prompt grid --table 1 --data DIR --model FILE --out runs --slurm jobs --time 4:00:00 --submit";

/* ---------------------------------------------------------------- the plan */

static void append_names(struct str *out, const struct str_list *names)
{
    for (size_t i = 0; i < names->n; i++)
        str_appendf(out, "%s%s", i > 0 ? ", " : "", target_display_name(names->items[i]));
    str_append(out, names->n == 0 ? "none" : "");
}

static void describe(struct grid_command *c)
{
    const struct grid *g = &c->grid;
    struct str there = {0};
    struct str absent = {0};
    append_names(&there, &g->setup.there);
    append_names(&absent, &g->setup.absent);
    log_info(&c->log, "%s", g->setup.experiment->title);
    log_info(&c->log, "there:     %s", str_text(&there));
    log_info(&c->log, "not there: %s", str_text(&absent));
    for (size_t i = 0; i < g->setup.reasons.n; i++)
        log_info(&c->log, "           %s", g->setup.reasons.items[i]);
    for (size_t i = 0; i < g->n_jobs; i++)
        if (g->jobs[i].aside)
            log_info(&c->log, "note:      %s", g->jobs[i].aside);
    log_info(&c->log, "runs:      %zu done, %zu to run, %zu without their data", grid_count(g, GRID_DONE),
             c->n_to_run, grid_count(g, GRID_NO_DATA));
    str_free(&there);
    str_free(&absent);
}

/* The folder of each job, for a script that continues with one. */
static int print_folders(const struct grid *g)
{
    struct str out = {0};
    for (size_t i = 0; i < g->n_jobs; i++)
        str_appendf(&out, "%s\n", g->jobs[i].folder);
    int status = cmd_print(&out);
    str_free(&out);
    return status;
}

/* ---------------------------------------------------------------- the command */

/* Digest and preprocessing of the weights that all rows share. */
static int read_model(struct grid_command *c)
{
    const struct experiment *x = c->experiment;
    struct config config = {0};
    struct weights *weights = NULL;
    int status = OK;
    if ((status = experiment_config(&config, x, &x->rows[0], x->datasets.items[0], &c->args.sets)) == OK &&
        (status = config_check(&config)) == OK) {
        const struct weights_options options = session_weights_options(&config);
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        if ((status = weights_open(&weights, s, config.model_path, &options)) == OK &&
            (status = weights_hash(weights)) == OK) {
            memcpy(c->model.sha256, weights->sha256, sizeof c->model.sha256);
            status = pipeline_of(&c->model.pipeline, &weights->preprocess);
        }
        weights_close(weights);
        const int closed = scope_close(s);
        status = status == OK ? closed : status;
    }
    config_free(&config);
    return status;
}

/* Words that exclude or need one another. */
static int check_words(const struct grid_command *c)
{
    static const char *const instead[] = {"dry-run",    "print-folders", "list", "status",
                                          "table-only", "only",          "task", "slurm"};
    const char *first = NULL;
    for (size_t i = 0; i < sizeof instead / sizeof instead[0]; i++) {
        if (!opt_given(c->v, instead[i]))
            continue;
        if (first)
            return error_set(ERR_USAGE, "--%s and --%s exclude each other", first, instead[i]);
        first = instead[i];
    }
    if (opt_given(c->v, "json") && !opt_given(c->v, "status"))
        return error_set(ERR_USAGE, "--json needs --status");
    if (opt_given(c->v, "task") != opt_given(c->v, "task-file"))
        return error_set(ERR_USAGE, "--task and --task-file need each other");
    for (size_t i = 0; i < c->args.sets.n; i++)
        if (opt_given(c->v, "devices") && str_starts_with(c->args.sets.items[i], "device="))
            return error_set(ERR_USAGE, "--devices and the key device exclude each other");
    return opt_text(c->v, "table")
               ? slurm_check(c->v)
               : error_set(ERR_USAGE, "no experiment: give --table NAME, as in --table 1");
}

/* Whether this process runs anything. */
static bool is_running(const struct opt_values *v)
{
    static const char *const others[] = {"dry-run", "print-folders", "list", "status", "table-only", "slurm"};
    bool runs = true;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        runs = runs && !opt_given(v, others[i]);
    return runs;
}

static int read_options(struct grid_command *c, const char *out_dir)
{
    c->options = (struct grid_options){.datasets = &c->args.datasets,
                                       .seeds = c->args.seeds,
                                       .n_seeds = c->args.n_seeds,
                                       .sets = &c->args.sets,
                                       .out_dir = out_dir};
    int status = OK;
    if ((status = check_words(c)) == OK &&
        (status = opt_i64(&c->options.max_steps, c->v, "max-steps", 1, INT64_MAX)) == OK &&
        (status = opt_i64(&c->options.limit, c->v, "limit", 1, INT64_MAX)) == OK)
        status = grid_places_open(&c->places, c->v, is_running(c->v));
    return status;
}

/* Whether some runs of the grid are done alone, and the table is left to another process. */
static bool is_part(const struct opt_values *v)
{
    return opt_given(v, "task") || opt_given(v, "only");
}

/* Makes the plan that of one run, or of one task's runs; only a task's data sets are opened. */
static int choose_runs(struct grid_command *c)
{
    int64_t task = 1;
    c->options.only = &c->task_runs;
    if (opt_given(c->v, "only"))
        return str_list_add(&c->task_runs, opt_text(c->v, "only"));
    int status = opt_i64(&task, c->v, "task", 1, INT64_MAX);
    if (status == OK)
        status = grid_tasks_read(&c->task_runs, &c->task_datasets, opt_text(c->v, "task-file"), task);
    if (c->experiment->source[0] == '\0')
        c->options.datasets = &c->task_datasets;
    return status;
}

static int check_runs(const struct grid_command *c)
{
    const char *file = opt_text(c->v, "task-file");
    for (size_t i = 0; i < c->task_runs.n; i++) {
        bool is_there = false;
        for (size_t k = 0; k < c->grid.n_jobs; k++)
            is_there = is_there || strcmp(c->grid.jobs[k].name, c->task_runs.items[i]) == 0;
        if (!is_there)
            return error_set(ERR_USAGE, "'%s' names the run '%s', which is not one of this grid's",
                             file ? file : "--only", c->task_runs.items[i]);
    }
    return OK;
}

static int plan(struct grid_command *c, const char *out_dir)
{
    int status = OK;
    if ((status = read_options(c, out_dir)) == OK &&
        (status = experiment_open(&c->experiment, c->args.tables, opt_text(c->v, "table"),
                                  &c->args.methods)) == OK &&
        (status = read_model(c)) == OK && (!is_part(c->v) || (status = choose_runs(c)) == OK) &&
        (status = grid_open(&c->grid, c->experiment, &c->options, &c->model)) == OK)
        status = check_runs(c);
    if (status == OK)
        c->n_to_run = grid_count(&c->grid, GRID_TO_RUN);
    return status;
}

/* ---------------------------------------------------------------- running */

/* A part of the grid that finds its runs taken waits for longer than a dead process keeps them. */
static const double PART_WAIT_S = CLAIM_STALE_S + 60.0;

static int say_outcome(struct grid_command *c, const struct grid_outcome *o)
{
    const size_t n = c->n_to_run;
    for (size_t i = 0; i < o->failures.n; i++)
        log_warning(&c->log, "failed: %s", o->failures.items[i]);
    if (o->failures.n > 0)
        return error_set(ERR_IO, "%zu of %zu %s failed; the same command tries again", o->failures.n, n,
                         plural(n, "run", "runs"));
    if (o->n_held > 0)
        return error_set(ERR_BUSY, "%zu of %zu %s in use by other processes; the same command continues",
                         o->n_held, n, plural(n, "run is", "runs are"));
    return OK;
}

/* How far all runs are. */
static int64_t progress_of(const struct grid *g)
{
    int64_t sum = 0;
    for (size_t i = 0; i < g->n_jobs; i++)
        sum += grid_job_progress(&g->jobs[i]);
    return sum;
}

/* Has Slurm begin a task again that is at its time limit. One that has not come any further than `before` is not
 * begun again: it never would. */
static int go_on_later(struct grid_command *c, const char *job, int64_t before)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < c->grid.n_jobs; i++)
        status = grid_job_update(&c->grid.jobs[i], &c->grid.setup);
    if (status == OK && progress_of(&c->grid) <= before)
        return error_set(ERR_INTERRUPTED,
                         "interrupted before anything new was saved; the job needs a longer time limit");
    if (status == OK && slurm_requeue(job) == OK)
        return error_set(ERR_INTERRUPTED, "interrupted; Slurm begins the job again, and it continues");
    log_warning(&c->log, "%s", error_message());
    return error_set(ERR_INTERRUPTED, "interrupted; the same command continues");
}

/* Whether this is a task of Slurm's to which the time limit has come: array.sh asks for SIGUSR1 then. */
static bool is_at_limit(const struct opt_values *v, const char *job)
{
    return opt_given(v, "task") && job[0] != '\0' && interrupt_signal() == SIGUSR1;
}

/* The runs, and, unless they are a part, the table. */
static int run_here(struct grid_command *c)
{
    struct grid_outcome outcome = {0};
    const struct grid_run_options options = {.places = &c->places,
                                             .is_quiet = opt_given(c->v, "quiet"),
                                             .wait_s = is_part(c->v) ? PART_WAIT_S : -1.0,
                                             .runs_job = slurm_runs_job};
    const int64_t before = progress_of(&c->grid);
    char job[64];
    claim_job(job, sizeof job);
    interrupt_install();
    int status = grid_run(&outcome, &c->grid, &options, &c->log);
    if (status == ERR_INTERRUPTED && is_at_limit(c->v, job))
        status = go_on_later(c, job, before);
    if (status == OK && !is_part(c->v))
        status = grid_make_table(c);
    if (status == OK)
        status = say_outcome(c, &outcome);
    grid_outcome_free(&outcome);
    return status;
}

/* The table of the runs that are there, after the reasons of those that failed. */
static int make_table_only(struct grid_command *c)
{
    struct grid_status s = {0};
    int status = grid_status_read(&s, &c->grid, slurm_runs_job);
    for (size_t i = 0; status == OK && i < s.n; i++)
        if (s.runs[i].state == RUN_FAILED)
            log_warning(&c->log, "failed: %s: %s", c->grid.jobs[i].folder, s.runs[i].error);
    grid_status_free(&s);
    return status == OK ? grid_make_table(c) : status;
}

static int run(struct grid_command *c, const char *out_dir)
{
    int status = plan(c, out_dir);
    if (status != OK)
        return status;
    if (opt_given(c->v, "print-folders"))
        return print_folders(&c->grid);
    if (opt_given(c->v, "status"))
        return grid_print_status(c);
    describe(c);
    return opt_given(c->v, "dry-run")      ? grid_print_plan(c)
           : opt_given(c->v, "list")       ? grid_print_list(c)
           : opt_given(c->v, "slurm")      ? slurm_write(c)
           : opt_given(c->v, "table-only") ? make_table_only(c)
                                           : run_here(c);
}

static int cmd_grid(const struct opt_values *v)
{
    struct grid_command c = {.v = v};
    log_init(&c.log, opt_given(v, "quiet"));
    const char *out = opt_text(v, "out");
    char *out_dir = NULL;
    int status = OK;
    if ((status = (out ? OK : error_set(ERR_USAGE, "no folder of runs: give --out DIR"))) == OK &&
        (status = ((out_dir = path_absolute(out)) ? OK : ERR_MEMORY)) == OK &&
        (status = experiment_args_read(&c.args, v)) == OK)
        status = run(&c, out_dir);
    grid_close(&c.grid);
    pipeline_free(&c.model.pipeline);
    experiment_free(c.experiment);
    experiment_args_free(&c.args);
    grid_places_free(&c.places);
    str_list_free(&c.task_runs);
    str_list_free(&c.task_datasets);
    free(out_dir);
    return status;
}

const struct command command_grid = {
    "grid", NULL, NULL, cmd_grid, groups, "run an experiment of the paper: methods, data sets and seeds",
    notes};
