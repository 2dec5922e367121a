/* Opens and saves CLIP weights. Reading takes these steps: path to file (find.c), file to named tensors
 * (raw.c, shards.c), the model among them (unwrap.c), sizes from shapes (check.c), heads and activation from
 * the configuration (model_config.c), then the tensors under OpenAI's names. */
#include "prompt/weights/weights.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "facts.h"
#include "find.h"
#include "model_config.h"
#include "prompt/base/str.h"
#include "raw.h"
#include "shards.h"
#include "unwrap.h"

const char *const weights_format_names[4] = {"OpenAI TorchScript archive", "open_clip state dict",
                                             "Hugging Face CLIPModel", "prompt safetensors"};

/* ---------------------------------------------------------------- the model's own vocabulary */

static const char MERGES_KEY[] = "prompt.merges";
static const char WORDS_KEY[] = "prompt.words";

static int read_vocabulary(struct weights *w)
{
    const char *merges = w->file ? metadata_get(&w->file->metadata, MERGES_KEY) : NULL;
    const char *words = w->file ? metadata_get(&w->file->metadata, WORDS_KEY) : NULL;
    if (!merges && !words)
        return OK;
    if (!merges || !words)
        return error_set(ERR_FORMAT, "metadata '%s' without '%s'", merges ? MERGES_KEY : WORDS_KEY,
                         merges ? WORDS_KEY : MERGES_KEY);
    w->merges = str_dup(merges);
    w->words = str_dup(words);
    return w->merges && w->words ? OK : ERR_MEMORY;
}

static int write_vocabulary(struct metadata *out, const struct weights *w)
{
    if (!w->merges)
        return OK;
    int status = metadata_set(out, MERGES_KEY, w->merges);
    return status == OK ? metadata_set(out, WORDS_KEY, w->words) : status;
}

/* ---------------------------------------------------------------- opening */

/* All tensors of the file, or of its shards, under their own names. */
static int read_tensors(struct weights_raw *raw, struct weights *w)
{
    if (weights_is_index(w->path))
        return weights_read_shards(raw, w);
    int status = weights_raw_read(raw, w, w->path, 0);
    if (status == OK && w->n_files == 1)
        w->file = w->files[0];
    return status;
}

static bool has_openai_buffers(const struct params *tensors)
{
    return params_find(tensors, "input_resolution") && params_find(tensors, "context_length") &&
           params_find(tensors, "vocab_size");
}

static bool any_starts_with(const struct params *p, const char *prefix)
{
    for (size_t i = 0; i < p->n; i++)
        if (str_starts_with(p->items[i].name, prefix))
            return true;
    return false;
}

static int interpret(struct weights *w, const struct params *tensors, bool is_script,
                     const struct weights_options *options)
{
    struct weights_origin origin = {
        .path = w->path,
        .metadata = w->file ? &w->file->metadata : NULL,
        .is_hugging_face =
            any_starts_with(tensors, "vision_model.") || any_starts_with(tensors, "text_model."),
        .is_openai_archive = is_script && has_openai_buffers(tensors),
    };
    bool is_ours = false;
    struct weights_facts facts;
    int status = weights_infer_dims(&w->dims, tensors, origin.is_hugging_face);
    if (status == OK) /* before the names: the configuration explains extra or missing ones */
        status = weights_read_facts(&facts, &is_ours, w, &origin, options);
    if (status == OK &&
        (status = weights_collect(&w->tensors, w->scope, tensors, &w->dims, origin.is_hugging_face)) == OK &&
        (status = weights_apply_facts(w, &facts)) == OK)
        status = read_vocabulary(w);
    if (is_ours)
        w->format = WEIGHTS_PROMPT;
    else if (origin.is_hugging_face)
        w->format = WEIGHTS_HUGGING_FACE;
    else
        w->format = origin.is_openai_archive ? WEIGHTS_OPENAI_ARCHIVE : WEIGHTS_OPEN_CLIP;
    return status;
}

int weights_open(struct weights **out, scope *parent, const char *path, const struct weights_options *options)
{
    *out = NULL;
    struct weights *w = NULL;
    struct weights_raw raw = {0};
    struct params tensors = {0};
    int status = OK;
    if ((status = weights_create(&w, parent)) == OK && (status = weights_find_file(&w->path, path)) == OK)
        status = read_tensors(&raw, w);
    if (status == OK) {
        status = weights_unwrap(&tensors, w, &raw);
        if (status == OK)
            status = interpret(w, &tensors, raw.facts.is_script, options);
        if (status != OK)
            status = error_context("reading '%s'", w->path);
    }
    params_free(&tensors);
    weights_raw_free(&raw);
    if (status != OK) {
        weights_close(w);
        return status;
    }
    *out = w;
    return OK;
}

int weights_save(const struct weights *w, const char *path)
{
    struct metadata metadata;
    int status = OK;
    if ((status = weights_metadata(&metadata, w)) == OK && (status = write_vocabulary(&metadata, w)) == OK)
        status = safetensors_write(path, &w->tensors, &metadata);
    metadata_free(&metadata);
    return status;
}
