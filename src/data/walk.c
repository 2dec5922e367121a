/* Walks a class folder and counts the files left out. */
#include "walk.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "prompt/base/array.h"
#include "prompt/base/dir.h"
#include "prompt/base/path.h"

bool walk_is_image(const char *name)
{
    static const char *const endings[] = {"jpg", "jpeg", "jpe", "jfif", "png",
                                          "bmp", "gif",  "ppm", "pgm",  "webp"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof endings[0]; i++)
        if (strcasecmp(dot + 1, endings[i]) == 0)
            return true;
    return false;
}

/* ---------------------------------------------------------------- walking */

enum { FOLDERS_MAX = 100000 };

struct folder {
    char *path; /* owned, relative to the class folder, "" for itself */
    size_t parent;
    dev_t dev;
    ino_t ino;
};

struct walk {
    const char *dir;
    struct left_out *left;
    struct str_list *images;
    struct folder *folders;
    size_t n;
};

static void walk_free(struct walk *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->folders[i].path);
    free(w->folders);
}

/* Takes ownership of `path`. */
static int add_folder(struct walk *w, char *path, size_t parent, const struct stat *info)
{
    if (w->n == FOLDERS_MAX) {
        free(path);
        return error_set(ERR_FORMAT, "'%s' has more than %d sub-folders", w->dir, FOLDERS_MAX);
    }
    if (array_grow(&w->folders, w->n, sizeof *w->folders) != OK) {
        free(path);
        return ERR_MEMORY;
    }
    w->folders[w->n++] =
        (struct folder){.path = path, .parent = parent, .dev = info->st_dev, .ino = info->st_ino};
    return OK;
}

/* Whether the folder is the same as folder i or one that holds it. */
static bool leads_back(const struct walk *w, size_t i, const struct stat *info)
{
    for (;; i = w->folders[i].parent) {
        if (w->folders[i].dev == info->st_dev && w->folders[i].ino == info->st_ino)
            return true;
        if (i == 0)
            return false;
    }
}

static int add_other(struct walk *w, size_t parent, const char *name, const char *path)
{
    struct stat info;
    char *file = path_join(w->dir, path);
    if (!file)
        return ERR_MEMORY;
    const bool is_there = stat(file, &info) == 0;
    free(file);
    if (is_there && S_ISDIR(info.st_mode)) {
        if (leads_back(w, parent, &info))
            return left_out_add(w->left, LEFT_LOOP, 1);
        char *copy = str_dup(path);
        return copy ? add_folder(w, copy, parent, &info) : ERR_MEMORY;
    }
    if (!is_there)
        return left_out_add(w->left, LEFT_LINK, 1);
    return !S_ISREG(info.st_mode) ? left_out_add(w->left, LEFT_SPECIAL, 1)
                                  : left_out_count_file(w->left, name);
}

/* Adds the images and sub-folders of folder i. A file with an image's ending is not examined, as there may be
 * a million; but a folder may have such a name, too. */
static int look_into(struct walk *w, size_t i)
{
    struct str_list names = {0}, folders = {0};
    char *dir = w->folders[i].path[0] ? path_join(w->dir, w->folders[i].path) : str_dup(w->dir);
    int status = dir ? dir_list_both(&names, &folders, dir) : ERR_MEMORY;
    for (size_t k = 0; status == OK && k < names.n; k++) {
        char *path = path_join(w->folders[i].path, names.items[k]);
        size_t at = 0;
        if (!path)
            status = ERR_MEMORY;
        else if (walk_is_image(names.items[k]) && !str_list_find(&at, &folders, names.items[k]))
            status = str_list_add(w->images, path);
        else
            status = add_other(w, i, names.items[k], path);
        free(path);
    }
    str_list_free(&folders);
    str_list_free(&names);
    free(dir);
    return status;
}

/* Orders by folder, then by name. */
static int compare_paths(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    const char *x_name = strrchr(x, '/'), *y_name = strrchr(y, '/');
    const size_t n = x_name ? (size_t)(x_name - x) : 0, m = y_name ? (size_t)(y_name - y) : 0;
    const int order = memcmp(x, y, n < m ? n : m);
    if (order != 0 || n != m)
        return order != 0 ? order : n < m ? -1 : 1;
    return strcmp(x + n, y + m);
}

int walk_images(struct str_list *out, struct left_out *left, const char *dir)
{
    struct walk w = {.dir = dir, .left = left, .images = out};
    struct stat info = {0};
    char *top = str_dup("");
    const size_t n_before = out->n;
    (void)stat(dir, &info); /* dir_list says why it cannot be read */
    int status = top ? add_folder(&w, top, 0, &info) : ERR_MEMORY;
    for (size_t i = 0; status == OK && i < w.n; i++)
        status = look_into(&w, i);
    if (status == OK && out->n > n_before)
        qsort(out->items + n_before, out->n - n_before, sizeof *out->items, compare_paths);
    walk_free(&w);
    return status;
}
