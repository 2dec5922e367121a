/**
 * A data set in memory: lists of (path, label) with class names.
 */
#ifndef PROMPT_DATA_DATASET_H
#define PROMPT_DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/base/str.h"
#include "prompt/data/item_list.h"
#include "prompt/data/left_out.h"

struct dataset {
    const char *name;     /* of the catalog's entry, "caltech101" */
    const char *template; /* of the CLIP row, "a photo of a {}." */
    char *image_dir;      /* owned; absolute; item paths are relative to it */
    char **class_names;   /* owned; [n_classes], as the split file writes them (underscores kept) */
    int64_t n_classes;
    struct item_list train, val, test;
    struct str layout; /* a note: how the tree differs from the official one, what is left out; or "" */
    struct left_out left_out;
    size_t n_nested;        /* images in sub-folders of class folders */
    char *names_file;       /* owned; the split file or classnames.txt that has the class names; NULL: none */
    struct str other_names; /* its first difference from the built-in names; "" if there is none */
    bool is_synthetic;      /* drawn by prompt data synth; its counts differ from the real set's */
};

/** The file that marks the data root of a drawn world and names it (WORLD_MARKER of world/world.h). */
#define DATASET_SYNTHETIC "SYNTHETIC"

/** Begins another note in `layout` and returns it (borrowed) to append to; dataset_open checks its status. */
struct str *dataset_note(struct dataset *d);
void dataset_free(struct dataset *d);

/**
 * Compares counts and class names with those of the published split: `*out` (owned by the caller) becomes
 * "train 4,100 instead of 4,128, ...", or empty if nothing differs or nothing is known. ImageNet may lack its
 * training images.
 * @return OK, also if something differs; ERR_MEMORY
 */
int dataset_compare_known(struct str *out, const struct dataset *d);

#endif
