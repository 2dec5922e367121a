/** Pictures that belong to no data set: files, folders and lists, in the order in which a user names them. */
#ifndef PROMPT_DATA_PICTURES_H
#define PROMPT_DATA_PICTURES_H

#include <stdio.h>

#include "prompt/base/str.h"
#include "prompt/data/item_list.h"
#include "prompt/data/left_out.h"

struct pictures {
    struct item_list items;   /* `path` as the user names it, `file` absolute, `label` 0 */
    struct left_out left_out; /* the other files in the folders */
};

/**
 * Finds the pictures of the operands. A folder stands for all pictures in it and its sub-folders, in the
 * order of walk_images (its hidden entries are ignored), "-" for the files and folders that `list` names, one
 * a line. A file is taken as it is, whatever its name: it fails when it is read.
 * @param out       owned; zeroed on failure
 * @param operands  [n], borrowed
 * @param list      the standard input, borrowed
 * @return OK; ERR_USAGE if `list` is a terminal or "-" is given twice; ERR_IO for a folder that cannot be
 *         read; ERR_FORMAT for a folder without pictures, an empty list or a list that is no text; ERR_MEMORY
 */
int pictures_find(struct pictures *out, const char *const *operands, size_t n, FILE *list);
void pictures_free(struct pictures *p);

/** The name of the folder that holds the picture's file, owned; NULL when out of memory. */
char *pictures_folder(const struct item *item);
/** Adds the names of all such folders to `out`, sorted bytewise, each once. ERR_MEMORY. */
int pictures_folders(struct str_list *out, const struct item_list *items);
/**
 * Labels each picture with the class that has the name of its folder; underscores and spaces are the same.
 * @param names  [n], of the classes
 * @return OK; ERR_FORMAT naming the first picture whose folder is none of the classes; ERR_MEMORY
 */
int pictures_label(struct item_list *items, char *const *names, int64_t n);

#endif
