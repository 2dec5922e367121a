/* prompt grid: an experiment of the paper, run by run. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_print.h"
#include "experiment_args.h"
#include "grid_run.h"
#include "grid_words.h"
#include "prompt/base/file.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/lock.h"
#include "prompt/base/path.h"
#include "prompt/base/process.h"
#include "prompt/report/folder.h"
#include "prompt/report/targets.h"
#include "prompt/run/session.h"
#include "shared_options.h"

/* ---------------------------------------------------------------- options */

static const struct opt run_options[] = {
    {"out", "DIR", NULL, false, "folder of the runs and of the finished table"},
    {"name", "NAME", NULL, false,
     "name of the table's files (that of the table, with -part for a part or other settings)"},
    {"jobs", "N", NULL, false,
     "runs at a time, each with its share of cores and memory; 0: one per core (1)"},
    {"dry-run", NULL, NULL, false, "print the plan and the commands, then stop"},
    {"print-folders", NULL, NULL, false, "print the folder of every run, then stop"},
    {"max-steps", "N", NULL, false, "stop each training after N steps: a try, never a result"},
    {"limit", "N", NULL, false, "evaluate on N images of each list: a try, never a result"},
    {"data", "DIR", "data.root", false, NULL},
    {"model", "FILE", "model.path", false, NULL},
    {.name = NULL},
};

static const struct opt_group groups[] = {
    {"Experiment", experiment_options}, {"Run", run_options}, {"Machine", machine_options}, {.title = NULL}};

static const char notes[] =
    "Runs that are done already, by their records, configuration and weights, are not run again, and\n"
    "interrupted ones continue. A run that fails is reported, and the others continue.\n"
    "\n"
    "Examples:\n"
    "  prompt grid --table 1 --datasets caltech101 --seeds 1 --data DIR --model FILE --out runs\n"
    "  prompt grid --table 4 --data DIR --model FILE --out runs --jobs 4 --dry-run";

struct grid_command {
    const struct opt_values *v;
    struct experiment_args args;
    struct experiment *experiment;
    struct grid_options options;
    struct grid_model model;
    struct grid grid;
    struct log log;
    struct grid_run_options running;
    size_t n_to_run;
};

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

static const char *state_name(const struct grid_job *job)
{
    switch (job->state) {
    case GRID_DONE:
        return "done";
    case GRID_NO_DATA:
        return "no data";
    case GRID_TO_RUN:
        break;
    }
    return !job->must_train ? "evaluate" : job->is_begun ? "resume" : "run";
}

/* A word as a shell takes it. */
static void append_word(struct str *out, const char *word)
{
    const bool plain =
        strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=,+:") ==
        strlen(word);
    str_append(out, plain ? " " : " '");
    for (; *word != '\0'; word++)
        str_append(out, *word == '\'' ? "'\\''" : (char[]){*word, '\0'});
    str_append(out, plain ? "" : "'");
}

typedef int words_fn(struct str_list *out, const struct grid_setup *s, const struct grid_job *job);

static int append_command(struct str *out, const struct grid_setup *s, const struct grid_job *job,
                          words_fn *words)
{
    struct str_list list = {0};
    int status = words(&list, s, job);
    str_append(out, "    prompt");
    for (size_t i = 0; status == OK && i < list.n; i++)
        append_word(out, list.items[i]);
    str_append(out, "\n");
    str_list_free(&list);
    return status;
}

/* Every job with its state, and the commands of those that would run. */
static int print_plan(const struct grid_command *c)
{
    const struct grid *g = &c->grid;
    struct str out = {0};
    int status = OK;
    for (size_t i = 0; status == OK && i < g->n_jobs; i++) {
        const struct grid_job *job = &g->jobs[i];
        str_appendf(&out, "%-8s %s, %s, seed %" PRId64 "\n", state_name(job), job->row->name,
                    target_display_name(job->config.data_dataset), job->config.seed);
        if (job->state != GRID_TO_RUN)
            continue;
        if (job->must_train)
            status = append_command(&out, &g->setup, job, grid_train_words);
        if (status == OK)
            status = append_command(&out, &g->setup, job, grid_eval_words);
    }
    if (status == OK)
        status = cmd_print(&out);
    str_free(&out);
    return status;
}

/* ---------------------------------------------------------------- the table */

