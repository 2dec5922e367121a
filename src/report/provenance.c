/* The metadata of a checkpoint. */
#include "prompt/report/provenance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/array.h"
#include "prompt/base/file.h"
#include "prompt/base/json.h"
#include "prompt/base/path.h"
#include "prompt/safetensors/header.h"

static const char FORMAT[] = "prompt checkpoint 1";

/* ---------------------------------------------------------------- imported files */

int imported_files_add(struct imported_files *out, const char *name, const char *sha256)
{
    int status = array_grow(&out->items, out->n, sizeof *out->items);
    if (status != OK)
        return status;
    struct imported_file *f = &out->items[out->n++];
    *f = (struct imported_file){str_dup(name), str_dup(sha256)};
    return f->name && f->sha256 ? OK : ERR_MEMORY;
}

void imported_files_free(struct imported_files *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->items[i].name);
        free(f->items[i].sha256);
    }
    free(f->items);
    *f = (struct imported_files){0};
}

/* The metadata's keys of the file `i`, from 0: "imported_file", "imported_file_2", ... */
struct imported_keys {
    char name[48], sha256[48];
};

static struct imported_keys imported_keys(size_t i)
{
    struct imported_keys keys;
    char number[24] = "";
    if (i > 0)
        snprintf(number, sizeof number, "_%zu", i + 1);
    snprintf(keys.name, sizeof keys.name, "imported_file%s", number);
    snprintf(keys.sha256, sizeof keys.sha256, "imported_sha256%s", number);
    return keys;
}

static int write_imported(struct metadata *out, const struct imported_files *f)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < f->n; i++) {
        const struct imported_keys keys = imported_keys(i);
        if ((status = metadata_set(out, keys.name, f->items[i].name)) == OK)
            status = metadata_set(out, keys.sha256, f->items[i].sha256);
    }
    return status;
}

static int parse_imported(struct imported_files *out, const struct metadata *m)
{
    int status = OK;
    for (struct imported_keys keys = imported_keys(0); status == OK && metadata_get(m, keys.name);
         keys = imported_keys(out->n)) {
        const char *sha256 = metadata_get(m, keys.sha256);
        status = sha256 ? imported_files_add(out, metadata_get(m, keys.name), sha256)
                        : error_set(ERR_FORMAT, "metadata '%s' is missing", keys.sha256);
    }
    return status;
}

void provenance_free(struct provenance *p)
{
    free(p->config);
    free(p->config_hash);
    free(p->weights_sha256);
    free(p->sample_digest);
    free(p->class_digest);
    free(p->class_names);
    imported_files_free(&p->imported);
    pipeline_free(&p->pipeline);
    *p = (struct provenance){0};
}

/* ---------------------------------------------------------------- write */

int provenance_write(struct metadata *out, const char *method, const struct progress *progress,
                     const struct provenance *provenance)
{
    const struct {
        const char *key;
        const char *text; /* NULL: the number */
        int64_t number;
    } entries[] = {
        {"format", FORMAT, 0},
        {"method", method, 0},
        {"config", provenance->config, 0},
        {"config_hash", provenance->config_hash, 0},
        {"weights_sha256", provenance->weights_sha256, 0},
        {"sample_digest", provenance->sample_digest, 0},
        {"class_digest", provenance->class_digest, 0},
        {"class_names", provenance->class_names, 0},
        {"preprocessing", provenance->pipeline.preprocess, 0},
        {"preprocessing_digest", provenance->pipeline.preprocess_digest, 0},
        {"image_decoder", provenance->pipeline.image_decoder, 0},
        {"tokenizer_revision", NULL, provenance->pipeline.tokenizer_revision},
        {"n_classes", NULL, provenance->n_classes},
        {"n_images", NULL, provenance->n_images},
        {"epoch", NULL, progress->epoch},
        {"step_in_epoch", NULL, progress->step_in_epoch},
        {"step", NULL, progress->step},
        {"n_steps", NULL, progress->n_steps},
    };
    int status = OK;
    for (size_t i = 0; status == OK && i < sizeof entries / sizeof entries[0]; i++)
        status = entries[i].text ? metadata_set(out, entries[i].key, entries[i].text)
                                 : metadata_set_i64(out, entries[i].key, entries[i].number);
    return status == OK ? write_imported(out, &provenance->imported) : status;
}

