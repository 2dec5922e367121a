/* prompt eval */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_print.h"
#include "eval_data.h"
#include "prompt/base/file.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/json_write.h"
#include "prompt/base/path.h"
#include "prompt/report/results_file.h"
#include "prompt/report/targets.h"
#include "prompt/run/features.h"
#include "shared_options.h"

/* ---------------------------------------------------------------- options */

static const struct opt eval_options[] = {
    {"run", "DIR", NULL, false, "the run to evaluate: its configuration and its last checkpoint"},
    {"classes", "LIST", NULL, true, "base, new, all, or several separated by commas"},
    {"datasets", "LIST", NULL, true,
     "data sets to evaluate on: names, main (the eleven), cross (without ImageNet), domain (its variants), "
     "all"},
    {"limit", "N", NULL, false,
     "evaluate on N images, spread evenly over the list; never counts as finished"},
    {"per-class", NULL, NULL, false, "add the accuracy of each class, macro-F1 and the confusion matrix"},
    {"untrained", NULL, NULL, false, "evaluate the prompts as they are before training"},
    {"json", "FILE", NULL, false, "write the result records to FILE"},
    {"save-logits", "FILE", NULL, false,
     "write logits, labels and paths as safetensors; needs exactly one of --classes"},
    {"trace", "FILE", NULL, false,
     "write each image's prediction and confidence at n = 0..N as CSV; needs exactly one of --classes"},
    {"out", "DIR", NULL, false, "folder of results.json (with --run, the run's)"},
    {.name = NULL},
};

static const struct opt_group groups[] = {
    {"Evaluation", eval_options},
    {"Configuration (defaults < --run or --config < command line)", config_options},
    {"Data and model", data_options},
    {"Machine", machine_options},
    {.title = NULL},
};

static const char notes[] =
    "Examples:\n"
    "  prompt eval --run runs/caltech101-s1 --data DIR\n"
    "  prompt eval --config configs/zeroshot.json --data DIR --dataset caltech101 --model FILE";

static const enum class_subset order[N_SUBSETS] = {CLASS_SUBSET_BASE, CLASS_SUBSET_NEW, CLASS_SUBSET_ALL};

/* ---------------------------------------------------------------- opening */

/* Of several ranks the first writes. */
static bool writes(const struct evaluation *e)
{
    return ranks_is_first(e->run.v->ranks);
}

/* Reports a file that cannot be written before the evaluation, not after it. */
static int check_outputs(const struct evaluation *e)
{
    const char *const paths[] = {opt_text(e->run.v, "json"), opt_text(e->run.v, "save-logits"),
                                 opt_text(e->run.v, "trace")};
    int status = OK;
    if (!writes(e))
        return OK;
    for (size_t i = 0; status == OK && i < sizeof paths / sizeof paths[0]; i++)
        status = paths[i] ? file_check_writable(paths[i]) : OK;
    if (status != OK || !e->results_path)
        return status;
    char *dir = path_dir(e->results_path);
    status = dir ? file_make_dirs(dir) : ERR_MEMORY;
    free(dir);
    return status == OK ? results_check(e->results_path) : status;
}

/* The number of classes of the first data set, for a method without a training. */
static int64_t n_first_classes(const struct evaluation *e)
{
    int64_t first = 0, n = 0;
    size_t i = 0;
    while (!e->datasets[i])
        i++;
    class_subset_range(&first, &n, e->run.config.data_classes, e->datasets[i]->n_classes);
    return n;
}