/* The name of the finished table's files: only the whole of it, in its own settings, takes the plain one. */
static char *table_name(const struct grid_command *c)
{
    static const int64_t all_seeds[] = {1, 2, 3};
    const struct grid_options *o = &c->options;
    const bool all = o->n_seeds == 3 && memcmp(o->seeds, all_seeds, sizeof all_seeds) == 0 &&
                     o->datasets->n == 0 && c->args.methods.n == 0;
    const bool is_whole = all && o->max_steps == 0 && o->limit == 0 && !experiment_args_change(&c->args);
    const char *name = opt_text(c->v, "name");
    return name ? str_dup(name) : str_format("%s%s", c->experiment->name, is_whole ? "" : "-part");
}

static int save(struct grid_command *c, const struct scores *scores, enum score_format format)
{
    static const char *const endings[] = {"md", "csv", "tex"};
    struct str text = {0};
    char *stem = table_name(c);
    char *name = stem ? str_format("%s.%s", stem, endings[format]) : NULL;
    char *path = name ? path_join(c->options.out_dir, name) : NULL;
    int status = path ? scores_write(&text, scores, format) : ERR_MEMORY;
    if (status == OK)
        status = file_write_atomic(path, text.data, text.len);
    if (status == OK && format == SCORE_MARKDOWN)
        status = cmd_print(&text);
    if (status == OK)
        log_info(&c->log, "wrote %s", path);
    str_free(&text);
    free(path);
    free(name);
    free(stem);
    return status;
}

static int make_table(struct grid_command *c)
{
    struct record_list records = {0};
    struct scores scores = {0};
    struct score_options options = experiment_args_scores(&c->args, c->v);
    options.weights = c->model.sha256;
    options.include_unfinished = c->options.max_steps > 0 || c->options.limit > 0;
    int status = records_read(&records, c->options.out_dir);
    if (status == OK)
        status = scores_make(&scores, c->experiment, &records, &options);
    for (int format = SCORE_MARKDOWN; status == OK && format <= SCORE_LATEX; format++)
        status = save(c, &scores, (enum score_format)format);
    scores_free(&scores);
    records_free(&records);
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

static int plan(struct grid_command *c, const char *out_dir)
{
    c->options = (struct grid_options){.datasets = &c->args.datasets,
                                       .seeds = c->args.seeds,
                                       .n_seeds = c->args.n_seeds,
                                       .sets = &c->args.sets,
                                       .out_dir = out_dir};
    const char *table = opt_text(c->v, "table");
    int status = OK;
    if ((status = (table ? OK : error_set(ERR_USAGE, "no experiment: give --table NAME, as in --table 1"))) ==
            OK &&
        (status = opt_i64(&c->options.max_steps, c->v, "max-steps", 1, INT64_MAX)) == OK)
        status = opt_i64(&c->options.limit, c->v, "limit", 1, INT64_MAX);
    c->running = (struct grid_run_options){.n_at_once = 1, .is_quiet = opt_given(c->v, "quiet")};
    if (status == OK)
        status = opt_i64(&c->running.n_at_once, c->v, "jobs", 0, 1024);
    if (c->running.n_at_once == 0)
        c->running.n_at_once = process_cores();
    if (status == OK &&
        (status = experiment_open(&c->experiment, c->args.tables, table, &c->args.methods)) == OK &&
        (status = read_model(c)) == OK)
        status = grid_open(&c->grid, c->experiment, &c->options, &c->model);
    if (status == OK)
        c->n_to_run = grid_count(&c->grid, GRID_TO_RUN);
    return status;
}

/* The runs and the table, in a folder that no other grid has meanwhile. */
static int run_in(struct grid_command *c, const char *out_dir)
{
    int lock = -1;
    size_t n_failed = 0;
    interrupt_install();
    int status = folder_take(&lock, out_dir, &c->log);
    if (status != OK)
        return status;
    c->running.lock = lock;
    status = grid_run(&n_failed, &c->grid, &c->running, &c->log);
    if (status == OK)
        status = make_table(c);
    lock_release(lock);
    if (status == OK && n_failed > 0)
        status = error_set(ERR_IO, "%zu of %zu %s failed; the same command tries again", n_failed,
                           c->n_to_run, plural(c->n_to_run, "run", "runs"));
    return status;
}

static int run(struct grid_command *c, const char *out_dir)
{
    int status = plan(c, out_dir);
    if (status == OK && opt_given(c->v, "print-folders"))
        return print_folders(&c->grid);
    if (status != OK)
        return status;
    describe(c);
    return opt_given(c->v, "dry-run") ? print_plan(c) : run_in(c, out_dir);
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
    free(out_dir);
    return status;
}

const struct command command_grid = {
    "grid", NULL, NULL, cmd_grid, groups, "run an experiment of the paper: methods, data sets and seeds",
    notes};
