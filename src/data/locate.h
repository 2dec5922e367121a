/** Where the files of a data set are. */
#ifndef PROMPT_SRC_DATA_LOCATE_H
#define PROMPT_SRC_DATA_LOCATE_H

#include "prompt/base/dir.h"
#include "prompt/data/catalog.h"

/** The data root as the set needs it. */
struct location {
    struct catalog_entry entry; /* its folders are "." if the root is the set's own folder */
    char *root;                 /* owned; below it the entry's folders are looked for */
    char *sets_root;            /* owned; the folder of all sets' folders */
    bool is_own;                /* --data names the set's own folder, or its image folder */
    bool is_snapshot; /* --data names a folder of Hugging Face's cache, whose snapshot is the root */
};
int location_open(struct location *out, const struct catalog_entry *entry, const char *root);
void location_close(struct location *location);

/** Whether a folder is the image folder that is looked for. */
typedef bool locate_test(const char *image_dir, const void *context);

/**
 * The image folder of a set below the data root: of the entry's places the first that passes the test, else
 * the first that exists.
 * @return OK; ERR_IO, naming the official place, if there is none; ERR_MEMORY
 */
int locate_images(char **out, const struct catalog_entry *entry, const char *root, locate_test *test,
                  const void *context);
/** The set's split file: in one of its folders, in data_splits/ below the root, or in the root. */
int locate_split(char **out, const struct catalog_entry *entry, const char *root);
/** Whether any of the set's folders is below the root. */
bool location_exists(const struct catalog_entry *entry, const char *root);
/** The official image folder, whether it exists or not. NULL when out of memory. */
char *locate_official(const struct catalog_entry *entry, const char *root);

#endif
