/* prompt eval */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "eval_internal.h"
#include "prompt/base/file.h"
#include "prompt/base/json.h"
#include "prompt/run/interrupt.h"
#include "prompt/run/targets.h"

static const enum class_subset order[N_SUBSETS] = {CLASS_SUBSET_BASE, CLASS_SUBSET_NEW, CLASS_SUBSET_ALL};

/* ---------------------------------------------------------------- opening */

/* What cannot be written is said before the evaluation, not after it. */
static int check_outputs(const struct evaluation *e)
{
    const char *const paths[] = {opt_text(e->v, "json"), opt_text(e->v, "save-logits"),
                                 opt_text(e->v, "trace")};
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

/* The images of a half, after --limit; none is an error, and so is one that is missing. */
static int list_images(struct item_list *out, const struct evaluation *e, const struct dataset *d,
                       enum class_subset subset)
{
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
static int check_lists(const struct evaluation *e, const struct dataset *d)
{
    int status = OK;
    for (int i = 0; status == OK && i < N_SUBSETS; i++) {
        struct item_list items = {0};
        status = e->subsets[i] ? list_images(&items, e, d, (enum class_subset)i) : OK;
        item_list_free(&items);
    }
    return status;
}

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

/* Every data set before the model. One that is not there ends an evaluation on it alone; of several it is
 * named. */
static int open_datasets(struct evaluation *e)
{
    e->datasets = calloc(e->targets.n + 1, sizeof(struct dataset *));
    if (!e->datasets)
        return error_out_of_memory();
    size_t n = 0;
    int status = OK;
    for (size_t i = 0; i < e->targets.n; i++) {
        status = session_open_dataset(&e->datasets[i], e->session, e->targets.items[i]);
        if (status == OK)
            status = check_lists(e, e->datasets[i]);
        if (e->targets.n == 1 || status == ERR_MEMORY)
            return status;
        n += status == OK;
        if (status == OK)
            continue;
        log_warning(&e->log, "%s", error_message());
        dataset_free(e->datasets[i]);
        e->datasets[i] = NULL;
    }
    return n > 0 ? OK : error_context("none of the %zu data sets is there; the last", e->targets.n);
}

/* Classes of the training; what is not trained takes those of the first data set. */
static int64_t n_train_classes(const struct evaluation *e)
{
    int64_t first = 0, n = 0;
    size_t i = 0;
    if (e->checkpoint_path)
        return e->provenance.n_classes;
    while (!e->datasets[i])
        i++;
    class_subset_range(&first, &n, (enum class_subset)e->config.data_classes, e->datasets[i]->n_classes);
    return n;
}

static int open_all(struct evaluation *e)
{
    int status = session_open(&e->session, &e->config, &e->log);
    if (status == OK)
        status = open_datasets(e);
    if (status == OK)
        status = session_open_model(e->session);
    if (status == OK && e->checkpoint_path)
        status = check_weights(e);
    if (status == OK)
        status = session_create_method(&e->method, e->session, n_train_classes(e));
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
    int status = eval_print_row(&e->table, classes->dataset->name, class_subset_names[classes->subset],
                                m->n_images, classes->n, accuracy);
    if (status == OK && per_class)
        status = eval_print_classes(classes, m);

    const char *logits_path = opt_text(e->v, "save-logits");
    if (status == OK && logits_path)
        status = eval_save_logits(logits_path, result, items);
    const char *trace_path = opt_text(e->v, "trace");
    if (status == OK && trace_path)
        status = eval_save_trace(trace_path, result, items, classes);
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

static int evaluate(struct evaluation *e, const struct dataset *d, enum class_subset subset)
{
    struct class_list classes = {0};
    struct item_list items = {0};
    struct eval_result result = {0};
    int status = class_list_open(&classes, e->session, d, subset, e->config.eval_batch_size);
    if (status == OK && e->checkpoint_path)
        status = checkpoint_check_classes(&e->provenance, e->method, classes.names, classes.n);
    if (status == OK)
        status = list_images(&items, e, d, subset);
    if (status == OK)
        status = eval_run(&result, e->session, e->method, &classes, &items,
                          opt_given(e->v, "save-logits") || opt_given(e->v, "trace"));
    if (status == OK && result.n_damaged > 0)
        log_warning(e->session->log, "%lld image%s damaged and read all the same; the first: %s",
                    (long long)result.n_damaged, result.n_damaged == 1 ? "" : "s", result.first_damaged);
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

static bool has_halves(const struct evaluation *e)
{
    return e->subsets[CLASS_SUBSET_BASE] && e->subsets[CLASS_SUBSET_NEW];
}

static void halves_mean(double *out, const struct evaluation *e, double accuracy[][METHOD_MAX_ITERATIONS + 1])
{
    for (int64_t n = 0; n <= e->method->options.n_iterations; n++)
        out[n] = harmonic_mean(accuracy[CLASS_SUBSET_BASE][n], accuracy[CLASS_SUBSET_NEW][n]);
}

/* The lists of one data set, and HM. */
static int evaluate_dataset(struct evaluation *e, const struct dataset *d)
{
    double hm[METHOD_MAX_ITERATIONS + 1];
    int status = OK;
    for (size_t i = 0; status == OK && i < N_SUBSETS; i++) {
        if (!e->subsets[order[i]])
            continue;
        status = evaluate(e, d, order[i]);
    }
    for (size_t i = 0; status == OK && i < N_SUBSETS; i++)
        for (int64_t n = 0; e->subsets[i] && n <= e->method->options.n_iterations; n++)
            e->sums[i][n] += e->accuracy[i][n];
    if (status != OK || !has_halves(e))
        return status;
    halves_mean(hm, e, e->accuracy);
    return eval_print_row(&e->table, d->name, "HM", 0, 0, hm);
}

/* One that fails ends an evaluation on it alone; of several it is named, and the others go on. */
static int evaluate_datasets(struct evaluation *e)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < e->targets.n; i++) {
        const char *name = e->targets.items[i];
        if (!e->datasets[i]) {
            status = eval_print_without(&e->table, name, "not there");
            continue;
        }
        status = evaluate_dataset(e, e->datasets[i]);
        e->n_evaluated += status == OK;
        if (status == OK || e->targets.n == 1 || status == ERR_MEMORY || status == ERR_INTERRUPTED)
            continue;
        e->n_failed++;
        log_warning(&e->log, "%s", error_message());
        status = eval_print_without(&e->table, name, "failed");
    }
    return status;
}

/* Means over the data sets that ran; HM is that of the means. */
static int print_average(struct evaluation *e)
{
    double hm[METHOD_MAX_ITERATIONS + 1];
    struct str name = {0};
    int status = OK;
    if (e->targets.n < 2 || e->n_evaluated == 0)
        return OK;
    str_appendf(&name, "average %zu/%zu", e->n_evaluated, e->targets.n);
    for (size_t i = 0; status == OK && i < N_SUBSETS; i++) {
        double *sums = e->sums[order[i]];
        for (int64_t n = 0; n <= e->method->options.n_iterations; n++)
            sums[n] /= (double)e->n_evaluated;
        if (e->subsets[order[i]])
            status = eval_print_row(&e->table, str_text(&name), class_subset_names[order[i]], 0, 0, sums);
    }
    if (status == OK && has_halves(e)) {
        halves_mean(hm, e, e->sums);
        status = eval_print_row(&e->table, str_text(&name), "HM", 0, 0, hm);
    }
    str_free(&name);
    return status;
}

static int finish(struct evaluation *e)
{
    double hm[METHOD_MAX_ITERATIONS + 1];
    const bool is_one = has_halves(e) && e->targets.n == 1;
    int status = print_average(e);
    if (is_one)
        halves_mean(hm, e, e->accuracy);
    if (status == OK && e->limit > 0) {
        struct str note = {0};
        str_appendf(&note, "limited to %" PRId64 " images of each list: not a result\n", e->limit);
        status = cmd_print(&note);
        str_free(&note);
    }
    return status == OK ? write_json(e, is_one ? hm : NULL) : status;
}

static int run(struct evaluation *e)
{
    log_init(&e->log, opt_given(e->v, "quiet"));
    int status = eval_resolve(e);
    if (status == OK)
        status = check_outputs(e);
    if (status == OK) {
        interrupt_install();
        status = open_all(e);
    }
    if (status == OK) {
        e->table.n_iterations = e->method->options.n_iterations;
        e->table.has_datasets = e->targets.n > 1;
        status = evaluate_datasets(e);
    }
    if (status == OK)
        status = finish(e);
    if (status == OK && e->n_failed > 0)
        status =
            error_set(ERR_IO, "the evaluation on %zu of %zu data sets failed", e->n_failed, e->targets.n);
    return status;
}

int cmd_eval(const struct opt_values *v)
{
    struct evaluation e = {.v = v};
    int status = config_init(&e.config);
    if (status == OK)
        status = run(&e);
    str_free(&e.records);
    method_free(e.method);
    for (size_t i = 0; e.datasets && i < e.targets.n; i++)
        dataset_free(e.datasets[i]);
    free(e.datasets);
    str_list_free(&e.targets);
    session_close(e.session);
    provenance_free(&e.provenance);
    free(e.checkpoint_path);
    free(e.results_path);
    config_free(&e.config);
    return status;
}
