/* The files of a pre-training: the checkpoint to continue from, and the model for all other commands. */
#include "checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/image/image.h"
#include "prompt/report/folder.h"
#include "prompt/report/pipeline.h"
#include "prompt/text/tokenizer.h"

static const char FORMAT[] = "prompt pre-training 1";
static const char FIRST_PREFIX[] = "optimizer.first.";
static const char SECOND_PREFIX[] = "optimizer.second.";

/* ---------------------------------------------------------------- write */

static int add_prefixed(struct params *out, const char *prefix, const struct params *in)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < in->n; i++) {
        char *name = str_format("%s%s", prefix, in->items[i].name);
        status = name ? params_add(out, name, in->items[i].value) : ERR_MEMORY;
        free(name);
    }
    return status;
}

/* Adds the program's decoder and tokenizer, on which a table's pixels and ids depend; the drawn world has
 * its own. */
static int describe_pipeline(struct metadata *out, const struct pretrain_state *state)
{
    char revision[32];
    snprintf(revision, sizeof revision, "%d", TOKENIZER_REVISION);
    if (state->table_digest[0] == '\0')
        return OK;
    int status = metadata_set(out, "image_decoder", image_decoder());
    return status == OK ? metadata_set(out, "tokenizer_revision", revision) : status;
}

static int check_pipeline(const struct pretrain_state *state, const struct metadata *meta)
{
    const struct preprocess openai = preprocess_default(1);
    const char *text = metadata_get(meta, "tokenizer_revision");
    struct pipeline here = {0}, there = {0};
    struct str difference = {0};
    int64_t revision = 0;
    if (state->table_digest[0] == '\0')
        return OK;
    if (text && str_parse_i64(&revision, text) != OK)
        return error_set(ERR_FORMAT, "metadata 'tokenizer_revision': expected a number, found '%.40s'", text);
    int status = pipeline_of(&here, &openai);
    if (status == OK)
        status = pipeline_read(&there, NULL, metadata_get(meta, "image_decoder"), revision);
    if (status == OK)
        pipeline_compare(&difference, &there, &here);
    if (status == OK && difference.len > 0)
        status = error_set(ERR_USAGE, "it was trained with another value of %s", str_text(&difference));
    str_free(&difference);
    pipeline_free(&here);
    pipeline_free(&there);
    return status;
}

static int describe(struct metadata *out, const struct pretrain_state *state)
{
    char step[32];
    snprintf(step, sizeof step, "%" PRId64, state->step);
    int status = OK;
    if ((status = metadata_set(out, "format", FORMAT)) == OK &&
        (status = metadata_set(out, "recipe", state->recipe)) == OK &&
        (status = metadata_set(out, "table_digest", state->table_digest)) == OK)
        status = describe_pipeline(out, state);
    return status == OK ? metadata_set(out, "step", step) : status;
}

/* Writes to `path`, or appends to `memory`. */
static int encode(const char *path, struct str *memory, const struct weights *w,
                  const struct adamw *optimizer, const struct pretrain_state *state)
{
    struct params tensors = {0};
    struct metadata meta = {0};
    int status = OK;
    if ((status = add_prefixed(&tensors, "", &w->tensors)) == OK &&
        (status = add_prefixed(&tensors, FIRST_PREFIX, &optimizer->first)) == OK &&
        (status = add_prefixed(&tensors, SECOND_PREFIX, &optimizer->second)) == OK &&
        (status = describe(&meta, state)) == OK)
        status =
            path ? safetensors_write(path, &tensors, &meta) : safetensors_append(memory, &tensors, &meta);
    params_free(&tensors);
    metadata_free(&meta);
    return status;
}

