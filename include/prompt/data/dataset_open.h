/**
 * Opens a data set: an entry of the catalog (catalog.h), read by one of the readers. Never writes into the
 * data tree.
 */
#ifndef PROMPT_DATA_DATASET_OPEN_H
#define PROMPT_DATA_DATASET_OPEN_H

#include "prompt/data/dataset.h"

/** Which set, and where. NULL or "" selects the default. Texts are borrowed during the call. */
struct dataset_options {
    const char *name;
    const char *root;       /* the folder of the sets' folders; `folder`: of the images; `csv`: unused */
    const char *split_file; /* replaces the set's; `csv`: the list; `folder`: a split file for its images */
    const char *image_dir;  /* replaces the set's; `csv`: the list's folder by default */
    uint64_t split_seed;    /* for own data without train, val and test */
};

/**
 * Reads the lists of a data set. Accepts common deviations from the official tree and notes them in `layout`.
 * Checks that folders and split file exist (else the error says where it looked and where to get them), that
 * labels are contiguous from 0, that each label has one name and at least one image, and that no path is
 * absolute or leaves the image folder. dataset_find_files checks that every image exists.
 * @param out  owned; dataset_free frees it
 * @return OK; ERR_USAGE for an unknown name (with the nearest known one), a missing root or an option that
 * the set does not accept; ERR_IO; ERR_FORMAT; ERR_MEMORY
 */
int dataset_open(struct dataset **out, const struct dataset_options *options);

#endif
