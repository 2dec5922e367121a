/** One call of prompt eval: its files, configuration, classes and data sets. */
#ifndef PROMPT_SRC_CLI_EVAL_RESOLVE_H
#define PROMPT_SRC_CLI_EVAL_RESOLVE_H

#include "eval_table.h"
#include "prompt/run/results.h"
#include "run_open.h"

enum { N_SUBSETS = 3 };

/* One call of the command. */
struct evaluation {
    struct open_run run;
    struct str_list targets;   /* names of the data sets to evaluate on */
    struct dataset **datasets; /* [targets.n], owned; NULL: not there */
    char *results_path;        /* owned; NULL: records are not kept */
    int64_t limit;
    bool subsets[N_SUBSETS];                               /* by enum class_subset */
    double accuracy[N_SUBSETS][METHOD_MAX_ITERATIONS + 1]; /* of the data set at hand */
    double sums[N_SUBSETS][METHOD_MAX_ITERATIONS + 1];     /* over the data sets */
    size_t n_evaluated, n_failed;                          /* data sets, whole or not */
    bool (*left_out)[N_SUBSETS]; /* [targets.n]: lists that cannot be evaluated beside others that can */
    int left_out_status;         /* of the first such list, and why */
    struct str left_out_error;
    struct eval_table table;
    struct str records; /* for --json, separated by commas */
};

/** Reads the configuration of the run or of the command line,
 * and decides which classes and data sets to evaluate. */
int eval_resolve(struct evaluation *e);

#endif