/* Writes the weights rounded to half precision. */
static int write_model(const char *path, const struct weights *w)
{
    scope *s = scope_open(w->scope, SCOPE_GRAD_OFF);
    struct weights half = *w;
    half.tensors = (struct params){0};
    int status = OK;
    for (size_t i = 0; status == OK && i < w->tensors.n; i++) {
        const struct param *p = &w->tensors.items[i];
        tensor *rounded = t_to(s, p->value, DTYPE_F16);
        status = rounded ? params_add(&half.tensors, p->name, rounded) : scope_status(s);
    }
    if (status == OK)
        status = weights_save(&half, path);
    params_free(&half.tensors);
    int closed = scope_close(s);
    return status == OK ? closed : status;
}

int pretrain_save(const char *checkpoint_path, const char *model_path, const struct weights *w,
                  const struct adamw *optimizer, const struct pretrain_state *state)
{
    int status = encode(checkpoint_path, NULL, w, optimizer, state);
    return status == OK ? write_model(model_path, w) : status;
}

int pretrain_append(struct str *out, const struct weights *w, const struct adamw *optimizer,
                    const struct pretrain_state *state)
{
    return encode(NULL, out, w, optimizer, state);
}

/* ---------------------------------------------------------------- read */

static bool same_shape(const tensor *a, const tensor *b)
{
    bool same = t_dim(a) == t_dim(b);
    for (int64_t i = 0; same && i < t_dim(a); i++)
        same = t_size(a, i) == t_size(b, i);
    return same;
}

static int copy_prefixed(scope *s, const struct params *out, const char *prefix, const struct params *stored)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < out->n; i++) {
        char *name = str_format("%s%s", prefix, out->items[i].name);
        const tensor *value = name ? params_find(stored, name) : NULL;
        if (!name)
            status = ERR_MEMORY;
        else if (!value || !same_shape(value, out->items[i].value))
            status = error_set(ERR_FORMAT, "tensor '%s' is %s", name, value ? "of another shape" : "missing");
        else
            t_copy_(s, out->items[i].value, value);
        free(name);
    }
    return status;
}

/* Checks that the checkpoint belongs to this run. */
static int check_metadata(struct pretrain_state *state, const struct metadata *meta)
{
    const char *format = metadata_get(meta, "format");
    if (!format || strcmp(format, FORMAT) != 0)
        return error_set(ERR_FORMAT, "expected a checkpoint of prompt pretrain, found format '%.80s'",
                         format ? format : "none");
    const char *digest = metadata_get(meta, "table_digest"), *step = metadata_get(meta, "step");
    const char *recipe = metadata_get(meta, "recipe");
    if (!recipe || strcmp(recipe, state->recipe) != 0)
        return error_set(ERR_USAGE, "it belongs to another recipe than that of the run's %s",
                         RUN_CONFIG_FILE);
    if (!digest || strcmp(digest, state->table_digest) != 0)
        return error_set(ERR_USAGE, "the table of captions has changed since it was written");
    if (!step || str_parse_i64(&state->step, step) != OK || state->step < 0)
        return error_set(ERR_FORMAT, "metadata 'step': expected a number, found '%.40s'",
                         step ? step : "none");
    return check_pipeline(state, meta);
}

int pretrain_load(struct pretrain_state *state, const char *checkpoint_path, struct weights *w,
                  struct adamw *optimizer)
{
    scope *s = scope_open(w->scope, SCOPE_GRAD_OFF);
    struct safetensors *file = NULL;
    int status = safetensors_open(&file, s, checkpoint_path);
    if (status == OK) {
        if ((status = check_metadata(state, &file->metadata)) == OK &&
            (status = copy_prefixed(s, &w->tensors, "", &file->tensors)) == OK &&
            (status = copy_prefixed(s, &optimizer->first, FIRST_PREFIX, &file->tensors)) == OK)
            status = copy_prefixed(s, &optimizer->second, SECOND_PREFIX, &file->tensors);
        if (status != OK)
            error_context("'%s'", checkpoint_path);
    }
    int closed = scope_close(s); /* before the file is unmapped */
    safetensors_close(file);
    return status == OK ? closed : status;
}
