/* Reading result records. */
#include "prompt/report/records.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/array.h"
#include "prompt/base/dir.h"
#include "prompt/base/file.h"
#include "prompt/base/json.h"
#include "prompt/base/path.h"
#include "prompt/report/folder.h"

static void free_record(struct record *r)
{
    free(r->path);
    free(r->dataset);
    free(r->weights);
    free(r->class_digest);
    free(r->image_digest);
    free(r->time);
    pipeline_free(&r->pipeline);
    pipeline_free(&r->trained_pipeline);
    free(r->accuracies);
    config_free(&r->config);
}

void records_free(struct record_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free_record(&list->items[i]);
    free(list->items);
    *list = (struct record_list){0};
}

/* ---------------------------------------------------------------- one record */

static int need_copy(char **out, const struct json_doc *doc, const struct json *object, const char *key)
{
    const char *text = NULL;
    int status = json_need_string(&text, doc, object, key);
    if (status != OK)
        return status;
    *out = str_dup(text);
    return *out ? OK : ERR_MEMORY;
}

static int need_subset(enum class_subset *out, const struct json_doc *doc, const struct json *object)
{
    const char *text = NULL;
    int status = json_need_string(&text, doc, object, "classes");
    if (status != OK)
        return status;
    for (int i = 0; class_subset_names[i]; i++) {
        if (strcmp(class_subset_names[i], text) == 0) {
            *out = (enum class_subset)i;
            return OK;
        }
    }
    return json_error(doc, object, "'classes': expected all, base or new, found '%s'", text);
}

static int need_accuracies(struct record *r, const struct json_doc *doc, const struct json *object)
{
    const struct json *array = NULL;
    int status = json_need(&array, doc, object, "accuracy_per_iteration", JSON_ARRAY);
    if (status == OK && !json_first(array))
        status = json_error(doc, array, "'accuracy_per_iteration' is empty");
    for (const struct json *each = json_first(array); status == OK && each; each = json_next(each)) {
        status = array_grow(&r->accuracies, r->n_accuracies, sizeof *r->accuracies);
        if (status == OK && json_f64(&r->accuracies[r->n_accuracies++], each) != OK)
            status = json_key_context(doc, array);
    }
    return status;
}

/* The mean of the accuracies by class; only records of prompt eval --per-class have them. */
static int get_classes(struct record *r, const struct json_doc *doc, const struct json *object)
{
    const struct json *array = json_get(object, "per_class");
    size_t n = 0;
    for (const struct json *each = json_first(array); each; each = json_next(each)) {
        const struct json *value = json_get(each, "accuracy");
        double accuracy = 0.0;
        if (value && json_type(value) == JSON_NULL) /* a class without images */
            continue;
        if (json_f64(&accuracy, value) != OK)
            return json_error(doc, each, "expected a class with its 'accuracy'");
        r->mean_class_accuracy += accuracy;
        n++;
    }
    r->has_classes = n > 0;
    if (n > 0)
        r->mean_class_accuracy /= (double)n;
    return OK;
}

/* Older records do not have it. */
static int get_pipeline(struct pipeline *out, const struct json_doc *doc, const struct json *object,
                        const char *key)
{
    const struct json *inputs = json_get(object, key);
    const char *preprocess = NULL, *decoder = NULL;
    int64_t revision = 0;
    int status = OK;
    if ((status = json_get_string(&preprocess, doc, inputs, "preprocessing")) == OK &&
        (status = json_get_string(&decoder, doc, inputs, "image_decoder")) == OK &&
        (status = json_get_i64(&revision, doc, inputs, "tokenizer_revision")) == OK)
        status = pipeline_read(out, preprocess, decoder, revision);
    return status;
}

