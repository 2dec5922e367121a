/* Checkpoints: safetensors with trained tensors, momentum and metadata. */
#include "prompt/run/checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "prompt/config/config.h"
#include "prompt/data/dataset.h"

static const char MOMENTUM_PREFIX[] = "optimizer.momentum.";
static const char FORMAT[] = "prompt checkpoint 1";

void provenance_free(struct provenance *p)
{
    free(p->config);
    free(p->config_hash);
    free(p->weights_sha256);
    free(p->sample_digest);
    free(p->class_digest);
    free(p->class_names);
    pipeline_free(&p->pipeline);
    *p = (struct provenance){0};
}

/* ---------------------------------------------------------------- write */

static int set_number(struct metadata *m, const char *key, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    return metadata_set(m, key, text);
}

static int describe(struct metadata *meta, const struct method *m, const struct progress *at,
                    const struct provenance *from)
{
    const struct {
        const char *key;
        const char *text; /* NULL: the number */
        int64_t number;
    } entries[] = {
        {"format", FORMAT, 0},
        {"method", method_kind_names[m->options.kind], 0},
        {"config", from->config, 0},
        {"config_hash", from->config_hash, 0},
        {"weights_sha256", from->weights_sha256, 0},
        {"sample_digest", from->sample_digest, 0},
        {"class_digest", from->class_digest, 0},
        {"class_names", from->class_names, 0},
        {"preprocessing", from->pipeline.preprocess, 0},
        {"preprocessing_digest", from->pipeline.preprocess_digest, 0},
        {"image_decoder", from->pipeline.image_decoder, 0},
        {"tokenizer_revision", NULL, from->pipeline.tokenizer_revision},
        {"n_classes", NULL, from->n_classes},
        {"epoch", NULL, at->epoch},
        {"step_in_epoch", NULL, at->step_in_epoch},
        {"step", NULL, at->step},
        {"n_steps", NULL, at->n_steps},
    };
    int status = OK;
    for (size_t i = 0; status == OK && i < sizeof entries / sizeof entries[0]; i++)
        status = entries[i].text ? metadata_set(meta, entries[i].key, entries[i].text)
                                 : set_number(meta, entries[i].key, entries[i].number);
    return status;
}

static int collect(struct params *out, const struct method *m, const struct sgd *optimizer)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < m->trained.n; i++)
        status = params_add(out, m->trained.items[i].name, m->trained.items[i].value);
    for (size_t i = 0; status == OK && i < optimizer->momentum.n; i++) {
        char *name = str_format("%s%s", MOMENTUM_PREFIX, optimizer->momentum.items[i].name);
        status = name ? params_add(out, name, optimizer->momentum.items[i].value) : ERR_MEMORY;
        free(name);
    }
    return status;
}

/* Writes to `path`, or appends to `memory`. */
static int encode(const char *path, struct str *memory, const struct method *m, const struct sgd *optimizer,
                  const struct progress *progress, const struct provenance *provenance)
{
    struct params tensors = {0};
    struct metadata meta = {0};
    int status = OK;
    if ((status = collect(&tensors, m, optimizer)) == OK &&
        (status = describe(&meta, m, progress, provenance)) == OK)
        status =
            path ? safetensors_write(path, &tensors, &meta) : safetensors_append(memory, &tensors, &meta);
    params_free(&tensors);
    metadata_free(&meta);
    return status;
}

int checkpoint_write(const char *path, const struct method *m, const struct sgd *optimizer,
                     const struct progress *progress, const struct provenance *provenance)
{
    return encode(path, NULL, m, optimizer, progress, provenance);
}

int checkpoint_append(struct str *out, const struct method *m, const struct sgd *optimizer,
                      const struct progress *progress, const struct provenance *provenance)
{
    return encode(NULL, out, m, optimizer, progress, provenance);
}

/* ---------------------------------------------------------------- read */

static int open_checkpoint(struct safetensors **out, scope *s, const char *path)
{
    *out = NULL;
    if (!file_exists(path)) {
        char *absolute = path_absolute(path);
        int status = error_set(ERR_IO, "no checkpoint: '%s' does not exist", absolute ? absolute : path);
        free(absolute);
        return status;
    }
    struct safetensors *file = NULL;
    int status = safetensors_open(&file, s, path);
    if (status != OK)
        return status;
    const char *format = metadata_get(&file->metadata, "format");
    if (!format || strcmp(format, FORMAT) != 0) {
        status = error_set(ERR_FORMAT,
                           "'%s': expected a checkpoint of prompt (metadata format '%s'), found '%.80s'",
                           path, FORMAT, format ? format : "none");
        safetensors_close(file);
        return status;
    }
    *out = file;
    return OK;
}

static int get_text(char **out, const struct metadata *meta, const char *key)
{
    const char *text = metadata_get(meta, key);
    if (!text)
        return error_set(ERR_FORMAT, "metadata '%s' is missing", key);
    *out = str_dup(text);
    return *out ? OK : ERR_MEMORY;
}

static int get_number(int64_t *out, const struct metadata *meta, const char *key)
{
    const char *text = metadata_get(meta, key);
    if (!text || str_parse_i64(out, text) != OK || *out < 0)
        return error_set(ERR_FORMAT, "metadata '%s': expected a number, found '%s'", key,
                         text ? text : "none");
    return OK;
}

