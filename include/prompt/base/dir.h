/** Lists of names, and what stands in a folder. */
#ifndef PROMPT_BASE_DIR_H
#define PROMPT_BASE_DIR_H

#include <stdbool.h>
#include <stddef.h>

#include "prompt/base/error.h"

/** Owned texts; `{0}` is empty. */
struct name_list {
    char **names;
    size_t n;
    size_t capacity;
};

int name_list_add(struct name_list *list, const char *name); /* copies it; ERR_MEMORY */
void name_list_free(struct name_list *list);
/** Bytewise, on every machine and in every locale; equal names are kept once. */
void name_list_sort(struct name_list *list);
/** The index of `name` in a sorted list. */
bool name_list_find(size_t *idx, const struct name_list *list, const char *name);

/**
 * Names in a folder, sorted; hidden ones (with a leading dot) are left out.
 * @return OK; ERR_IO with the path and the system's reason; ERR_MEMORY; on failure the list is empty
 */
int dir_list(struct name_list *out, const char *path);
/** The folders among them, and links to folders. */
int dir_list_folders(struct name_list *out, const char *path);

#endif
