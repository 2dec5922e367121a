/* Checkpoints: trained tensors and the optimizer's state; report/provenance.c writes and reads the metadata. */
#include "prompt/run/checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/json_write.h"
#include "prompt/base/str.h"
#include "prompt/data/dataset.h"
#include "prompt/run/features.h"

/* ---------------------------------------------------------------- provenance */

static int class_names_json(char **out, char *const *names, int64_t n_names)
{
    struct str text = {0};
    json_open(&text, NULL, '[');
    for (int64_t k = 0; k < n_names; k++)
        json_put_string(&text, NULL, names[k]);
    json_close(&text, ']');
    *out = text.data;
    return str_status(&text);
}

int checkpoint_provenance(struct provenance *out, struct session *s, char *const *names, int64_t n_names,
                          const char *sample, int64_t n_images)
{
    char hash[DIGEST_HEX_SIZE];
    char classes[17];
    struct str config = {0};
    *out = (struct provenance){.n_classes = n_names, .n_images = n_images};
    int status = config_write_experiment(&config, s->config);
    out->config = config.data;
    if (status != OK || (status = config_hash(hash, s->config)) != OK ||
        (status = class_names_digest(classes, names, n_names)) != OK ||
        (status = features_hash_weights(s)) != OK ||
        (status = class_names_json(&out->class_names, names, n_names)) != OK)
        return status;
    out->config_hash = str_dup(hash);
    out->weights_sha256 = str_dup(s->weights->sha256);
    out->sample_digest = str_dup(sample);
    out->class_digest = str_dup(classes);
    if (!out->config_hash || !out->weights_sha256 || !out->sample_digest || !out->class_digest)
        return ERR_MEMORY;
    return pipeline_of(&out->pipeline, &s->weights->preprocess);
}

/* ---------------------------------------------------------------- write */

static int collect(struct params *out, const struct method *m, const struct optimizer *optimizer)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < m->trained.n; i++)
        status = params_add(out, m->trained.items[i].name, m->trained.items[i].value);
    return status == OK ? optimizer_collect(out, optimizer) : status;
}

/* Writes to `path`, or appends to `memory`. */
static int encode(const char *path, struct str *memory, const struct method *m,
                  const struct optimizer *optimizer, const struct progress *progress,
                  const struct provenance *provenance)
{
    struct params tensors = {0};
    struct metadata meta = {0};
    int status = OK;
    if ((status = collect(&tensors, m, optimizer)) == OK &&
        (status = provenance_write(&meta, method_kind_names[m->options.kind], progress, provenance)) == OK)
        status =
            path ? safetensors_write(path, &tensors, &meta) : safetensors_append(memory, &tensors, &meta);
    params_free(&tensors);
    metadata_free(&meta);
    return status;
}

int checkpoint_write(const char *path, const struct method *m, const struct optimizer *optimizer,
                     const struct progress *progress, const struct provenance *provenance)
{
    return encode(path, NULL, m, optimizer, progress, provenance);
}

int checkpoint_append(struct str *out, const struct method *m, const struct optimizer *optimizer,
                      const struct progress *progress, const struct provenance *provenance)
{
    return encode(NULL, out, m, optimizer, progress, provenance);
}

/* ---------------------------------------------------------------- read */

int checkpoint_check_classes(const struct provenance *provenance, const struct method *m, char *const *names,
                             int64_t n_names)
{
    if (!method_text_form(&m->options).per_class)
        return OK;
    char digest[17];
    int status = class_names_digest(digest, names, n_names);
    if (status == OK && strcmp(digest, provenance->class_digest) != 0)
        status = error_set(ERR_USAGE,
                           "context.class_specific: the run learned contexts for its own %" PRId64
                           " classes, which do not serve other classes (%s ... %s)",
                           provenance->n_classes, names[0], names[n_names - 1]);
    return status;
}

static int copy_trained(struct method *m, scope *s, const struct params *stored)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < m->trained.n; i++) {
        const struct param *p = &m->trained.items[i];
        const tensor *value = params_find(stored, p->name);
        status = value ? tensor_check_shape(p->name, value, p->value)
                       : error_set(ERR_FORMAT, "tensor '%s' is missing", p->name);
        if (status == OK)
            t_copy_(s, p->value, value);
    }
    return status;
}

static int check_extra(const struct method *m, const struct params *stored)
{
    for (size_t i = 0; i < stored->n; i++) {
        const char *name = stored->items[i].name;
        if (!optimizer_owns(name) && !params_find(&m->trained, name))
            return error_set(ERR_FORMAT, "tensor '%s' is not one that this method trains", name);
    }
    return OK;
}

/* The method goes to the stage of the last finished step. */
static int enter_stage(struct method *m, const struct metadata *meta)
{
    int64_t step = 0, n_steps = 0;
    int status = metadata_get_i64(&step, meta, "step");
    if (status == OK)
        status = metadata_get_i64(&n_steps, meta, "n_steps");
    return status == OK ? method_enter_stage(m, method_stage_at(m, step, n_steps).index) : status;
}

static int take_all(struct method *m, scope *s, struct optimizer *optimizer, const struct safetensors *file)
{
    int status = OK;
    if ((status = provenance_check(&file->metadata)) == OK &&
        (status = check_extra(m, &file->tensors)) == OK && (status = enter_stage(m, &file->metadata)) == OK)
        status = copy_trained(m, s, &file->tensors);
    return status == OK && optimizer ? optimizer_restore(optimizer, &file->tensors) : status;
}

int checkpoint_read_tensors(struct method *m, struct optimizer *optimizer, const char *path)
{
    scope *s = scope_open(m->scope, SCOPE_GRAD_OFF);
    struct safetensors *file = NULL;
    int status = safetensors_open(&file, s, path);
    if (status == OK && (status = take_all(m, s, optimizer, file)) != OK)
        error_context("'%s'", path);
    int closed = scope_close(s); /* before the file is unmapped */
    safetensors_close(file);
    return status == OK ? closed : status;
}

int checkpoint_restore(struct method *m, struct optimizer *optimizer, const void *bytes, size_t n_bytes)
{
    scope *s = scope_open(m->scope, SCOPE_GRAD_OFF);
    struct safetensors *file = NULL;
    int status = safetensors_open_bytes(&file, s, bytes, n_bytes);
    if (status == OK)
        status = take_all(m, s, optimizer, file);
    int closed = scope_close(s);
    safetensors_close(file);
    return status == OK ? closed : status;
}
