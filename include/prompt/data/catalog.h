/**
 * The data sets that the program knows: one table, of which every list, reader and check is made.
 *
 * Folder names are the ones of the field's public code (CoOp's DATASETS.md) first, then others that are found
 * in the wild. Templates are those of the CLIP row, verbatim, with the field's missing articles. Counts and
 * digests are those of the published splits.
 */
#ifndef PROMPT_DATA_CATALOG_H
#define PROMPT_DATA_CATALOG_H

#include <stddef.h>
#include <stdint.h>

#include "prompt/base/error.h"

/** Where a set stands in the paper's tables. */
enum catalog_group {
    CATALOG_MAIN,    /* the eleven of Tables 1 and 2 */
    CATALOG_VARIANT, /* the four of Table 3: ImageNet's classes, evaluation only */
    CATALOG_OWN,     /* the user's own images; nothing is known of them */
};

/** How a set lies on the disk. */
enum catalog_layout {
    LAYOUT_SPLIT,    /* an image folder and a split file */
    LAYOUT_AIRCRAFT, /* FGVC's lists of variants */
    LAYOUT_IMAGENET, /* train/ and val/ with a folder for each id */
    LAYOUT_VARIANT,  /* one folder for each of some or all of ImageNet's ids, or for each label's number */
    LAYOUT_FOLDER,   /* one folder for each class */
    LAYOUT_CSV,      /* a list of path, label and name */
};

enum { CATALOG_FOLDERS_MAX = 4 };

struct catalog_entry {
    const char *name;         /* "oxford_pets"; NULL ends the table */
    const char *display_name; /* "OxfordPets", as the paper's tables have it */
    enum catalog_group group;
    enum catalog_layout layout;
    const char *folders[CATALOG_FOLDERS_MAX]; /* below the data root; the official one first; NULL ends */
    const char *image_folders[CATALOG_FOLDERS_MAX]; /* below that; "." is the folder itself */
    const char *split_file;                         /* in the folder; NULL: the layout has none */
    const char *template;                           /* "a photo of a {}." */
    int64_t n_classes;                              /* 0: unknown, as are the counts */
    size_t n_train, n_val, n_test;
    const char *names_digest; /* class_names_digest of the names in label order; NULL: unknown */
    const char *source;       /* where images and split file can be had; NULL: the user has them */
};

/** Every data set, in the order of the paper's tables; ends with a NULL name. */
extern const struct catalog_entry catalog[];

/** The entry of a name, NULL if it is unknown. */
const struct catalog_entry *catalog_get(const char *name);

/**
 * The same.
 * @return OK; ERR_USAGE for an unknown name, with the nearest known one (a display name leads to it, too) or
 * all of them
 */
int catalog_find(const struct catalog_entry **out, const char *name);

#endif