/* ---------------------------------------------------------------- read */

static int copy_text(char **out, const struct metadata *m, const char *key)
{
    const char *text = metadata_get(m, key);
    if (!text)
        return error_set(ERR_FORMAT, "metadata '%s' is missing", key);
    *out = str_dup(text);
    return *out ? OK : ERR_MEMORY;
}

/* Programs before the first of these keys wrote none of them. */
static int parse_pipeline(struct pipeline *out, const struct metadata *m)
{
    static const char REVISION[] = "tokenizer_revision";
    int64_t revision = 0;
    int status = metadata_get(m, REVISION) ? metadata_get_i64(&revision, m, REVISION) : OK;
    if (status != OK)
        return status;
    return pipeline_read(out, metadata_get(m, "preprocessing"), metadata_get(m, "image_decoder"), revision);
}

static int parse(struct provenance *from, struct progress *at, const struct metadata *m)
{
    const struct {
        const char *key;
        char **text;
    } texts[] = {
        {"config", &from->config},
        {"config_hash", &from->config_hash},
        {"weights_sha256", &from->weights_sha256},
        {"sample_digest", &from->sample_digest},
        {"class_digest", &from->class_digest},
        {"class_names", &from->class_names},
    };
    const struct {
        const char *key;
        int64_t *number;
    } numbers[] = {
        {"n_classes", &from->n_classes},
        {"epoch", &at->epoch},
        {"step_in_epoch", &at->step_in_epoch},
        {"step", &at->step},
        {"n_steps", &at->n_steps},
    };
    int status = provenance_check(m);
    for (size_t i = 0; status == OK && i < sizeof texts / sizeof texts[0]; i++)
        status = copy_text(texts[i].text, m, texts[i].key);
    for (size_t i = 0; status == OK && i < sizeof numbers / sizeof numbers[0]; i++)
        status = metadata_get_i64(numbers[i].number, m, numbers[i].key);
    if (status == OK && metadata_get(m, "n_images"))
        status = metadata_get_i64(&from->n_images, m, "n_images");
    if (status == OK)
        status = parse_imported(&from->imported, m);
    return status == OK ? parse_pipeline(&from->pipeline, m) : status;
}

int provenance_check(const struct metadata *metadata)
{
    const char *format = metadata_get(metadata, "format");
    if (format && strcmp(format, FORMAT) == 0)
        return OK;
    return error_set(ERR_FORMAT, "expected a checkpoint of prompt (metadata format '%s'), found '%.80s'",
                     FORMAT, format ? format : "none");
}

static int refuse_missing(const char *path)
{
    char *absolute = path_absolute(path);
    int status = error_set(ERR_IO, "no checkpoint: '%s' does not exist", absolute ? absolute : path);
    free(absolute);
    return status;
}

int provenance_read(struct provenance *provenance, struct progress *progress, const char *path)
{
    struct safetensors_header header = {0};
    const void *data = NULL;
    size_t n_bytes = 0;
    *provenance = (struct provenance){0};
    *progress = (struct progress){0};
    if (!file_exists(path))
        return refuse_missing(path);
    int status = file_map(&data, &n_bytes, path);
    if (status != OK || (status = safetensors_header_read(&header, data, n_bytes)) != OK)
        error_context("reading '%s'", path);
    else if ((status = parse(provenance, progress, &header.metadata)) != OK)
        error_context("'%s'", path);
    safetensors_header_free(&header);
    file_unmap(data, n_bytes);
    if (status != OK)
        provenance_free(provenance);
    return status;
}

int provenance_class_names(struct str_list *out, const struct provenance *p)
{
    struct json_doc *doc = NULL;
    const size_t n_before = out->n;
    int status = json_parse(&doc, p->class_names, strlen(p->class_names), "metadata 'class_names'");
    for (const struct json *v = status == OK ? json_first(json_root(doc)) : NULL; v && status == OK;
         v = json_next(v)) {
        const char *name = NULL;
        status = json_string(&name, v);
        status = status == OK ? str_list_add(out, name) : json_context(doc, v);
    }
    if (status == OK && out->n - n_before != (size_t)p->n_classes)
        status = error_set(ERR_FORMAT, "metadata 'class_names': expected %" PRId64 " names, found %zu",
                           p->n_classes, out->n - n_before);
    json_free(doc);
    return status;
}