/* Ranks agree before data sets and names, which are checked by agreements, too. */
static int open_all(struct evaluation *e)
{
    struct open_run *r = &e->run;
    int status = OK;
    if ((status = session_open(&r->session, &r->config, &r->log, r->v->ranks)) == OK)
        status = features_open_store(r->session);
    if ((status = ranks_agree(r->v->ranks, status)) == OK && (status = eval_open_datasets(e)) == OK &&
        (status = ranks_agree(r->v->ranks, run_open_model(r))) == OK && (status = eval_check_names(e)) == OK)
        status = run_open_method(r, n_first_classes(e), "its records do not count as finished");
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

/* Predictions are kept beside the records, for prompt report; those of a part of the images, or of untrained
 * prompts, would replace the run's own. */
static bool keeps_predictions(const struct evaluation *e)
{
    return e->results_path && e->limit == 0 && !opt_given(e->run.v, "untrained");
}

static int keep_predictions(const struct evaluation *e, const struct class_list *classes,
                            const struct item_list *items, const struct eval_result *result)
{
    char *dir = path_dir(e->results_path);
    char *path = dir ? predictions_path(dir, classes->dataset->name, classes->subset) : NULL;
    char *parent = path ? path_dir(path) : NULL;
    int status = parent ? file_make_dirs(parent) : ERR_MEMORY;
    if (status == OK)
        status = eval_save_trace(path, result, items, classes);
    free(parent);
    free(path);
    free(dir);
    return status;
}

static int report(struct evaluation *e, const struct class_list *classes, const struct item_list *items,
                  const struct eval_result *result)
{
    const struct metrics *m = &result->metrics;
    double *accuracy = e->accuracy[classes->subset];
    for (int64_t n = 0; n <= m->n_iterations; n++)
        accuracy[n] = metrics_accuracy(m, n);
    const bool per_class = opt_given(e->run.v, "per-class");
    const char *logits_path = opt_text(e->run.v, "save-logits"), *trace_path = opt_text(e->run.v, "trace");
    const int64_t n_by_clip = method_n_by_clip(e->run.method, &classes->texts);
    const struct eval_row row = {classes->dataset->name, class_subset_names[classes->subset], m->n_images,
                                 classes->n, n_by_clip};
    const struct record_context context = {
        .session = e->run.session,
        .classes = classes,
        .items = items,
        .progress = e->run.checkpoint_path ? &e->run.progress : NULL,
        .provenance = e->run.checkpoint_path ? &e->run.provenance : NULL,
        .n_by_clip = n_by_clip,
        .limit = e->limit,
        .untrained = opt_given(e->run.v, "untrained"),
        .per_class = per_class,
    };
    int status = OK;
    if ((status = eval_print_row(&e->table, &row, accuracy)) == OK &&
        (!per_class || (status = eval_print_classes(classes, m)) == OK) &&
        (!logits_path || (status = eval_save_logits(logits_path, result, items)) == OK) &&
        (!trace_path || (status = eval_save_trace(trace_path, result, items, classes)) == OK) &&
        (!keeps_predictions(e) || (status = keep_predictions(e, classes, items, result)) == OK))
        status = keep_record(e, &context, result);
    return status;
}

/* Warns if the classes of the training's own data set have changed since: the task is another one by the
 * same name. */
static int warn_of_other_classes(struct evaluation *e, const struct class_list *classes)
{
    const struct config *c = &e->run.config;
    char digest[17];
    if (!e->run.checkpoint_path || strcmp(classes->dataset->name, c->data_dataset) != 0 ||
        (int64_t)classes->subset != c->data_classes)
        return OK;
    int status = class_names_digest(digest, classes->names, classes->n);
    if (status == OK && strcmp(digest, e->run.provenance.class_digest) != 0)
        log_warning(&e->run.log,
                    "the %s classes of data set '%s' have changed since the training: %" PRId64
                    " (%s ... %s) here, %" PRId64 " then",
                    class_subset_names[classes->subset], classes->dataset->name, classes->n,
                    classes->names[0], classes->names[classes->n - 1], e->run.provenance.n_classes);
    return status;
}

static int measure(struct eval_result *out, struct class_list *classes, struct item_list *items,
                   struct evaluation *e, const struct dataset *d, enum class_subset subset)
{
    const struct eval_options options = {
        .keep_logits = writes(e) && opt_given(e->run.v, "save-logits"),
        .keep_predictions = writes(e) && (opt_given(e->run.v, "trace") || keeps_predictions(e))};
    int status = class_list_open(classes, e->run.session->scope, e->run.session, e->run.session->clip, d,
                                 subset, (struct class_list_use){e->run.config.eval_batch_size, false});
    if (status == OK && e->run.checkpoint_path)
        status = checkpoint_check_classes(&e->run.provenance, e->run.method, classes->names, classes->n);
    if (status == OK && e->run.checkpoint_path &&
        (status = class_list_match(classes, &e->run.provenance)) == OK)
        status = method_check_classes(e->run.method, &classes->texts);
    if (status == OK && (status = warn_of_other_classes(e, classes)) == OK)
        status = eval_list_images(items, e, d, subset);
    status = ranks_agree(e->run.v->ranks, status);
    if (status == OK)
        status = eval_run(out, e->run.session, e->run.method, classes, items, options);
    return status;
}

/* Leaves out a list that cannot be measured; a file that cannot be written ends the evaluation. */
static int evaluate(struct evaluation *e, size_t i, enum class_subset subset)
{
    struct class_list classes = {0};
    struct item_list items = {0};
    struct eval_result result = {0};
    int status = measure(&result, &classes, &items, e, e->datasets[i], subset);
    if (status == OK)
        session_warn_damaged(e->run.session, (size_t)result.n_damaged, result.first_damaged);
    if (status == OK)
        status = ranks_follow(e->run.v->ranks, writes(e) ? report(e, &classes, &items, &result) : OK);
    else
        status = eval_leave_out(e, i, subset, status);
    eval_result_free(&result);
    item_list_free(&items);
    class_list_close(&classes);
    return status;
}

static int write_json(const struct evaluation *e, const double *hm)
{
    const char *path = opt_text(e->run.v, "json");
    if (!path || !writes(e))
        return OK;
    struct str out = {0};
    str_appendf(&out, "{\"records\": [\n%s\n]", str_text(&e->records));
    if (hm)
        json_put_f64s(&out, "harmonic_mean_per_iteration", hm,
                      (size_t)e->run.method->options.n_iterations + 1);
    else
        json_put_string(&out, "harmonic_mean_per_iteration", NULL);
    str_append(&out, "}\n");
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
    for (int64_t n = 0; n <= e->run.method->options.n_iterations; n++)
        out[n] = harmonic_mean(accuracy[CLASS_SUBSET_BASE][n], accuracy[CLASS_SUBSET_NEW][n]);
}

/* Evaluates the lists of one data set that can be evaluated, and prints HM if none is left out. */
static int evaluate_dataset(struct evaluation *e, size_t i)
{
    const struct dataset *d = e->datasets[i];
    double hm[METHOD_MAX_ITERATIONS + 1];
    int status = OK;
    for (size_t k = 0; status == OK && k < N_SUBSETS; k++) {
        const enum class_subset subset = order[k];
        if (!e->subsets[subset])
            continue;
        if (!e->left_out[i][subset])
            status = evaluate(e, i, subset);
        if (status == OK && e->left_out[i][subset])
            status = eval_print_failed(&e->table, d->name, class_subset_names[subset]);
    }
    if (status != OK || !eval_is_whole(e, i))
        return status;
    for (size_t k = 0; k < N_SUBSETS; k++)
        for (int64_t n = 0; e->subsets[k] && n <= e->run.method->options.n_iterations; n++)
            e->sums[k][n] += e->accuracy[k][n];
    if (!has_halves(e))
        return OK;
    halves_mean(hm, e, e->accuracy);
    return eval_print_row(&e->table, &(struct eval_row){.dataset = d->name, .name = "HM"}, hm);
}

/* Evaluates all data sets. If one of several fails, it is reported and the others continue. */
static int evaluate_datasets(struct evaluation *e)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < e->targets.n; i++) {
        const char *name = e->targets.items[i];
        if (!e->datasets[i]) {
            status = eval_print_without(&e->table, name, "not there");
            continue;
        }
        status = evaluate_dataset(e, i);
        const bool is_whole = status == OK && eval_is_whole(e, i);
        e->n_evaluated += is_whole;
        e->n_failed += !is_whole;
        if (status == OK || e->targets.n == 1 || status == ERR_MEMORY || status == ERR_INTERRUPTED)
            continue;
        log_warning(&e->run.log, "%s", error_message());
        status = eval_print_without(&e->table, name, "failed");
    }
    return status;
}

