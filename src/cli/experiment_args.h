/** The options that prompt grid and prompt results share: which rows, data sets, seeds and settings. */
#ifndef PROMPT_SRC_CLI_EXPERIMENT_ARGS_H
#define PROMPT_SRC_CLI_EXPERIMENT_ARGS_H

#include "opt.h"
#include "prompt/report/scores.h"

extern const struct opt experiment_options[];

struct experiment_args {
    char *tables;             /* path of tables.json */
    struct str_list methods;  /* empty: every row that is not optional */
    struct str_list datasets; /* empty: all of the experiment */
    struct str_list sets;     /* KEY=VALUE of --set and of options that are experiment keys */
    int64_t *seeds;
    size_t n_seeds;
};

int experiment_args_read(struct experiment_args *out, const struct opt_values *v);
void experiment_args_free(struct experiment_args *a);

/** Whether the settings are others than the table's. */
bool experiment_args_change(const struct experiment_args *a);

/** Their options of scores_make. */
struct score_options experiment_args_scores(const struct experiment_args *a, const struct opt_values *v);

#endif
