/**
 * Data sets on disk: lists of (path, label) with class names, from the field's published split files.
 *
 * A data set is one row of the table in dataset.c. Nothing is ever written into the data tree.
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
    char *path;    /* owned; relative to the image folder */
    int64_t label; /* from 0 */
};

struct item_list {
    struct item *items;
    size_t n;
    size_t capacity;
};

struct dataset {
    const char *name;     /* row of the table, "caltech101" */
    const char *template; /* of the CLIP row, "a photo of a {}." */
    char *image_dir;      /* absolute; item paths are relative to it */
    char **class_names;   /* [n_classes], as the split file writes them (underscores kept) */
    int64_t n_classes;
    struct item_list train, val, test;
};

/**
 * Reads the lists of data set `name` below the data root.
 * Checked: folder and split file are there (else the error says where it looked and what is expected), labels
 * contiguous from 0, one name per label, no absolute or climbing path, no empty class.
 * Existence of every image is checked by dataset_check_files.
 * @return OK; ERR_USAGE for an unknown name (with the nearest known one) or a missing root; ERR_IO;
 * ERR_FORMAT
 */
int dataset_open(struct dataset **out, const char *data_root, const char *name);
void dataset_free(struct dataset *d);

/** Every image of the list exists; else ERR_IO with the count, the first three absolute paths and the folder.
 */
int dataset_check_files(const struct dataset *d, const struct item_list *list);

/**
 * Compares counts and class names with those of the published split. `*out` becomes one sentence for a
 * warning, "data set 'caltech101' differs from the published split: train 4,100 instead of 4,128, ...", and
 * empty if nothing differs or nothing is known. str_free frees it.
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

int item_list_add(struct item_list *list, const char *path, int64_t label); /* copies the path */
void item_list_free(struct item_list *list);

/** SHA-256 over "path\tlabel\n" of every item. */
int item_list_digest(char hex[DIGEST_HEX_SIZE], const struct item_list *list);
/** First 16 hex digits of SHA-256 over the names, each followed by "\n", underscores kept. */
int class_names_digest(char hex[17], char *const *names, int64_t n);

#endif
