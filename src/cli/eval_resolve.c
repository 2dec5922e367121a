/* The files, configuration, classes and data sets of prompt eval. */
#include "eval_resolve.h"

#include <stdlib.h>

#include "cmd_targets.h"
#include "prompt/base/path.h"
#include "prompt/report/folder.h"
#include "prompt/report/targets.h"
#include "prompt/run/class_check.h"

/* Options whose file is of one list of classes on one data set. */
static const char *const one_list_options[] = {"save-logits", "trace"};

/* ---------------------------------------------------------------- configuration */

/* Results go into --out, else beside the checkpoint. */
static int find_results(struct evaluation *e)
{
    const char *out = opt_text(e->run.v, "out");
    if (!out && !e->run.checkpoint_path)
        return OK;
    char *dir = out ? path_absolute(out) : path_dir(e->run.checkpoint_path);
    e->results_path = dir ? path_join(dir, RUN_RESULTS_FILE) : NULL;
    free(dir);
    return e->results_path ? OK : ERR_MEMORY;
}

/* Takes --datasets, else the data set of the configuration and the command line. */
static int choose_targets(struct evaluation *e)
{
    int status = cmd_read_targets(&e->targets, e->run.v);
    if (status == OK && e->targets.n == 0 && e->run.dataset[0] != '\0')
        status = targets_parse(&e->targets, e->run.dataset);
    for (size_t i = 0; status == OK && e->targets.n > 1 && i < 2; i++)
        if (opt_given(e->run.v, one_list_options[i]))
            status = error_set(ERR_USAGE, "--%s takes one data set", one_list_options[i]);
    return status;
}

static int resolve_config(struct evaluation *e)
{
    struct config *c = &e->run.config;
    int status = OK;
    if ((status = run_open_resolve(&e->run)) == OK && (status = find_results(e)) == OK)
        status = choose_targets(e);
    if (status == OK && c->data_dataset[0] == '\0' && e->targets.n > 0)
        status = config_set_key(c, "data.dataset", e->targets.items[0]);
    return status;
}

/* Takes --classes, else the lists that fit the training. */
static int choose_subsets(struct evaluation *e)
{
    static const char *const names[] = {"all", "base", "new", "novel", NULL}; /* the paper says novel */
    bool chosen[4] = {false};
    class_check_lists(e->subsets, &e->run.config);
    int status = opt_choose(chosen, e->run.v, "classes", names);
    if (opt_given(e->run.v, "classes")) {
        e->subsets[CLASS_SUBSET_ALL] = chosen[0];
        e->subsets[CLASS_SUBSET_BASE] = chosen[1];
        e->subsets[CLASS_SUBSET_NEW] = chosen[2] || chosen[3];
    }
    int n = e->subsets[0] + e->subsets[1] + e->subsets[2];
    for (size_t i = 0; status == OK && n != 1 && i < 2; i++)
        if (opt_given(e->run.v, one_list_options[i]))
            status = error_set(ERR_USAGE, "--%s takes exactly one of --classes base, new or all",
                               one_list_options[i]);
    return status;
}

int eval_resolve(struct evaluation *e)
{
    int status = OK;
    if ((status = opt_i64(&e->limit, e->run.v, "limit", 1, INT64_MAX)) == OK &&
        (status = resolve_config(e)) == OK)
        status = choose_subsets(e);
    return status == OK ? config_check(&e->run.config) : status;
}
