/* What the files of prompt eval share. */
#ifndef PROMPT_SRC_CLI_EVAL_INTERNAL_H
#define PROMPT_SRC_CLI_EVAL_INTERNAL_H

#include "cmd.h"
#include "eval_table.h"
#include "prompt/run/results.h"

enum { N_SUBSETS = 3 };

/* One call of the command. */
struct evaluation {
    const struct opt_values *v;
    struct config config;
    struct log log;
    struct session *session;
    struct str_list targets;   /* names of the data sets to evaluate on */
    struct dataset **datasets; /* [targets.n]; NULL: not there */
    struct method *method;
    struct provenance provenance; /* of --run */
    struct progress progress;
    char *checkpoint_path; /* NULL without --run */
    char *results_path;    /* NULL: records are not kept */
    int64_t limit;
    bool subsets[N_SUBSETS];                               /* by enum class_subset */
    double accuracy[N_SUBSETS][METHOD_MAX_ITERATIONS + 1]; /* of the data set at hand */
    double sums[N_SUBSETS][METHOD_MAX_ITERATIONS + 1];     /* over the data sets */
    size_t n_evaluated, n_failed;                          /* data sets, whole or not */
    bool (*left_out)[N_SUBSETS]; /* [targets.n]: lists that cannot be evaluated beside others that can */
    int left_out_status;         /* of the first such list, and why */
    struct str left_out_error;
    struct eval_table table;
    struct str records; /* what --json writes, separated by commas */
};

/* The configuration of the run or of the command line, and what is to be evaluated. */
int eval_resolve(struct evaluation *e);

/* ---------------------------------------------------------------- data (eval_data.c) */

/** The images of a list, after --limit; none is an error, and so is one that is missing. */
int eval_list_images(struct item_list *out, const struct evaluation *e, const struct dataset *d,
                     enum class_subset subset);
/**
 * Every data set, and every list, before the model. A list that cannot be evaluated is left out if another
 * one of its data set can; a data set of which none can ends an evaluation on it alone, and is named among
 * several.
 */
int eval_open_datasets(struct evaluation *e);
/** The same with the names of classes; the model must be open. */
int eval_check_names(struct evaluation *e);
/** Leaves a list of data set i out that failed with `status`; that status if it is the last, or must end all.
 */
int eval_leave_out(struct evaluation *e, size_t i, enum class_subset subset, int status);
/** Whether no list of data set i is left out. */
bool eval_is_whole(const struct evaluation *e, size_t i);

#endif
