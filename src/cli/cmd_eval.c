/* prompt eval */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "eval_table.h"
#include "prompt/base/file.h"
#include "prompt/base/json.h"
#include "prompt/run/interrupt.h"
#include "prompt/run/results.h"
#include "prompt/run/train.h"

enum { N_SUBSETS = 3 };

/* One call of the command. */
struct evaluation {
    const struct opt_values *v;
    struct config config;
    struct log log;
    struct session *session;
    struct dataset *dataset;
    struct method *method;
    struct provenance provenance; /* of --run */
    struct progress progress;
    char *checkpoint_path; /* NULL without --run */
    char *results_path;    /* NULL: records are not kept */
    int64_t limit;
    bool subsets[N_SUBSETS]; /* by enum class_subset */
    double accuracy[N_SUBSETS][METHOD_MAX_ITERATIONS + 1];
    struct eval_table table;
    struct str records; /* what --json writes, separated by commas */
};

/* ---------------------------------------------------------------- what is evaluated */

/* --run names a run folder, or a checkpoint file itself; results go beside it unless --out says where. */
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

/* What cannot be written is said before the evaluation, not after it. */
static int check_outputs(const struct evaluation *e)
{
    const char *const paths[] = {opt_text(e->v, "json"), opt_text(e->v, "save-logits")};
    int status = OK;
    for (size_t i = 0; status == OK && i < sizeof paths / sizeof paths[0]; i++)
        status = paths[i] ? file_check_writable(paths[i]) : OK;
    if (status != OK || !e->results_path)
        return status;
    char *dir = path_dir(e->results_path);
    status = dir ? file_make_dirs(dir) : ERR_MEMORY;
    free(dir);
    return status == OK ? results_check(e->results_path) : status;
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

/* A run may have been trained on a device, or in a precision, that is not here; then this machine's own is
 * taken. */
static int adapt_to_machine(struct evaluation *e)
{
    struct device device;
    int status = OK;
    if (!is_given(&e->config, "device") && device_parse(&device, e->config.device) != OK) {
        log_info(&e->log, "note: the run was trained on %s, which is not here", e->config.device);
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

/* Where model and data were found in training stands in the configuration beside the checkpoint, if that is
 * there. */
static int read_places(struct evaluation *e)
{
    char *dir = path_dir(e->checkpoint_path);
    char *path = dir ? path_join(dir, RUN_CONFIG_FILE) : NULL;
    char *text = NULL;
    size_t n = 0;
    int status = path ? OK : ERR_MEMORY;
    if (status == OK && file_exists(path)) {
        status = file_read(&text, &n, path);
        if (status == OK)
            status = config_read_text(&e->config, text, n, path, CONFIG_RUN);
    }
    free(text);
    free(path);
    free(dir);
    return status;
}

/* The configuration that the checkpoint carries, with the command line's keys over it. */
static int resolve_from_run(struct evaluation *e)
{
    int status = checkpoint_read_header(&e->provenance, &e->progress, e->checkpoint_path);
    if (status != OK)
        return status;
    if (opt_given(e->v, "config"))
        return error_set(ERR_USAGE, "--run and --config exclude each other: a run carries its configuration");
    if (e->progress.step == 0 && !opt_given(e->v, "untrained"))
        return error_set(ERR_USAGE,
                         "'%s' holds prompts that were not trained yet; --untrained evaluates them",
                         e->checkpoint_path);
    const char *text = e->provenance.config;
    struct config trained;
    status = config_init(&trained);
    if (status == OK)
        status = config_read_text(&trained, text, strlen(text), e->checkpoint_path, CONFIG_RUN);
    if (status == OK)
        status = read_places(e);
    if (status == OK)
        status = config_read_text(&e->config, text, strlen(text), e->checkpoint_path, CONFIG_RUN);
    if (status == OK)
        status = opt_apply_keys(&e->config, e->v);
    if (status == OK)
        status = check_unchanged(&e->config, &trained);
    config_free(&trained);
    return status == OK ? adapt_to_machine(e) : status;
}

static int resolve(struct evaluation *e)
{
    int status = find_files(e);
    if (status == OK && e->checkpoint_path)
        return resolve_from_run(e);
    if (status == OK)
        status = opt_apply_file(&e->config, e->v);
    if (status == OK)
        status = opt_apply_keys(&e->config, e->v);
    const bool has_prompts = e->config.method != METHOD_CLIP && e->config.n_iterations > 0;
    if (status == OK && has_prompts && !opt_given(e->v, "untrained"))
        status = error_set(ERR_USAGE,
                           "method '%s' has prompts to train: give --run DIR, or --untrained to evaluate "
                           "them as they start",
                           method_names[e->config.method]);
    return status;
}

/* base and new for a training on one of them, all for a training on all, only the trained ones if each class
 * has vectors of its own; or --classes. */
static int choose_subsets(struct evaluation *e)
{
    static const char *const names[] = {"all", "base", "new", "novel", NULL}; /* the paper says novel */
    bool chosen[4] = {false};
    int64_t trained_on = e->config.data_classes;
    e->subsets[CLASS_SUBSET_ALL] = trained_on == CLASS_SUBSET_ALL;
    e->subsets[CLASS_SUBSET_BASE] = e->subsets[CLASS_SUBSET_NEW] = trained_on != CLASS_SUBSET_ALL;
    const struct method_options options = session_method_options(&e->config);
    if (method_text_form(&options).per_class)
        for (int i = 0; i < N_SUBSETS; i++)
            e->subsets[i] = i == trained_on;
    int status = opt_choose(chosen, e->v, "classes", names);
    if (opt_given(e->v, "classes")) {
        e->subsets[CLASS_SUBSET_ALL] = chosen[0];
        e->subsets[CLASS_SUBSET_BASE] = chosen[1];
        e->subsets[CLASS_SUBSET_NEW] = chosen[2] || chosen[3];
    }
    int n = e->subsets[0] + e->subsets[1] + e->subsets[2];
    if (status == OK && opt_given(e->v, "save-logits") && n != 1)
        status = error_set(ERR_USAGE, "--save-logits takes exactly one of --classes base, new or all");
    return status;
}

/* ---------------------------------------------------------------- opening */

static int check_weights(struct evaluation *e)
{
    int status = weights_hash(e->session->weights);
    if (status == OK && strcmp(e->session->weights->sha256, e->provenance.weights_sha256) != 0)
        status =
            error_set(ERR_USAGE,
                      "'%s' is another model than the run was trained with (SHA-256 %.16s..., expected "
                      "%.16s...)",
                      e->session->weights->path, e->session->weights->sha256, e->provenance.weights_sha256);
    return status;
}

static int open_all(struct evaluation *e)
{
    int status = session_open(&e->session, &e->config, &e->log);
    if (status == OK)
        status = session_open_dataset(&e->dataset, e->session, e->config.data_dataset);
    if (status == OK)
        status = session_open_model(e->session);
    if (status == OK && e->checkpoint_path)
        status = check_weights(e);
    int64_t first = 0, n_train_classes = 0;
    if (status == OK) {
        class_subset_range(&first, &n_train_classes, (enum class_subset)e->config.data_classes,
                           e->dataset->n_classes);
        if (e->checkpoint_path)
            n_train_classes = e->provenance.n_classes;
        status = session_create_method(&e->method, e->session, n_train_classes);
    }
    if (status == OK && e->checkpoint_path && !opt_given(e->v, "untrained"))
        status = checkpoint_read_tensors(e->method, NULL, e->checkpoint_path);
    if (status == OK && e->checkpoint_path && e->progress.step < e->progress.n_steps)
        log_warning(&e->log,
                    "this run stopped after step %" PRId64 " of %" PRId64
                    "; its records do not count as finished",
                    e->progress.step, e->progress.n_steps);
    return status;
}

/* ---------------------------------------------------------------- evaluating */

static int keep_record(struct evaluation *e, const struct record_context *context,
                       const struct eval_result *result)
{
    struct str record = {0};
    int status = record_write(&record, context, result);
    if (status == OK && e->results_path)
        status = results_append(e->results_path, &record);
    str_appendf(&e->records, "%s%s", e->records.len > 0 ? ",\n" : "", str_text(&record));
    str_free(&record);
    return status;
}

static int report(struct evaluation *e, const struct class_list *classes, const struct item_list *items,
                  const struct eval_result *result)
{
    const struct metrics *m = &result->metrics;
    double *accuracy = e->accuracy[classes->subset];
    for (int64_t n = 0; n <= m->n_iterations; n++)
        accuracy[n] = metrics_accuracy(m, n);
    const bool per_class = opt_given(e->v, "per-class");
    int status =
        eval_print_row(&e->table, class_subset_names[classes->subset], m->n_images, classes->n, accuracy);
    if (status == OK && per_class)
        status = eval_print_classes(classes, m);

    const char *logits_path = opt_text(e->v, "save-logits");
    if (status == OK && logits_path)
        status = eval_save_logits(logits_path, result, items);
    const struct record_context context = {
        .session = e->session,
        .classes = classes,
        .items = items,
        .progress = e->checkpoint_path ? &e->progress : NULL,
        .provenance = e->checkpoint_path ? &e->provenance : NULL,
        .limit = e->limit,
        .untrained = opt_given(e->v, "untrained"),
        .per_class = per_class,
    };
    return status == OK ? keep_record(e, &context, result) : status;
}

/* The images of a half, after --limit; none is an error, and so is one that is missing. */
static int list_images(struct item_list *out, const struct evaluation *e, enum class_subset subset)
{
    const struct dataset *d = e->dataset;
    struct item_list all = {0};
    *out = (struct item_list){0};
    int status = item_list_subset(&all, &d->test, subset, d->n_classes);
    if (status == OK && all.n == 0)
        status = error_set(ERR_FORMAT, "data set '%s': the %s classes have no test images", d->name,
                           class_subset_names[subset]);
    if (status == OK)
        status = eval_limit(out, &all, e->limit);
    if (status == OK)
        status = dataset_find_files(d, out);
    item_list_free(&all);
    return status;
}

/* Every list is looked at before the first image is. */
static int check_lists(const struct evaluation *e)
{
    int status = OK;
    for (int i = 0; status == OK && i < N_SUBSETS; i++) {
        struct item_list items = {0};
        status = e->subsets[i] ? list_images(&items, e, (enum class_subset)i) : OK;
        item_list_free(&items);
    }
    return status;
}

static int evaluate(struct evaluation *e, enum class_subset subset)
{
    struct class_list classes = {0};
    struct item_list items = {0};
    struct eval_result result = {0};
    int status = class_list_open(&classes, e->session, e->dataset, subset, e->config.eval_batch_size);
    if (status == OK && e->checkpoint_path)
        status = checkpoint_check_classes(&e->provenance, e->method, classes.names, classes.n);
    if (status == OK)
        status = list_images(&items, e, subset);
    if (status == OK)
        status = eval_run(&result, e->session, e->method, &classes, &items, opt_given(e->v, "save-logits"));
    if (status == OK)
        status = report(e, &classes, &items, &result);
    eval_result_free(&result);
    item_list_free(&items);
    class_list_close(&classes);
    return status;
}

static int write_json(const struct evaluation *e, const double *hm)
{
    const char *path = opt_text(e->v, "json");
    if (!path)
        return OK;
    struct str out = {0};
    str_appendf(&out, "{\"records\": [\n%s\n], \"harmonic_mean_per_iteration\": ", str_text(&e->records));
    for (int64_t n = 0; hm && n <= e->method->options.n_iterations; n++) {
        str_append(&out, n > 0 ? ", " : "[");
        json_write_f64(&out, hm[n]);
    }
    str_append(&out, hm ? "]}\n" : "null}\n");
    int status = str_status(&out);
    if (status == OK)
        status = file_write_atomic(path, out.data, out.len);
    str_free(&out);
    return status;
}

static int finish(struct evaluation *e)
{
    double hm[METHOD_MAX_ITERATIONS + 1];
    const bool both = e->subsets[CLASS_SUBSET_BASE] && e->subsets[CLASS_SUBSET_NEW];
    for (int64_t n = 0; both && n <= e->method->options.n_iterations; n++)
        hm[n] = harmonic_mean(e->accuracy[CLASS_SUBSET_BASE][n], e->accuracy[CLASS_SUBSET_NEW][n]);
    int status = both ? eval_print_row(&e->table, "HM", 0, 0, hm) : OK;
    if (status == OK && e->limit > 0) {
        struct str note = {0};
        str_appendf(&note, "limited to %" PRId64 " images of each list: not a result\n", e->limit);
        status = cmd_print(&note);
        str_free(&note);
    }
    return status == OK ? write_json(e, both ? hm : NULL) : status;
}

static int run(struct evaluation *e)
{
    log_init(&e->log, opt_given(e->v, "quiet"));
    int status = opt_i64(&e->limit, e->v, "limit", 1, INT64_MAX);
    if (status == OK)
        status = resolve(e);
    if (status == OK)
        status = choose_subsets(e);
    if (status == OK)
        status = config_check(&e->config);
    if (status == OK)
        status = check_outputs(e);
    if (status == OK) {
        interrupt_install();
        status = open_all(e);
    }
    if (status == OK)
        status = check_lists(e);
    if (status == OK)
        e->table.n_iterations = e->method->options.n_iterations;
    static const enum class_subset order[] = {CLASS_SUBSET_BASE, CLASS_SUBSET_NEW, CLASS_SUBSET_ALL};
    for (size_t i = 0; status == OK && i < N_SUBSETS; i++)
        if (e->subsets[order[i]])
            status = evaluate(e, order[i]);
    return status == OK ? finish(e) : status;
}

int cmd_eval(const struct opt_values *v)
{
    struct evaluation e = {.v = v};
    int status = config_init(&e.config);
    if (status == OK)
        status = run(&e);
    str_free(&e.records);
    method_free(e.method);
    dataset_free(e.dataset);
    session_close(e.session);
    provenance_free(&e.provenance);
    free(e.checkpoint_path);
    free(e.results_path);
    config_free(&e.config);
    return status;
}
