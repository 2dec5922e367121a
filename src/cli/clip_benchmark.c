/* Records as CLIP_benchmark writes them. */
#include "clip_benchmark.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/json_write.h"
#include "prompt/base/path.h"
#include "prompt/weights/weights.h"

enum { SHORT_DIGEST = 8 }; /* characters of a digest that a name shows */

/* OpenAI's name of a model as open_clip has it: "ViT-L/14@336px" -> "ViT-L-14-336". */
static char *open_clip_name(const char *openai_name)
{
    const size_t n = strlen(openai_name);
    char *name = str_dup_n(openai_name, str_ends_with(openai_name, "px") ? n - 2 : n);
    for (char *c = name; c && *c != '\0'; c++)
        if (*c == '/' || *c == '@')
            *c = '-';
    return name;
}

/* The file's name without folders and ending. */
static char *stem(const char *path)
{
    const char *name = path_name(path);
    const char *dot = strrchr(name, '.');
    return str_dup_n(name, dot && dot != name ? (size_t)(dot - name) : strlen(name));
}

/* "openai" or the digest of other weights, with the method that trained prompts for them. */
static void append_pretrained(struct str *out, const struct record *r)
{
    if (weights_known_name(r->weights))
        str_append(out, "openai");
    else
        str_appendf(out, "sha256-%.*s", SHORT_DIGEST, r->weights);
    if (config_trains(&r->config))
        str_appendf(out, "+%s", method_kind_names[r->config.method]);
}

static void append_metrics(struct str *out, const struct record *r)
{
    json_open(out, "metrics", '{');
    json_put_f64(out, "acc1", r->accuracies[r->n_accuracies - 1]);
    if (r->has_classes) /* of prompt eval --per-class */
        json_put_f64(out, "mean_per_class_recall", r->mean_class_accuracy);
    json_close(out, '}');
}

/* The file's name without a folder, equal for records of which the latest wins. */
static int append_file_name(struct str *out, const struct record *r)
{
    char hash[DIGEST_HEX_SIZE];
    int status = config_hash(hash, &r->config);
    if (status == OK)
        str_appendf(out, "%s_%s_%s_seed%" PRId64 "_%.*s_%.*s.json", r->dataset, class_subset_names[r->subset],
                    method_kind_names[r->config.method], r->seed, SHORT_DIGEST, hash, SHORT_DIGEST,
                    r->weights);
    return status == OK ? str_status(out) : status;
}

static int append_record(struct str *out, const struct record *r)
{
    const char *known = weights_known_name(r->weights);
    char *model = known ? open_clip_name(known) : stem(r->config.model_path);
    struct str pretrained = {0};
    append_pretrained(&pretrained, r);
    const bool trains = config_trains(&r->config);
    json_open(out, NULL, '{');
    json_put_string(out, "dataset", r->dataset);
    json_put_string(out, "model", model);
    json_put_string(out, "pretrained", str_text(&pretrained));
    json_put_string(out, "task", trains ? "fewshot_classification" : "zeroshot_classification");
    append_metrics(out, r);
    json_put_string(out, "language", "en");
    json_put_string(out, "classes", class_subset_names[r->subset]);
    json_put_string(out, "method", method_kind_names[r->config.method]);
    json_put_i64(out, "shots", trains ? r->config.data_shots : 0);
    json_put_i64(out, "seed", r->seed);
    json_put_bool(out, "finished", r->finished);
    json_put_bool(out, "synthetic", r->synthetic);
    json_put_string(out, "weights_sha256", r->weights);
    json_put_string(out, "time", r->time);
    str_append(out, "}\n");
    const int status = model ? str_status(&pretrained) : ERR_MEMORY;
    str_free(&pretrained);
    free(model);
    return status == OK ? str_status(out) : status;
}

static int write_record(const char *dir, const struct record *r, const char *name)
{
    struct str text = {0};
    char *path = path_join(dir, name);
    int status = path ? append_record(&text, r) : ERR_MEMORY;
    if (status == OK)
        status = file_write_atomic(path, str_text(&text), text.len);
    str_free(&text);
    free(path);
    return status;
}

/* Whether a later record has the same name. */
static bool is_replaced(const struct record_list *records, char *const *names, size_t i)
{
    for (size_t j = 0; j < records->n; j++) {
        if (j == i || !names[j] || strcmp(names[i], names[j]) != 0)
            continue;
        const int order = strcmp(records->items[i].time, records->items[j].time);
        if (order < 0 || (order == 0 && j > i))
            return true;
    }
    return false;
}

/* names[i] is NULL for a record that is not written. */
static int name_records(char **names, const struct record_list *records, bool include_unfinished)
{
    int status = OK;
    size_t n = 0;
    for (size_t i = 0; status == OK && i < records->n; i++) {
        struct str name = {0};
        if (!records->items[i].finished && !include_unfinished)
            continue;
        if ((status = append_file_name(&name, &records->items[i])) == OK)
            status = (names[i] = str_dup(str_text(&name))) ? OK : ERR_MEMORY;
        str_free(&name);
        n++;
    }
    if (status == OK && n == 0)
        status = error_set(ERR_FORMAT, "none of the %zu records is finished", records->n);
    return status;
}

int clip_benchmark_write(size_t *n_files, const struct record_list *records, const char *dir,
                         bool include_unfinished)
{
    *n_files = 0;
    char **names = calloc(records->n + 1, sizeof *names);
    int status = names ? name_records(names, records, include_unfinished) : error_out_of_memory();
    if (status == OK)
        status = file_make_dirs(dir);
    for (size_t i = 0; status == OK && i < records->n; i++) {
        if (!names[i] || is_replaced(records, names, i))
            continue;
        status = write_record(dir, &records->items[i], names[i]);
        *n_files += status == OK;
    }
    for (size_t i = 0; names && i < records->n; i++)
        free(names[i]);
    free(names);
    return status;
}
