/**
 * Data sets on disk: lists of (path, label) with class names.
 *
 * A data set is an entry of the catalog (catalog.h). Nothing is ever written into the data tree.
 */
#ifndef PROMPT_DATA_DATASET_H
#define PROMPT_DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/base/digest.h"
#include "prompt/base/error.h"
#include "prompt/base/str.h"

/** Which classes: all, the first ceil(K/2) labels, or the rest. */
enum class_subset { CLASS_SUBSET_ALL, CLASS_SUBSET_BASE, CLASS_SUBSET_NEW };
extern const char *const class_subset_names[4]; /* "all", "base", "new", NULL */

struct item {
    char *path;    /* owned; relative to the image folder, as published: what digests and results hold */
    char *file;    /* owned; where the file lies below the image folder, NULL: at `path` */
    int64_t label; /* from 0 */
};

struct item_list {
    struct item *items;
    size_t n;
    size_t capacity;
};

/** What lies beside the images of a set and is not taken, by kind. */
struct left_out {
    struct left_out_kind {
        char *what; /* owned; an ending with its dot, or words */
        size_t n;
    } * kinds; /* owned */
    size_t n;
};

struct dataset {
    const char *name;     /* of the catalog's entry, "caltech101" */
    const char *template; /* of the CLIP row, "a photo of a {}." */
    char *image_dir;      /* absolute; item paths are relative to it */
    char **class_names;   /* [n_classes], as the split file writes them (underscores kept) */
    int64_t n_classes;
    struct item_list train, val, test;
    struct str layout; /* in what the tree differs from the official one, for a note; "" if in nothing; what
                        * is left out stands there, too */
    struct left_out left_out;
    size_t n_nested;        /* images in sub-folders of class folders */
    char *names_file;       /* owned; the split file or classnames.txt of the class names, NULL: none */
    struct str other_names; /* in what it differs from the built-in names, first of all; "" if in nothing */
    bool is_synthetic;      /* drawn by prompt data synth: its counts are not those of the real set */
};

/** The file in the data root that a drawn world has (WORLD_MARKER of world/world.h): one line that names it.
 */
#define DATASET_SYNTHETIC "SYNTHETIC"

/** Which set, and where. Texts may be NULL or "" where a default stands. */
struct dataset_options {
    const char *name;
    const char *root; /* folder of the sets' folders; for `folder` the images themselves; unused for `csv` */
    const char
        *split_file; /* instead of the set's; for `csv` the list; for `folder` a split file for its images */
    const char *image_dir; /* instead of the set's; for `csv` the default is the list's folder */
    uint64_t split_seed;   /* of own data without parts */
};

/**
 * Reads the lists of a data set. A tree that lies differently, in a way that is found in the wild, is taken
 * and noted in `layout`. Checked: folders and split file are there (else the error says where it looked and
 * where they can be had), labels contiguous from 0, one name per label, no absolute or climbing path, no
 * empty class. Existence of every image is checked by dataset_find_files.
 * @return OK; ERR_USAGE for an unknown name (with the nearest known one), a missing root or an option that
 * the set does not take; ERR_IO; ERR_FORMAT
 */
int dataset_open(struct dataset **out, const struct dataset_options *options);
void dataset_free(struct dataset *d);

/** Why a listed image cannot be had. */
enum missing_kind {
    MISSING_FILE,    /* nothing is there */
    MISSING_LINK,    /* a link that leads nowhere, as git-annex leaves it */
    MISSING_POINTER, /* a file of git LFS in place of the image */
    MISSING_DENIED,  /* no permission to read it, or its folder */
    N_MISSING_KINDS,
};

/** What dataset_look_for_files found; `{0}` at first. */
struct found_files {
    size_t n_images;
    size_t n_missing; /* of all kinds together */
    size_t n_moved;   /* found under another case, or one folder deeper */
    struct missing_files {
        size_t n;
        struct str first; /* the first three, absolute, quoted, with commas between */
    } missing[N_MISSING_KINDS];
    struct missing_files empty;   /* files without a byte; they are not missing */
    struct missing_files special; /* folders, pipes, sockets and devices; likewise */
    struct str_list folders;      /* that are missing with all their images, relative to the image folder */
    size_t n_in_folders;          /* missing images in those */
    struct str link_target;       /* of the first link that leads nowhere */
};

/**
 * Looks for every image of the list: at its path, in a doubled folder (cars_train/cars_train/), with other
 * capitals, or in a folder without the underscores (ApplyEyeMakeup/); sets the `file` of those that are
 * elsewhere. Adds to `found`; a missing image is no failure.
 */
int dataset_look_for_files(struct found_files *found, const struct dataset *d, struct item_list *list);
/** Whether an image's file can be had: it is there, readable, not empty and no pointer of git LFS. */
bool dataset_has_file(const char *file);
void found_files_free(struct found_files *found);
/** Appends how many are missing, the first of them, the likely cause, and where they can be had: for each
 * kind. */
int found_files_describe(struct str *out, const struct found_files *found, const struct dataset *d);
/** The same for one list; a missing image is ERR_IO with that description. */
int dataset_find_files(const struct dataset *d, struct item_list *list);

/**
 * Compares counts and class names with those of the published split: `*out` becomes "train 4,100 instead of
 * 4,128, ...", and empty if nothing differs or nothing is known. ImageNet may lack its training images.
 * str_free frees it.
 * @return OK, also if something differs; ERR_MEMORY
 */
int dataset_compare_known(struct str *out, const struct dataset *d);

/* ---------------------------------------------------------------- few-shot samples and subsets */

/**
 * The few-shot sample as the field's public code draws it (CoOp and Dassl): one generator seeded with `seed`
 * visits the classes of `train` in order of first appearance with k = n_shots, then those of `val` with
 * k = min(n_shots, 4). A class of fewer images is taken whole and draws nothing. Drawn over all classes; cut
 * base and new afterwards with dataset_subset.
 * @param n_shots  images per class; 0 takes every image, in order
 * @return OK; ERR_USAGE if n_shots < 0; ERR_MEMORY; on failure both lists are empty
 */
int fewshot_sample(struct item_list *train, struct item_list *val, const struct dataset *d, int64_t n_shots,
                   uint32_t seed);

/** The labels of a subset: first label and number of classes. */
void class_subset_range(int64_t *first, int64_t *n, enum class_subset subset, int64_t n_classes);

/** Items of the subset's classes, in order, relabelled from 0. */
int item_list_subset(struct item_list *out, const struct item_list *in, enum class_subset subset,
                     int64_t n_classes);
/** N images spread evenly over the list: image floor(i n / N). All of them if `limit` is 0 or at least n. */
int item_list_limit(struct item_list *out, const struct item_list *in, int64_t limit);

int item_list_add(struct item_list *list, const char *path, int64_t label);             /* copies the path */
int item_list_add_item(struct item_list *list, const struct item *item, int64_t label); /* copies its texts */
/** By label, then path: the order of class folders. */
void item_list_sort(struct item_list *list);
/** The item's file on the heap; NULL when out of memory. */
char *item_file(const char *image_dir, const struct item *item);
void item_list_free(struct item_list *list);

/** SHA-256 over "path\tlabel\n" of every item. */
int item_list_digest(char hex[DIGEST_HEX_SIZE], const struct item_list *list);
/** First 16 hex digits of SHA-256 over the names, each followed by "\n", underscores kept. */
int class_names_digest(char hex[17], char *const *names, int64_t n);

#endif
