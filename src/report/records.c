/* Reading result records. */
#include "prompt/report/records.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/dir.h"
#include "prompt/base/file.h"
#include "prompt/base/json.h"
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

/* A member that must be there. */
static int need(const struct json **out, const struct json *object, const char *key)
{
    *out = json_get(object, key);
    return *out ? OK : error_set(ERR_FORMAT, "no '%s'", key);
}

static int need_text(char **out, const struct json *object, const char *key)
{
    const struct json *value = NULL;
    const char *text = NULL;
    int status = need(&value, object, key);
    if (status == OK && (status = json_string(&text, value)) != OK)
        error_context("'%s'", key);
    if (status != OK)
        return status;
    *out = str_dup(text);
    return *out ? OK : ERR_MEMORY;
}

static int need_i64(int64_t *out, const struct json *object, const char *key)
{
    const struct json *value = NULL;
    int status = need(&value, object, key);
    if (status == OK && (status = json_i64(out, value)) != OK)
        error_context("'%s'", key);
    return status;
}

static int need_subset(enum class_subset *out, const struct json *object)
{
    char *text = NULL;
    int status = need_text(&text, object, "classes");
    int i = 0;
    while (status == OK && class_subset_names[i] && strcmp(class_subset_names[i], text) != 0)
        i++;
    if (status == OK && !class_subset_names[i])
        status = error_set(ERR_FORMAT, "'classes': expected all, base or new, found '%s'", text);
    *out = (enum class_subset)i;
    free(text);
    return status;
}

static int need_bool(bool *out, const struct json *object, const char *key)
{
    const struct json *value = NULL;
    int status = need(&value, object, key);
    if (status == OK && (status = json_bool(out, value)) != OK)
        error_context("'%s'", key);
    return status;
}

static int need_accuracies(struct record *r, const struct json *object)
{
    const struct json *array = NULL;
    size_t n = 0;
    int status = need(&array, object, "accuracy_per_iteration");
    for (const struct json *each = json_first(array); each; each = json_next(each))
        n++;
    r->accuracies = status == OK ? calloc(n + 1, sizeof *r->accuracies) : NULL;
    if (status == OK && !r->accuracies)
        status = error_out_of_memory();
    for (const struct json *each = json_first(array); status == OK && each; each = json_next(each))
        status = json_f64(&r->accuracies[r->n_accuracies++], each);
    if (status == OK && n == 0)
        status = error_set(ERR_FORMAT, "'accuracy_per_iteration' is empty");
    return status;
}

/* Older records do not say it. */
static int parse_pipeline(struct pipeline *out, const struct json *object, const char *key)
{
    const struct json *inputs = json_get(object, key), *value = NULL;
    const char *preprocess = NULL, *decoder = NULL;
    int64_t revision = 0;
    int status = OK;
    if ((value = json_get(inputs, "preprocessing")))
        status = json_string(&preprocess, value);
    if (status == OK && (value = json_get(inputs, "image_decoder")))
        status = json_string(&decoder, value);
    if (status == OK && (value = json_get(inputs, "tokenizer_revision")))
        status = json_i64(&revision, value);
    if (status != OK)
        return error_context("'%s'", key);
    return pipeline_read(out, preprocess, decoder, revision);
}

static int parse_numbers(struct record *r, const struct json *object)
{
    int status = OK;
    if ((status = need_subset(&r->subset, object)) == OK &&
        (status = need_i64(&r->seed, object, "seed")) == OK &&
        (status = need_i64(&r->limit, object, "limit")) == OK &&
        (status = need_i64(&r->steps, object, "steps")) == OK &&
        (status = need_i64(&r->n_steps, object, "n_steps")) == OK &&
        (status = need_i64(&r->n_skipped, object, "skipped_images")) == OK &&
        (status = need_accuracies(r, object)) == OK &&
        (status = need_bool(&r->finished, object, "finished")) == OK)
        status = need_bool(&r->untrained, object, "untrained");
    if (status == OK && json_get(object, "synthetic")) /* older records do not say it */
        status = need_bool(&r->synthetic, object, "synthetic");
    if (status == OK && json_get(object, "as_published"))
        status = need_bool(&r->as_published, object, "as_published");
    return status;
}

static int parse_record(struct record *r, const struct json_doc *doc, const struct json *object)
{
    const struct json *config = NULL, *digests = NULL;
    int status = OK;
    if ((status = need(&digests, object, "digests")) == OK &&
        (status = need_text(&r->weights, digests, "weights_sha256")) == OK &&
        (status = need_text(&r->class_digest, digests, "class_names")) == OK &&
        (status = need_text(&r->image_digest, digests, "images")) == OK &&
        (status = need_text(&r->dataset, object, "dataset")) == OK &&
        (status = need_text(&r->time, object, "time")) == OK && (status = parse_numbers(r, object)) == OK)
        status = parse_pipeline(&r->pipeline, object, "inputs");
    if (status == OK && r->n_steps > 0)
        status = parse_pipeline(&r->trained_pipeline, object, "trained_inputs");
    if (status == OK)
        status = need(&config, object, "config");
    if (status != OK)
        return error_context("%s:%zu", json_name(doc), json_line(doc, object));
    status = config_init(&r->config);
    return status == OK ? config_read_json(&r->config, doc, config, CONFIG_RUN) : status;
}

static int add_record(struct record_list *list, const struct json_doc *doc, const struct json *object)
{
    if (list->n == list->capacity) {
        const size_t capacity = 2 * list->capacity + 32;
        struct record *grown = realloc(list->items, capacity * sizeof *grown);
        if (!grown)
            return error_out_of_memory();
        list->items = grown;
        list->capacity = capacity;
    }
    struct record *r = &list->items[list->n++];
    *r = (struct record){.path = str_dup(json_name(doc)), .as_published = true};
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
