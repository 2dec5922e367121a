/* Opening a run. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "prompt/base/array.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/report/folder.h"

void run_close(struct run *r)
{
    for (size_t i = 0; i < r->n_lists; i++)
        predictions_free(&r->lists[i].predictions);
    free(r->lists);
    records_free(&r->records);
    json_free(r->doc);
    provenance_free(&r->provenance);
    training_log_free(&r->log);
    free(r->dir);
    *r = (struct run){0};
}

/* ---------------------------------------------------------------- predictions */

static int other_predictions(const struct run *r, const char *path, const char *what)
{
    return error_set(ERR_FORMAT,
                     "'%s' is not of the last record in '%s': %s; run prompt eval --run '%s' again", path,
                     RUN_RESULTS_FILE, what, r->dir);
}

/* The numbers of the record follow from the predictions. */
static int check_predictions(const struct run *r, const struct run_list *list, const char *path)
{
    const struct record *record = list->record;
    const struct predictions *p = &list->predictions;
    char what[160] = "";
    if (p->n_images != record->n_images || (size_t)p->n_iterations + 1 != record->n_accuracies)
        snprintf(what, sizeof what,
                 "%" PRId64 " images and N = %" PRId64 ", the record has %" PRId64 " and %zu", p->n_images,
                 p->n_iterations, record->n_images, record->n_accuracies - 1);
    for (int64_t n = 0; what[0] == '\0' && n <= p->n_iterations; n++) {
        const double here = (double)predictions_n_right(p, n) / (double)p->n_images;
        if (fabs(here - record->accuracies[n]) > 1e-9)
            snprintf(what, sizeof what, "accuracy %.6f at n = %" PRId64 ", the record has %.6f", here, n,
                     record->accuracies[n]);
    }
    return what[0] == '\0' ? OK : other_predictions(r, path, what);
}

static int read_predictions(struct run *r, struct run_list *list)
{
    const struct record *record = list->record;
    char *path = predictions_path(r->dir, record->dataset, record->subset);
    int status = path ? OK : ERR_MEMORY;
    if (status == OK && !file_exists(path))
        status =
            error_set(ERR_USAGE,
                      "'%s' has no predictions for %s, %s classes: its evaluation is by an older program; "
                      "run prompt eval --run '%s' again",
                      r->dir, record->dataset, class_subset_names[record->subset], r->dir);
    if (status == OK && (status = predictions_read(&list->predictions, path, record->n_classes)) == OK)
        status = check_predictions(r, list, path);
    free(path);
    return status;
}

/* ---------------------------------------------------------------- records */

static bool is_whole(const struct record *r)
{
    return r->limit == 0 && !r->untrained;
}

/* Keeps the last whole evaluation of each list, as the folder of predictions does. */
static int add_list(struct run *r, const struct record *record, const struct json *object)
{
    for (size_t i = 0; i < r->n_lists; i++)
        if (strcmp(r->lists[i].record->dataset, record->dataset) == 0 &&
            r->lists[i].record->subset == record->subset) {
            r->lists[i] = (struct run_list){.record = record, .object = object};
            return OK;
        }
    int status = array_grow(&r->lists, r->n_lists, sizeof *r->lists);
    if (status == OK)
        r->lists[r->n_lists++] = (struct run_list){.record = record, .object = object};
    return status;
}

static int not_evaluated(const struct run *r, const char *why)
{
    return error_set(ERR_USAGE, "'%s' %s: run prompt eval --run '%s'", r->dir, why, r->dir);
}

static int read_records(struct run *r)
{
    char *path = path_join(r->dir, RUN_RESULTS_FILE);
    int status = path ? OK : ERR_MEMORY;
    if (status == OK && !file_exists(path))
        status = not_evaluated(r, "has not been evaluated");
    if (status == OK && (status = records_read(&r->records, path)) == OK)
        status = json_read_file(&r->doc, path);
    free(path);
    const struct json *object = status == OK ? json_first(json_root(r->doc)) : NULL;
    for (size_t i = 0; status == OK && i < r->records.n && object; i++, object = json_next(object))
        if (is_whole(&r->records.items[i]))
            status = add_list(r, &r->records.items[i], object);
    if (status == OK && r->n_lists == 0)
        status = not_evaluated(r, "has no evaluation of trained prompts on all images");
    for (size_t i = 0; status == OK && i < r->n_lists; i++)
        status = read_predictions(r, &r->lists[i]);
    if (status == OK)
        r->config = &r->lists[0].record->config;
    return status;
}

int run_open(struct run *out, const char *dir)
{
    *out = (struct run){.dir = str_dup(dir)};
    char *checkpoint = path_join(dir, RUN_CHECKPOINT_FILE);
    int status = out->dir && checkpoint ? read_records(out) : ERR_MEMORY;
    out->is_trained = status == OK && file_exists(checkpoint);
    if (status == OK && out->is_trained)
        status = provenance_read(&out->provenance, &out->progress, checkpoint);
    if (status == OK && out->is_trained)
        status = training_log_read(&out->log, dir);
    free(checkpoint);
    return status;
}

int64_t run_iterations(const struct run *r)
{
    return r->lists[0].predictions.n_iterations;
}
