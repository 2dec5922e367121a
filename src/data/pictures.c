/* Pictures that belong to no data set. */
#include "prompt/data/pictures.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/data/class_names.h"
#include "walk.h"

/* ---------------------------------------------------------------- finding */

static int add_file(struct pictures *p, char *path)
{
    struct item item = {.path = path, .file = path_absolute(path)};
    int status = item.file ? item_list_add_item(&p->items, &item, 0) : ERR_MEMORY;
    free(item.file);
    return status;
}

/* A folder without pictures is a mistake of its name more often than not. */
static int refuse_empty(const char *dir, const struct left_out *others)
{
    struct str text = {0};
    left_out_describe(&text, others);
    int status = str_status(&text);
    if (status == OK)
        status = error_set(ERR_FORMAT, "the folder '%s' holds no pictures%s%s", dir,
                           text.len > 0 ? ", only " : "", str_text(&text));
    str_free(&text);
    return status;
}

static int merge_left_out(struct left_out *out, const struct left_out *from)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < from->n; i++)
        status = left_out_add(out, from->kinds[i].what, from->kinds[i].n);
    return status;
}

static int add_folder(struct pictures *p, const char *dir)
{
    struct str_list paths = {0};
    struct left_out others = {0};
    int status = walk_images(&paths, &others, dir);
    if (status == OK && paths.n == 0)
        status = refuse_empty(dir, &others);
    for (size_t i = 0; status == OK && i < paths.n; i++) {
        char *path = path_join(dir, paths.items[i]);
        status = path ? add_file(p, path) : ERR_MEMORY;
        free(path);
    }
    if (status == OK)
        status = merge_left_out(&p->left_out, &others);
    left_out_free(&others);
    str_list_free(&paths);
    return status;
}

static int add_operand(struct pictures *p, char *operand)
{
    return file_is_dir(operand) ? add_folder(p, operand) : add_file(p, operand);
}

/* Cuts the line break; an empty line has no picture. */
static int add_line(struct pictures *p, char *line, size_t n, size_t number)
{
    if (strlen(line) != n)
        return error_set(ERR_FORMAT,
                         "the list of pictures, line %zu: expected the path of a picture, found a byte of "
                         "value 0: is it a picture itself?",
                         number);
    line[strcspn(line, "\r\n")] = '\0';
    return line[0] != '\0' ? add_operand(p, line) : OK;
}

static int add_list(struct pictures *p, FILE *list)
{
    char *line = NULL;
    size_t capacity = 0, number = 0;
    ssize_t n = 0;
    const size_t n_before = p->items.n;
    int status = OK;
    if (isatty(fileno(list)))
        return error_set(ERR_USAGE, "-: expected a list of pictures, one a line, on the standard input, "
                                    "found a terminal");
    while (status == OK && (errno = 0, n = getline(&line, &capacity, list)) >= 0)
        status = add_line(p, line, (size_t)n, ++number);
    if (status == OK && ferror(list))
        status = error_set(ERR_IO, "cannot read the list of pictures on the standard input: %s",
                           strerror(errno ? errno : EIO));
    else if (status == OK && !feof(list))
        status = error_out_of_memory();
    else if (status == OK && p->items.n == n_before)
        status = error_set(ERR_FORMAT, "the list of pictures on the standard input is empty");
    free(line);
    return status;
}

int pictures_find(struct pictures *out, const char *const *operands, size_t n, FILE *list)
{
    bool has_list = false;
    int status = OK;
    *out = (struct pictures){0};
    for (size_t i = 0; status == OK && i < n; i++) {
        if (strcmp(operands[i], "-") != 0) {
            char *operand = str_dup(operands[i]);
            status = operand ? add_operand(out, operand) : ERR_MEMORY;
            free(operand);
        } else if (has_list) {
            status = error_set(ERR_USAGE, "'-', the list on the standard input, is given twice");
        } else {
            has_list = true;
            status = add_list(out, list);
        }
    }
    if (status != OK)
        pictures_free(out);
    return status;
}

void pictures_free(struct pictures *p)
{
    item_list_free(&p->items);
    left_out_free(&p->left_out);
    *p = (struct pictures){0};
}

/* ---------------------------------------------------------------- folders as labels */

/* The last folder's name in a path: `*n` bytes, none for a file in no folder. */
static const char *folder_of(size_t *n, const char *file)
{
    const char *end = strrchr(file, '/');
    const char *start = end ? end : file;
    while (start > file && start[-1] != '/')
        start--;
    *n = end ? (size_t)(end - start) : 0;
    return start;
}

char *pictures_folder(const struct item *item)
{
    size_t n = 0;
    const char *folder = folder_of(&n, item->file ? item->file : item->path);
    return str_dup_n(folder, n);
}

/* Folder after folder, the same name comes again and again. */
int pictures_folders(struct str_list *out, const struct item_list *items)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < items->n; i++) {
        char *folder = pictures_folder(&items->items[i]);
        if (!folder)
            status = ERR_MEMORY;
        else if (out->n == 0 || strcmp(out->items[out->n - 1], folder) != 0)
            status = str_list_add(out, folder);
        free(folder);
    }
    str_list_sort_unique(out);
    return status;
}

/* Begins at the class of the picture before, which is nearly always the one. */
static int find_label(int64_t *label, const char *folder, char *const *names, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const int64_t k = (*label + i) % n;
        if (class_names_compare(names[k], folder) == 0) {
            *label = k;
            return OK;
        }
    }
    return error_set(ERR_FORMAT, "its folder '%s' is none of the %" PRId64 " classes (%s ... %s)", folder, n,
                     names[0], names[n - 1]);
}

int pictures_label(struct item_list *items, char *const *names, int64_t n)
{
    int64_t label = 0;
    int status = OK;
    for (size_t i = 0; status == OK && i < items->n; i++) {
        char *folder = pictures_folder(&items->items[i]);
        status = folder ? find_label(&label, folder, names, n) : ERR_MEMORY;
        if (status == OK)
            items->items[i].label = label;
        else if (status != ERR_MEMORY)
            error_context("'%s'", items->items[i].path);
        free(folder);
    }
    return status;
}
