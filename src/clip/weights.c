/*
 * Opening, hashing and saving of CLIP weights. Reading goes: file to named tensors (here), sizes from shapes
 * (weights_check.c), heads and activation from who says them (weights_config.c), then the tensors under
 * OpenAI's names.
 */
#include "weights_internal.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/str.h"

const char *const weights_format_names[4] = {"OpenAI TorchScript archive", "open_clip state dict",
                                             "Hugging Face CLIPModel", "prompt safetensors"};

int weights_create(struct weights **out, scope *parent)
{
    *out = NULL;
    struct weights *w = calloc(1, sizeof *w);
    if (!w)
        return error_out_of_memory();
    w->scope = scope_open(parent, SCOPE_GRAD_INHERIT);
    if (!w->scope) {
        free(w);
        return error_out_of_memory();
    }
    *out = w;
    return OK;
}

void weights_close(struct weights *w)
{
    if (!w)
        return;
    params_free(&w->tensors);
    (void)scope_close(w->scope); /* the views, before the mapping under them */
    safetensors_close(w->file);
    free(w->merges);
    free(w->words);
    str_list_free(&w->accepted);
    free(w->path);
    free(w);
}

/* ---------------------------------------------------------------- the file */

/* The file of weights in a folder; a heap path. */
static int find_in_folder(char **out, const char *folder)
{
    static const char *const names[] = {"model.safetensors", "open_clip_model.safetensors",
                                        "open_clip_pytorch_model.bin", "pytorch_model.bin"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = path_join(folder, names[i]);
        if (!path)
            return ERR_MEMORY;
        if (file_exists(path)) {
            *out = path;
            return OK;
        }
        free(path);
    }
    return error_set(ERR_IO, "'%s' holds no weights (looked for %s, %s, %s and %s)", folder, names[0],
                     names[1], names[2], names[3]);
}

static int find_file(char **out, const char *path)
{
    *out = NULL;
    char *absolute = path_absolute(path);
    if (!absolute)
        return ERR_MEMORY;
    if (!file_is_dir(absolute)) {
        *out = absolute;
        return OK;
    }
    int status = find_in_folder(out, absolute);
    free(absolute);
    return status;
}

static int add_visited(void *context, const char *name, tensor *t)
{
    return params_add(context, name, t);
}

/* All tensors of the file under its own names, in `raw`. */
static int read_tensors(struct params *raw, struct weights *w, bool *is_script)
{
    *is_script = false;
    if (!str_ends_with(w->path, ".safetensors") && !safetensors_probe(w->path))
        return archive_read(w->scope, w->path, is_script, add_visited, raw);
    int status = safetensors_open(&w->file, w->scope, w->path);
    for (size_t i = 0; status == OK && i < w->file->tensors.n; i++)
        status = params_add(raw, w->file->tensors.items[i].name, w->file->tensors.items[i].value);
    return status;
}

/* ---------------------------------------------------------------- names */

static bool any_starts_with(const struct params *p, const char *prefix)
{
    for (size_t i = 0; i < p->n; i++)
        if (str_starts_with(p->items[i].name, prefix))
            return true;
    return false;
}

/* Only the tensors whose name starts with `prefix` stay, without it. */
static void strip_prefix(struct params *p, const char *prefix)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        struct param item = p->items[i];
        if (!str_starts_with(item.name, prefix)) {
            free(item.name);
            continue;
        }
        memmove(item.name, item.name + strlen(prefix), strlen(item.name) - strlen(prefix) + 1);
        p->items[n++] = item;
    }
    p->n = n;
}

/*
 * Takes off what a training script puts around the model: "state_dict.", beside which an optimizer's tensors
 * do not matter, and then "module." of DistributedDataParallel, which all names have. A tensor that stands
 * outside of "module." is named; if most do, the names stay as they are and the check of the tensors names
 * the rest.
 */
static int unwrap(struct params *p)
{
    const char *module = "module.";
    if (any_starts_with(p, "state_dict."))
        strip_prefix(p, "state_dict.");
    size_t n_outside = 0;
    const char *first = NULL;
    for (size_t i = 0; i < p->n; i++)
        if (!str_starts_with(p->items[i].name, module) && n_outside++ == 0)
            first = p->items[i].name;
    if (n_outside == 0)
        strip_prefix(p, module);
    else if (2 * n_outside < p->n)
        return error_set(ERR_FORMAT,
                         "unexpected tensor '%.120s': the names of %zu of %zu tensors start with '%s'", first,
                         p->n - n_outside, p->n, module);
    return OK;
}

/* Image encoders that are no ViT of CLIP's own kind are refused by what they are, not by a list of tensors.
 */
static int refuse_other_encoders(struct weights *w, const struct params *raw)
{
    if (any_starts_with(raw, "visual.layer1.")) {
        int status = weights_hash(w);
        if (status != OK)
            return status;
        return error_set(
            ERR_FORMAT, "this is a CLIP with a ResNet as its image encoder%s%s%s; only ViTs are supported",
            w->known_name ? " (OpenAI's " : "", w->known_name ? w->known_name : "", w->known_name ? ")" : "");
    }
    if (any_starts_with(raw, "visual.trunk."))
        return error_set(ERR_FORMAT,
                         "its image encoder is one of timm's models; only CLIP's own ViTs are supported");
    return OK;
}

/* ---------------------------------------------------------------- a vocabulary of its own */

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

static bool has_openai_buffers(const struct params *raw)
{
    return params_find(raw, "input_resolution") && params_find(raw, "context_length") &&
           params_find(raw, "vocab_size");
}

static int interpret(struct weights *w, struct params *raw, bool is_script,
                     const struct weights_options *options)
{
    int status = unwrap(raw);
    if (status == OK)
        status = refuse_other_encoders(w, raw);
    struct weights_origin origin = {
        .path = w->path,
        .metadata = w->file ? &w->file->metadata : NULL,
        .is_hugging_face = any_starts_with(raw, "vision_model.") || any_starts_with(raw, "text_model."),
        .is_openai_archive = is_script && has_openai_buffers(raw),
    };
    if (status == OK)
        status = weights_infer_dims(&w->dims, raw, origin.is_hugging_face);
    if (status == OK)
        status = weights_collect(&w->tensors, w->scope, raw, &w->dims, origin.is_hugging_face);
    bool is_ours = false;
    if (status == OK)
        status = weights_configure(w, &is_ours, &origin, options);
    if (status == OK)
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
    struct params raw = {0};
    bool is_script = false;
    int status = weights_create(&w, parent);
    if (status == OK)
        status = find_file(&w->path, path);
    if (status == OK)
        status = read_tensors(&raw, w, &is_script);
    if (status == OK && (status = interpret(w, &raw, is_script, options)) != OK)
        status = error_context("reading '%s'", w->path);
    params_free(&raw);
    if (status != OK) {
        weights_close(w);
        return status;
    }
    *out = w;
    return OK;
}

int weights_hash(struct weights *w)
{
    if (!w->path)
        return OK;
    int status = digest_file(w->sha256, w->path);
    if (status == OK)
        w->known_name = weights_known_name(w->sha256);
    return status;
}

int weights_save(const struct weights *w, const char *path)
{
    struct metadata metadata;
    int status = weights_metadata(&metadata, w);
    if (status == OK)
        status = write_vocabulary(&metadata, w);
    if (status == OK)
        status = safetensors_write(path, &w->tensors, &metadata);
    metadata_free(&metadata);
    return status;
}
