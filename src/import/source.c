/* Reads files of torch.save: tensors by name, numbers and texts. */
#include "source.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/array.h"
#include "prompt/base/path.h"

enum { MAX_TENSORS = 8192 }; /* a whole CLIP with its prompts and optimizer has some hundreds */

static const char STATE_DICT[] = "state_dict.", WRAPPER[] = "module.";

/* "keys" of "cache/keys_16shots.pt": up to an underscore before a digit, or the ending. */
static char *name_of_file(const char *path)
{
    const char *name = path_name(path);
    size_t n = 0;
    while (name[n] != '\0' && name[n] != '.' && !(name[n] == '_' && name[n + 1] >= '0' && name[n + 1] <= '9'))
        n++;
    return str_dup_n(name, n);
}

static int add_tensor(void *context, const struct archive_item *item)
{
    struct import_source *out = context;
    const bool is_bare = item->name[0] == '\0';
    if (out->n_tensors == MAX_TENSORS)
        return error_set(ERR_FORMAT, "more than %d tensors", (int)MAX_TENSORS);
    int status = array_grow(&out->tensors, out->n_tensors, sizeof *out->tensors);
    if (status != OK)
        return status;
    struct source_tensor *t = &out->tensors[out->n_tensors++];
    *t = (struct source_tensor){.name = is_bare ? name_of_file(out->reading) : str_dup(item->name),
                                .value = item->value,
                                .path = str_dup(out->reading)};
    t->found = item->found ? str_dup(item->found) : NULL;
    return t->name && t->path && (t->found || !item->found) ? OK : ERR_MEMORY;
}

static int add_scalar(void *context, const char *name, const char *text)
{
    struct import_source *out = context;
    int status = array_grow(&out->scalars, out->n_scalars, sizeof *out->scalars);
    if (status != OK)
        return status;
    struct source_scalar *x = &out->scalars[out->n_scalars++];
    *x = (struct source_scalar){.name = str_dup(name), .text = str_dup(text)};
    return x->name && x->text ? OK : ERR_MEMORY;
}

static int read_archive(struct import_source *out, scope *s, const char *path)
{
    struct archive_facts facts;
    char sha256[DIGEST_HEX_SIZE];
    free(out->reading);
    out->reading = path_absolute(path);
    if (!out->reading)
        return ERR_MEMORY;
    int status = archive_read(s, path, &facts, &(struct archive_visitor){add_tensor, add_scalar, out});
    if (status == OK && facts.module_class[0] != '\0')
        status = error_set(ERR_FORMAT,
                           "'%s' holds a whole module (%s) instead of a state dict: save module.state_dict()",
                           path, facts.module_class);
    if (status == OK && (status = digest_file(sha256, path)) == OK)
        status = imported_files_add(&out->files, path_name(path), sha256);
    return status;
}

static void free_tensor(struct source_tensor *t)
{
    free(t->name);
    free(t->found);
    free(t->path);
}

/* Keeps what is below "state_dict", if there is one, and cuts this and a wrapper's "module." off the names. */
static void unwrap(struct import_source *source)
{
    bool has_outer = false;
    size_t n = 0;
    for (size_t i = 0; i < source->n_tensors; i++)
        has_outer = has_outer || str_starts_with(source->tensors[i].name, STATE_DICT);
    for (size_t i = 0; i < source->n_tensors; i++) {
        struct source_tensor t = source->tensors[i];
        if (has_outer && !str_starts_with(t.name, STATE_DICT)) {
            free_tensor(&t);
            continue;
        }
        size_t skip = has_outer ? sizeof STATE_DICT - 1 : 0;
        skip += str_starts_with(t.name + skip, WRAPPER) ? sizeof WRAPPER - 1 : 0;
        memmove(t.name, t.name + skip, strlen(t.name + skip) + 1);
        source->tensors[n++] = t;
    }
    source->n_tensors = n;
}

int import_open(struct import_source **out, scope *s, const char *const *paths, size_t n_paths)
{
    *out = NULL;
    struct import_source *source = calloc(1, sizeof *source);
    if (!source)
        return error_out_of_memory();
    source->path = path_absolute(paths[0]);
    int status = source->path ? OK : ERR_MEMORY;
    for (size_t i = 0; status == OK && i < n_paths; i++)
        status = read_archive(source, s, paths[i]);
    if (status != OK) {
        import_close(source);
        return status;
    }
    unwrap(source);
    *out = source;
    return OK;
}

int import_add_number(struct import_source *source, scope *s, const char *name, double value)
{
    const struct archive_item item = {.name = name,
                                      .value = t_full(s, NULL, 0, value, DTYPE_F64, (struct device){0})};
    int status = scope_status(s);
    return status == OK ? add_tensor(source, &item) : status;
}

void import_close(struct import_source *source)
{
    if (!source)
        return;
    for (size_t i = 0; i < source->n_tensors; i++)
        free_tensor(&source->tensors[i]);
    for (size_t i = 0; i < source->n_scalars; i++) {
        free(source->scalars[i].name);
        free(source->scalars[i].text);
    }
    free(source->tensors);
    free(source->scalars);
    imported_files_free(&source->files);
    free(source->path);
    free(source->reading);
    free(source);
}

const char *import_name(const struct import_source *source)
{
    return source->files.items[0].name;
}

int64_t import_epoch(const struct import_source *source)
{
    const char *text = source_scalar(source, "epoch");
    int64_t epoch = 0;
    return text && str_parse_i64(&epoch, text) == OK && epoch > 0 ? epoch : 0;
}

const struct source_tensor *source_find(const struct import_source *source, const char *name)
{
    for (size_t i = 0; i < source->n_tensors; i++)
        if (strcmp(source->tensors[i].name, name) == 0)
            return &source->tensors[i];
    return NULL;
}

const char *source_scalar(const struct import_source *source, const char *name)
{
    for (size_t i = 0; i < source->n_scalars; i++)
        if (strcmp(source->scalars[i].name, name) == 0)
            return source->scalars[i].text;
    return NULL;
}
