/** Lists of images with labels, and the base and new halves of their classes. */
#ifndef PROMPT_DATA_ITEM_LIST_H
#define PROMPT_DATA_ITEM_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "prompt/base/digest.h"
#include "prompt/base/error.h"
#include "prompt/base/str.h"

/** Which classes: all, the first ceil(K/2) labels, or the rest. */
enum class_subset { CLASS_SUBSET_ALL, CLASS_SUBSET_BASE, CLASS_SUBSET_NEW };
extern const char *const class_subset_names[4]; /* "all", "base", "new", NULL */

struct item {
    char *path;    /* owned; relative to the image folder, as published; digests and results hold it */
    char *file;    /* owned; the file's path below the image folder; NULL: `path` */
    int64_t label; /* from 0 */
};

struct item_list {
    struct item *items;
    size_t n;
};

/** The labels of a subset: first label and number of classes. */
void class_subset_range(int64_t *first, int64_t *n, enum class_subset subset, int64_t n_classes);

/** Items of the subset's classes, in order, relabelled from 0. */
int item_list_subset(struct item_list *out, const struct item_list *in, enum class_subset subset,
                     int64_t n_classes);
/** `limit` of the n images, spread evenly: image floor(i n / limit). All if `limit` is 0 or at least n. */
int item_list_limit(struct item_list *out, const struct item_list *in, int64_t limit);

int item_list_add(struct item_list *list, const char *path, int64_t label);             /* copies the path */
int item_list_add_item(struct item_list *list, const struct item *item, int64_t label); /* copies its texts */
/** Sorts by label, then path: the order of class folders. */
void item_list_sort(struct item_list *list);
/** The item's file, owned; NULL when out of memory. */
char *item_file(const char *image_dir, const struct item *item);
void item_list_free(struct item_list *list);

/** SHA-256 over "path\tlabel\n" of every item. */
int item_list_digest(char hex[DIGEST_HEX_SIZE], const struct item_list *list);
/** Appends "N bytes of PATH\n" or "no file PATH\n" of every item. ERR_MEMORY. */
int item_list_sizes(struct str *out, const char *image_dir, const struct item_list *list);
/** First 16 hex digits of SHA-256 over the names, each followed by "\n", underscores kept. */
int class_names_digest(char hex[17], char *const *names, int64_t n);

#endif
