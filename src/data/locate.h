/** Finds the files of a data set. */
#ifndef PROMPT_SRC_DATA_LOCATE_H
#define PROMPT_SRC_DATA_LOCATE_H

#include "prompt/base/dir.h"
#include "prompt/data/catalog.h"

/** The data root, as interpreted for a set. */
struct location {
    struct catalog_entry entry; /* its folders are "." if the root is the set's own folder */
    char *root;                 /* owned; contains the entry's folders */
    char *sets_root;            /* owned; contains the folders of all sets */
    bool is_own;                /* --data is the set's own folder, or its image folder */
    bool is_snapshot;           /* --data is a folder of Hugging Face's cache; its snapshot is the root */
};
int location_open(struct location *out, const struct catalog_entry *entry, const char *root);
void location_close(struct location *location);

/** Whether a folder is the wanted image folder. */
typedef bool locate_test(const char *image_dir, const void *context);

/**
 * The image folder of a set below the data root: the first of the entry's paths that passes the test, else
 * the first that exists.
 * @param out  owned
 * @return OK; ERR_IO, naming the official path, if there is none; ERR_MEMORY
 */
int locate_images(char **out, const struct catalog_entry *entry, const char *root, locate_test *test,
                  const void *context);
/** The set's split file (owned): in one of its folders, in data_splits/ below the root, or in the root. */
int locate_split(char **out, const struct catalog_entry *entry, const char *root);
/** Whether any of the set's folders exists below the root. */
bool location_exists(const struct catalog_entry *entry, const char *root);
/** The official image folder (owned), whether it exists or not. NULL when out of memory. */
char *locate_official(const struct catalog_entry *entry, const char *root);

#endif
