/* Lists of (path, label): growth, base and new classes, digests. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "prompt/base/array.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "prompt/data/item_list.h"

const char *const class_subset_names[4] = {"all", "base", "new", NULL};

/* Takes ownership of both texts, also on failure. */
static int append(struct item_list *list, char *path, char *file, int64_t label)
{
    if (array_grow(&list->items, list->n, sizeof *list->items) != OK) {
        free(path);
        free(file);
        return ERR_MEMORY;
    }
    list->items[list->n++] = (struct item){.path = path, .file = file, .label = label};
    return OK;
}

int item_list_add(struct item_list *list, const char *path, int64_t label)
{
    char *copy = str_dup(path);
    return copy ? append(list, copy, NULL, label) : ERR_MEMORY;
}

int item_list_add_item(struct item_list *list, const struct item *item, int64_t label)
{
    char *path = str_dup(item->path);
    char *file = path && item->file ? str_dup(item->file) : NULL;
    if (!path || (item->file && !file)) {
        free(path);
        return ERR_MEMORY;
    }
    return append(list, path, file, label);
}

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->label != y->label ? (x->label > y->label) - (x->label < y->label) : strcmp(x->path, y->path);
}

void item_list_sort(struct item_list *list)
{
    if (list->n > 0)
        qsort(list->items, list->n, sizeof *list->items, compare_items);
}

char *item_file(const char *image_dir, const struct item *item)
{
    return path_join(image_dir, item->file ? item->file : item->path);
}

void item_list_free(struct item_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->items[i].path);
        free(list->items[i].file);
    }
    free(list->items);
    *list = (struct item_list){0};
}

/* ---------------------------------------------------------------- base and new */

void class_subset_range(int64_t *first, int64_t *n, enum class_subset subset, int64_t n_classes)
{
    const int64_t n_base = (n_classes + 1) / 2;
    *first = subset == CLASS_SUBSET_NEW ? n_base : 0;
    *n = subset == CLASS_SUBSET_ALL ? n_classes : subset == CLASS_SUBSET_BASE ? n_base : n_classes - n_base;
}

int item_list_subset(struct item_list *out, const struct item_list *in, enum class_subset subset,
                     int64_t n_classes)
{
    *out = (struct item_list){0};
    int64_t first = 0;
    int64_t n = 0;
    class_subset_range(&first, &n, subset, n_classes);
    for (size_t i = 0; i < in->n; i++) {
        int64_t label = in->items[i].label;
        if (label < first || label >= first + n)
            continue;
        int status = item_list_add_item(out, &in->items[i], label - first);
        if (status != OK) {
            item_list_free(out);
            return status;
        }
    }
    return OK;
}

/* ---------------------------------------------------------------- digests */

int item_list_digest(char hex[DIGEST_HEX_SIZE], const struct item_list *list)
{
    struct str text = {0};
    for (size_t i = 0; i < list->n; i++)
        str_appendf(&text, "%s\t%" PRId64 "\n", list->items[i].path, list->items[i].label);
    int status = str_status(&text);
    if (status == OK)
        status = digest_memory(hex, str_text(&text), text.len);
    str_free(&text);
    return status;
}

int item_list_sizes(struct str *out, const char *image_dir, const struct item_list *list)
{
    for (size_t i = 0; i < list->n && str_status(out) == OK; i++) {
        struct stat st;
        char *file = item_file(image_dir, &list->items[i]);
        if (!file)
            return ERR_MEMORY;
        if (stat(file, &st) == 0)
            str_appendf(out, "%" PRId64 " bytes of %s\n", (int64_t)st.st_size, list->items[i].path);
        else
            str_appendf(out, "no file %s\n", list->items[i].path);
        free(file);
    }
    return str_status(out);
}

int class_names_digest(char hex[17], char *const *names, int64_t n)
{
    char whole[DIGEST_HEX_SIZE];
    struct str text = {0};
    for (int64_t i = 0; i < n; i++) {
        str_append(&text, names[i]);
        str_append_char(&text, '\n');
    }
    int status = str_status(&text);
    if (status == OK)
        status = digest_memory(whole, str_text(&text), text.len);
    str_free(&text);
    if (status != OK)
        return status;
    memcpy(hex, whole, 16);
    hex[16] = '\0';
    return OK;
}

int item_list_limit(struct item_list *out, const struct item_list *in, int64_t limit)
{
    *out = (struct item_list){0};
    const size_t n = limit > 0 && (size_t)limit < in->n ? (size_t)limit : in->n;
    int status = OK;
    for (size_t i = 0; status == OK && i < n; i++) {
        const struct item *item = &in->items[i * in->n / n];
        status = item_list_add_item(out, item, item->label);
    }
    if (status != OK)
        item_list_free(out);
    return status;
}