/* Prints the means over the data sets that ran; HM is that of the means. */
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
        for (int64_t n = 0; n <= e->run.method->options.n_iterations; n++)
            sums[n] /= (double)e->n_evaluated;
        const struct eval_row row = {.dataset = str_text(&name), .name = class_subset_names[order[i]]};
        if (e->subsets[order[i]])
            status = eval_print_row(&e->table, &row, sums);
    }
    if (status == OK && has_halves(e)) {
        halves_mean(hm, e, e->sums);
        status = eval_print_row(&e->table, &(struct eval_row){.dataset = str_text(&name), .name = "HM"}, hm);
    }
    str_free(&name);
    return status;
}

static int finish(struct evaluation *e)
{
    double hm[METHOD_MAX_ITERATIONS + 1];
    const bool is_one = has_halves(e) && e->targets.n == 1 && e->n_evaluated == 1;
    int status = print_average(e);
    if (is_one)
        halves_mean(hm, e, e->accuracy);
    if (status == OK && e->limit > 0) {
        struct str note = {0};
        str_appendf(&note, "limited to %" PRId64 " %s of each list: not a result\n", e->limit,
                    plural((size_t)e->limit, "image", "images"));
        status = cmd_print(&note);
        str_free(&note);
    }
    return status == OK ? write_json(e, is_one ? hm : NULL) : status;
}

static int run(struct evaluation *e)
{
    cmd_open_log(&e->run.log, e->run.v);
    int status = OK;
    if ((status = eval_resolve(e)) != OK || (status = check_outputs(e)) != OK)
        return status;
    interrupt_install();
    if ((status = ranks_agree(e->run.v->ranks, open_all(e))) != OK)
        return status;
    e->table.n_iterations = e->run.method->options.n_iterations;
    e->table.has_datasets = e->targets.n > 1;
    if ((status = evaluate_datasets(e)) != OK || (status = ranks_follow(e->run.v->ranks, finish(e))) != OK ||
        e->n_failed == 0)
        return status;
    return e->targets.n > 1
               ? error_set(ERR_IO, "the evaluation on %zu of %zu data sets failed", e->n_failed, e->targets.n)
               : error_set((enum status)e->left_out_status, "%s", str_text(&e->left_out_error));
}

static int cmd_eval(const struct opt_values *v)
{
    struct evaluation e = {.run = {.v = v, .takes_untrained = true}};
    int status = run(&e);
    str_free(&e.records);
    for (size_t i = 0; e.datasets && i < e.targets.n; i++)
        dataset_free(e.datasets[i]);
    free(e.datasets);
    free(e.left_out);
    str_free(&e.left_out_error);
    str_list_free(&e.targets);
    free(e.results_path);
    run_open_close(&e.run);
    return status;
}

const struct command command_eval = {
    "eval",   NULL,   NULL,
    cmd_eval, groups, "measure a run's accuracy, or CLIP's own, on base, new or all classes",
    notes};