/* Programs before the first of these keys wrote none of them. */
static int parse_pipeline(struct pipeline *out, const struct metadata *meta)
{
    int64_t revision = 0;
    int status =
        metadata_get(meta, "tokenizer_revision") ? get_number(&revision, meta, "tokenizer_revision") : OK;
    return status == OK ? pipeline_read(out, metadata_get(meta, "preprocessing"),
                                        metadata_get(meta, "image_decoder"), revision)
                        : status;
}

static int parse_header(struct provenance *from, struct progress *at, const struct metadata *meta)
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
    int status = OK;
    for (size_t i = 0; status == OK && i < sizeof texts / sizeof texts[0]; i++)
        status = get_text(texts[i].text, meta, texts[i].key);
    for (size_t i = 0; status == OK && i < sizeof numbers / sizeof numbers[0]; i++)
        status = get_number(numbers[i].number, meta, numbers[i].key);
    return status == OK ? parse_pipeline(&from->pipeline, meta) : status;
}

int checkpoint_read_header(struct provenance *provenance, struct progress *progress, const char *path)
{
    *provenance = (struct provenance){0};
    *progress = (struct progress){0};
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct safetensors *file = NULL;
    int status = open_checkpoint(&file, s, path);
    if (status == OK) {
        status = parse_header(provenance, progress, &file->metadata);
        if (status != OK)
            error_context("'%s'", path);
    }
    scope_close(s);
    safetensors_close(file);
    if (status != OK)
        provenance_free(provenance);
    return status;
}

static int check_shape(const char *name, const tensor *found, const tensor *expected)
{
    bool equal = t_dim(found) == t_dim(expected);
    for (int64_t i = 0; equal && i < t_dim(expected); i++)
        equal = t_size(found, i) == t_size(expected, i);
    if (equal)
        return OK;
    struct str here = {0};
    struct str there = {0};
    tensor_append_shape(&here, expected);
    tensor_append_shape(&there, found);
    int status = error_set(ERR_SHAPE, "tensor '%s': expected %s for this model and these settings, found %s",
                           name, str_text(&here), str_text(&there));
    str_free(&here);
    str_free(&there);
    return status;
}

int checkpoint_check_classes(const struct provenance *provenance, const struct method *m, char *const *names,
                             int64_t n_names)
{
    if (!method_text_form(&m->options).per_class)
        return OK;
    char digest[17];
    int status = class_names_digest(digest, names, n_names);
    if (status == OK && strcmp(digest, provenance->class_digest) != 0)
        status =
            error_set(ERR_USAGE,
                      "context.class_specific: the run learned contexts of its own %lld classes, which do "
                      "not serve other classes (%s ... %s)",
                      (long long)provenance->n_classes, names[0], names[n_names - 1]);
    return status;
}

static int copy_trained(struct method *m, scope *s, const struct params *stored)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < m->trained.n; i++) {
        const struct param *p = &m->trained.items[i];
        const tensor *value = params_find(stored, p->name);
        status = value ? check_shape(p->name, value, p->value)
                       : error_set(ERR_FORMAT, "tensor '%s' is missing", p->name);
        if (status == OK)
            t_copy_(s, p->value, value);
    }
    return status;
}

/* The momentum's tensors are created. Before the first step there are none, later one for each trained
 * tensor. */
static int copy_momentum(struct sgd *optimizer, const struct method *m, const struct params *stored)
{
    int status = OK;
    const size_t skip = sizeof MOMENTUM_PREFIX - 1;
    for (size_t i = 0; status == OK && i < stored->n; i++) {
        const struct param *p = &stored->items[i];
        if (!str_starts_with(p->name, MOMENTUM_PREFIX))
            continue;
        const tensor *trained = params_find(&m->trained, p->name + skip);
        status = trained ? check_shape(p->name, p->value, trained)
                         : error_set(ERR_FORMAT, "tensor '%s' belongs to no trained tensor", p->name);
        if (status != OK)
            break;
        tensor *velocity =
            t_clone(optimizer->scope, t_to_device(optimizer->scope, p->value, m->clip->device));
        status = scope_status(optimizer->scope);
        if (status == OK)
            status = params_add(&optimizer->momentum, p->name + skip, velocity);
    }
    for (size_t i = 0; status == OK && optimizer->momentum.n > 0 && i < m->trained.n; i++)
        if (!params_find(&optimizer->momentum, m->trained.items[i].name))
            status =
                error_set(ERR_FORMAT, "tensor '%s%s' is missing", MOMENTUM_PREFIX, m->trained.items[i].name);
    return status;
}

static int check_extra(const struct method *m, const struct params *stored)
{
    for (size_t i = 0; i < stored->n; i++) {
        const char *name = stored->items[i].name;
        if (!str_starts_with(name, MOMENTUM_PREFIX) && !params_find(&m->trained, name))
            return error_set(ERR_FORMAT, "tensor '%s' is not one that this method trains", name);
    }
    return OK;
}

int checkpoint_read_tensors(struct method *m, struct sgd *optimizer, const char *path)
{
    scope *s = scope_open(m->scope, SCOPE_GRAD_OFF);
    struct safetensors *file = NULL;
    int status = open_checkpoint(&file, s, path);
    if (status == OK) {
        status = check_extra(m, &file->tensors);
        if (status == OK)
            status = copy_trained(m, s, &file->tensors);
        if (status == OK && optimizer)
            status = copy_momentum(optimizer, m, &file->tensors);
        if (status != OK)
            error_context("'%s'", path);
    }
    int closed = scope_close(s); /* before the mapping goes */
    safetensors_close(file);
    return status == OK ? closed : status;
}