static int parse_numbers(struct record *r, const struct json_doc *doc, const struct json *object)
{
    int status = OK;
    if ((status = need_subset(&r->subset, doc, object)) == OK &&
        (status = json_need_i64(&r->seed, doc, object, "seed")) == OK &&
        (status = json_need_i64(&r->limit, doc, object, "limit")) == OK &&
        (status = json_need_i64(&r->steps, doc, object, "steps")) == OK &&
        (status = json_need_i64(&r->n_steps, doc, object, "n_steps")) == OK &&
        (status = json_need_i64(&r->n_skipped, doc, object, "skipped_images")) == OK &&
        (status = json_get_i64(&r->n_images, doc, object, "total")) == OK &&
        (status = json_get_i64(&r->n_classes, doc, object, "n_classes")) == OK &&
        (status = json_get_i64(&r->n_by_clip, doc, object, "n_classes_by_clip")) == OK &&
        (status = need_accuracies(r, doc, object)) == OK && (status = get_classes(r, doc, object)) == OK &&
        (status = json_need_bool(&r->finished, doc, object, "finished")) == OK &&
        (status = json_need_bool(&r->untrained, doc, object, "untrained")) == OK &&
        (status = json_get_bool(&r->synthetic, doc, object, "synthetic")) == OK) /* older records lack it */
        status = json_get_bool(&r->as_published, doc, object, "as_published");
    return status;
}

static int parse_record(struct record *r, const struct json_doc *doc, const struct json *object)
{
    const struct json *config = NULL, *digests = NULL;
    int status = OK;
    if ((status = json_need(&digests, doc, object, "digests", JSON_OBJECT)) == OK &&
        (status = need_copy(&r->weights, doc, digests, "weights_sha256")) == OK &&
        (status = need_copy(&r->class_digest, doc, digests, "class_names")) == OK &&
        (status = need_copy(&r->image_digest, doc, digests, "images")) == OK &&
        (status = need_copy(&r->dataset, doc, object, "dataset")) == OK &&
        (status = need_copy(&r->time, doc, object, "time")) == OK &&
        (status = parse_numbers(r, doc, object)) == OK)
        status = get_pipeline(&r->pipeline, doc, object, "inputs");
    if (status == OK && r->n_steps > 0)
        status = get_pipeline(&r->trained_pipeline, doc, object, "trained_inputs");
    if (status == OK && (status = json_need(&config, doc, object, "config", JSON_OBJECT)) == OK &&
        (status = config_init(&r->config)) == OK)
        status = config_read_json(&r->config, doc, config, CONFIG_RUN);
    return status;
}

static int add_record(struct record_list *list, const struct json_doc *doc, const struct json *object)
{
    int status = array_grow(&list->items, list->n, sizeof *list->items);
    if (status != OK)
        return status;
    struct record *r = &list->items[list->n++];
    *r = (struct record){.path = str_dup(json_name(doc)),
                         .as_published = true,
                         .imported = json_get(object, "imported") != NULL};
    return r->path ? parse_record(r, doc, object) : ERR_MEMORY;
}

/* ---------------------------------------------------------------- files and folders */

static int read_file(struct record_list *list, const char *path)
{
    struct json_doc *doc = NULL;
    int status = json_read_file(&doc, path);
    if (status == OK && json_type(json_root(doc)) != JSON_ARRAY)
        status = error_set(ERR_FORMAT, "'%s': expected an array of result records", path);
    const struct json *object = status == OK ? json_first(json_root(doc)) : NULL;
    for (; status == OK && object; object = json_next(object))
        status = add_record(list, doc, object);
    json_free(doc);
    return status;
}

static int read_folder(struct record_list *list, const char *path)
{
    struct str_list names = {0};
    int status = dir_list(&names, path);
    for (size_t i = 0; status == OK && i < names.n; i++) {
        char *below = path_join(path, names.items[i]);
        if (!below)
            status = ERR_MEMORY;
        else if (file_is_dir(below))
            status = read_folder(list, below);
        else if (strcmp(names.items[i], RUN_RESULTS_FILE) == 0)
            status = read_file(list, below);
        free(below);
    }
    str_list_free(&names);
    return status;
}

int records_read(struct record_list *out, const char *path)
{
    if (!file_exists(path))
        return error_set(ERR_IO, "no folder of runs: '%s' does not exist", path);
    return file_is_dir(path) ? read_folder(out, path) : read_file(out, path);
}
