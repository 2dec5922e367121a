/** What the parts of prompt grid share: its words, its plan. */
#ifndef PROMPT_SRC_CLI_GRID_COMMAND_H
#define PROMPT_SRC_CLI_GRID_COMMAND_H

#include "experiment_args.h"
#include "grid_places.h"
#include "prompt/base/log.h"
#include "prompt/grid/grid.h"

struct grid_command {
    const struct opt_values *v; /* borrowed */
    struct experiment_args args;
    struct experiment *experiment; /* owned */
    struct grid_options options;
    struct grid_model model;
    struct grid grid;
    struct grid_places places;
    struct str_list task_runs, task_datasets; /* of --only and --task */
    struct log log;
    size_t n_to_run;
};

/** The finished table from the records that are there, on stdout and as files. */
int grid_make_table(struct grid_command *c);

/** --dry-run: every job with its state, and the commands of those that would run. */
int grid_print_plan(const struct grid_command *c);
/** --list: a shell command a line for each run that is left, then that of the table as a comment. */
int grid_print_list(const struct grid_command *c);
/** --status, as a table or, with --json, as JSON. */
int grid_print_status(const struct grid_command *c);

#endif
