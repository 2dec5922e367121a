/* Lists of names, and what stands in a folder. */
#include "prompt/base/dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "prompt/base/str.h"

/* ---------------------------------------------------------------- lists of names */

int name_list_add(struct name_list *list, const char *name)
{
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        char **names = realloc(list->names, capacity * sizeof *names);
        if (!names)
            return error_out_of_memory();
        list->names = names;
        list->capacity = capacity;
    }
    list->names[list->n] = str_dup(name);
    if (!list->names[list->n])
        return ERR_MEMORY;
    list->n++;
    return OK;
}

void name_list_free(struct name_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->names[i]);
    free(list->names);
    *list = (struct name_list){0};
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void name_list_sort(struct name_list *list)
{
    if (list->n == 0)
        return;
    qsort(list->names, list->n, sizeof *list->names, compare_names);
    size_t n_kept = 1;
    for (size_t i = 1; i < list->n; i++) {
        if (strcmp(list->names[i], list->names[n_kept - 1]) == 0)
            free(list->names[i]);
        else
            list->names[n_kept++] = list->names[i];
    }
    list->n = n_kept;
}

bool name_list_find(size_t *idx, const struct name_list *list, const char *name)
{
    char *const *found =
        list->n > 0 ? bsearch(&name, list->names, list->n, sizeof *list->names, compare_names) : NULL;
    if (found)
        *idx = (size_t)(found - list->names);
    return found != NULL;
}

/* ---------------------------------------------------------------- folders */

static int list_entries(struct name_list *out, const char *path, bool folders_only)
{
    *out = (struct name_list){0};
    DIR *dir = opendir(path);
    if (!dir)
        return error_set(ERR_IO, "cannot open the folder '%s': %s", path, strerror(errno));
    int status = OK;
    struct dirent *entry = NULL;
    while (status == OK && (errno = 0, entry = readdir(dir))) {
        struct stat info;
        if (entry->d_name[0] == '.')
            continue;
        if (folders_only && (fstatat(dirfd(dir), entry->d_name, &info, 0) != 0 || !S_ISDIR(info.st_mode)))
            continue;
        status = name_list_add(out, entry->d_name);
    }
    if (status == OK && errno != 0)
        status = error_set(ERR_IO, "cannot read the folder '%s': %s", path, strerror(errno));
    closedir(dir);
    if (status != OK)
        name_list_free(out);
    name_list_sort(out);
    return status;
}

int dir_list(struct name_list *out, const char *path)
{
    return list_entries(out, path, false);
}

int dir_list_folders(struct name_list *out, const char *path)
{
    return list_entries(out, path, true);
}
