/**
 * Opening a data set: an entry of the catalog (catalog.h), read by one of the readers. Nothing is ever written
 * into the data tree.
 */
#ifndef PROMPT_DATA_DATASET_OPEN_H
#define PROMPT_DATA_DATASET_OPEN_H

#include "prompt/data/dataset.h"

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

#endif
