/**
 * The data sets that the program knows: one table, from which every list, reader and check is made.
 *
 * Folder names: first those of the field's public code (CoOp's DATASETS.md), then others found in the wild.
 * Templates: those of the CLIP row, verbatim, with the field's missing articles. Counts and digests: those of
 * the published splits.
 */
#ifndef PROMPT_DATA_CATALOG_H
#define PROMPT_DATA_CATALOG_H

#include <stddef.h>
#include <stdint.h>

#include "prompt/base/error.h"

/** The tables of the paper that a set belongs to. */
enum catalog_group {
    CATALOG_MAIN,    /* the eleven of Tables 1 and 2 */
    CATALOG_VARIANT, /* the four of Table 3: ImageNet's classes, evaluation only */
    CATALOG_OWN,     /* the user's own images, about which nothing is known */
};

/** The arrangement of a set's files. */
enum catalog_layout {
    LAYOUT_SPLIT,    /* an image folder and a split file */
    LAYOUT_AIRCRAFT, /* FGVC's lists of variants */
    LAYOUT_IMAGENET, /* train/ and val/ with one folder per id */
    LAYOUT_VARIANT,  /* one folder per ImageNet id (some or all of them), or per label number */
    LAYOUT_FOLDER,   /* one folder per class */
    LAYOUT_CSV,      /* a list of paths, labels and names */
};

enum { CATALOG_FOLDERS_MAX = 4 };

struct catalog_entry {
    const char *name;         /* "oxford_pets"; NULL ends the table */
    const char *display_name; /* "OxfordPets", as the paper's tables have it */
    enum catalog_group group;
    enum catalog_layout layout;
    const char *folders[CATALOG_FOLDERS_MAX]; /* below the data root, official one first; NULL ends it */
    const char *image_folders[CATALOG_FOLDERS_MAX]; /* below that; "." is the folder itself */
    const char *split_file;                         /* in the folder; NULL: the layout has none */
    const char *template;                           /* "a photo of a {}." */
    int64_t n_classes;                              /* 0: unknown, as are the counts */
    size_t n_train, n_val, n_test;
    const char *names_digest; /* class_names_digest of the names in label order; NULL: unknown */
    const char *source;       /* where to get images and split file; NULL: the user has them */
};

/** Every data set, in the order of the paper's tables; ends with a NULL name. */
extern const struct catalog_entry catalog[];

/** The entry of that name, borrowed from `catalog`; NULL if it is unknown. */
const struct catalog_entry *catalog_get(const char *name);

/**
 * The same, in `*out` (borrowed).
 * @return OK; ERR_USAGE for an unknown name, with the nearest known one (by name or display name) or all of
 * them
 */
int catalog_find(const struct catalog_entry **out, const char *name);

#endif
