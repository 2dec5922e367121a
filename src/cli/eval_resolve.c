/* The files, configuration, classes and data sets of prompt eval. */
#include "eval_resolve.h"

#include <stdlib.h>

#include "cmd_targets.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/report/folder.h"
#include "prompt/report/targets.h"
#include "prompt/run/class_check.h"

/* Options whose file is of one list of classes on one data set. */
static const char *const one_list_options[] = {"save-logits", "trace"};

/* ---------------------------------------------------------------- configuration */

/* Finds the files: --run names a run folder or a checkpoint file; results go beside it, or into --out. */
static int find_files(struct evaluation *e)
{
    const char *run = opt_text(e->v, "run");
    const char *out = opt_text(e->v, "out");
    if (!run && !out)
        return OK;
    char *run_path = path_absolute(run ? run : ""), *dir = NULL;
    if (run_path && run) {
        const bool is_dir = !str_ends_with(run, ".safetensors");
        e->checkpoint_path = is_dir ? path_join(run_path, RUN_CHECKPOINT_FILE) : str_dup(run_path);
        dir = out ? path_absolute(out) : is_dir ? str_dup(run_path) : path_dir(run_path);
    } else if (run_path) {
        dir = path_absolute(out);
    }
    if (dir)
        e->results_path = path_join(dir, RUN_RESULTS_FILE);
    free(run_path);
    free(dir);
    return (run && !e->checkpoint_path) || !e->results_path ? ERR_MEMORY : OK;
}

static int check_unchanged(const struct config *c, const struct config *trained)
{
    /* keys that an evaluation may set to other values than the training had */
    static const char *const may_differ[] = {"data.dataset", "data.skip_bad_images", "precision", "encoder",
                                             NULL};
    struct str here = {0};
    struct str there = {0};
    int status = OK;
    const size_t i = config_first_difference(&here, &there, c, trained, may_differ);
    if (i < config_n_keys())
        status = error_set(ERR_USAGE, "%s is %s here, but the run was trained with %s", config_key(i)->key,
                           str_text(&here), str_text(&there));
    str_free(&here);
    str_free(&there);
    return status;
}

static bool is_given(const struct config *c, const char *key)
{
    return c->origins[config_find(key)] == CONFIG_COMMAND_LINE;
}

/* Takes this machine's device or precision if those of the training are not available. */
static int adapt_to_machine(struct evaluation *e)
{
    struct device device;
    int status = OK;
    if (!is_given(&e->config, "device") && device_parse(&device, e->config.device) != OK) {
        log_info(&e->log, "note: the run was trained on %s, which this machine does not have",
                 e->config.device);
        status = config_set_key(&e->config, "device", "auto");
    }
    if (status == OK)
        status = device_parse(&device, e->config.device);
    if (status == OK && !is_given(&e->config, "precision") && e->config.precision == PRECISION_FP16 &&
        device.kind == DEVICE_CPU) {
        log_info(&e->log, "note: the run was trained in fp16; on a CPU it is evaluated in fp32");
        e->config.precision = PRECISION_FP32;
    }
    return status;
}

/* The configuration beside the checkpoint, which knows where model and data were in training; NULL if it is
 * not there, or out of memory. Owned. */
static char *find_run_config(int *status, const struct evaluation *e)
{
    char *dir = path_dir(e->checkpoint_path);
    char *path = dir ? path_join(dir, RUN_CONFIG_FILE) : NULL;
    *status = path ? OK : ERR_MEMORY;
    free(dir);
    if (path && file_exists(path))
        return path;
    free(path);
    return NULL;
}

/* Takes --datasets, else the data set of the configuration. */
static int choose_targets(struct evaluation *e)
{
    int status = cmd_read_targets(&e->targets, e->v);
    if (status == OK && e->targets.n == 0 && e->config.data_dataset[0] != '\0')
        status = targets_parse(&e->targets, e->config.data_dataset);
    for (size_t i = 0; status == OK && e->targets.n > 1 && i < 2; i++)
        if (opt_given(e->v, one_list_options[i]))
            status = error_set(ERR_USAGE, "--%s takes one data set", one_list_options[i]);
    return status;
}

/* The configuration of the run, with the command line's keys over it. */
static int resolve_from_run(struct evaluation *e)
{
    int status = provenance_read(&e->provenance, &e->progress, e->checkpoint_path);
    if (status != OK)
        return status;
    if (opt_given(e->v, "config"))
        return error_set(ERR_USAGE, "--run and --config exclude each other: a run carries its configuration");
    if (e->progress.step == 0 && !opt_given(e->v, "untrained"))
        return error_set(ERR_USAGE, "'%s' holds prompts that are not trained yet; --untrained evaluates them",
                         e->checkpoint_path);
    char *run_config = find_run_config(&status, e);
    struct config_sources run = {.run_text = e->provenance.config, .run_name = e->checkpoint_path};
    struct config trained = {0};
    if (status == OK)
        status = config_resolve(&trained, &run);
    run.run_file = run_config;
    if (status == OK && (status = opt_resolve(&e->config, e->v, &run)) == OK &&
        (status = check_unchanged(&e->config, &trained)) == OK)
        status = choose_targets(e);
    if (status == OK) /* the run stays one of the data set that it was trained on */
        status = config_set_key(&e->config, "data.dataset", trained.data_dataset);
    config_free(&trained);
    free(run_config);
    return status == OK ? adapt_to_machine(e) : status;
}

static int resolve_config(struct evaluation *e)
{
    int status = find_files(e);
    if (status == OK && e->checkpoint_path)
        return resolve_from_run(e);
    if (status == OK)
        status = opt_resolve(&e->config, e->v, NULL);
    if (status == OK && config_trains(&e->config) && !opt_given(e->v, "untrained"))
        status = error_set(ERR_USAGE,
                           "method '%s' has prompts to train: give --run DIR, or --untrained to evaluate "
                           "them as they start",
                           method_kind_names[e->config.method]);
    if (status == OK)
        status = choose_targets(e);
    if (status == OK && e->config.data_dataset[0] == '\0' && e->targets.n > 0)
        status = config_set_key(&e->config, "data.dataset", e->targets.items[0]);
    return status;
}

/* Takes --classes, else the lists that fit the training. */
static int choose_subsets(struct evaluation *e)
{
    static const char *const names[] = {"all", "base", "new", "novel", NULL}; /* the paper says novel */
    bool chosen[4] = {false};
    class_check_lists(e->subsets, &e->config);
    int status = opt_choose(chosen, e->v, "classes", names);
    if (opt_given(e->v, "classes")) {
        e->subsets[CLASS_SUBSET_ALL] = chosen[0];
        e->subsets[CLASS_SUBSET_BASE] = chosen[1];
        e->subsets[CLASS_SUBSET_NEW] = chosen[2] || chosen[3];
    }
    int n = e->subsets[0] + e->subsets[1] + e->subsets[2];
    for (size_t i = 0; status == OK && n != 1 && i < 2; i++)
        if (opt_given(e->v, one_list_options[i]))
            status = error_set(ERR_USAGE, "--%s takes exactly one of --classes base, new or all",
                               one_list_options[i]);
    return status;
}

int eval_resolve(struct evaluation *e)
{
    int status = OK;
    if ((status = opt_i64(&e->limit, e->v, "limit", 1, INT64_MAX)) == OK &&
        (status = resolve_config(e)) == OK)
        status = choose_subsets(e);
    return status == OK ? config_check(&e->config) : status;
}
