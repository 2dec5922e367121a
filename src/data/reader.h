/** Functions shared by the readers of data sets. */
#ifndef PROMPT_SRC_DATA_READER_H
#define PROMPT_SRC_DATA_READER_H

#include "prompt/data/dataset.h"

/** ERR_FORMAT for a path that is empty, absolute or leads out of the image folder. */
int reader_check_path(const char *path);
/** Sets the name of a label; ERR_FORMAT if it already has another, or is not below `n_labels`. */
int reader_set_name(struct dataset *d, int64_t label, const char *name, int64_t n_labels);
/** ERR_FORMAT for a label without a name, hence without images, below the highest; `where`: " in 'train'" or
 * "". */
int reader_check_gaps(const struct dataset *d, const char *path, const char *where);
/** Allocates the names of `n` classes. */
int reader_alloc_names(struct dataset *d, size_t n);

/** The parts of a set, and the words for them in any case: train, training; val, valid, validation, dev;
 * test, testing. */
enum part { PART_TRAIN, PART_VAL, PART_TEST, PART_NONE };
enum part reader_part_of(const char *word);

/** The folder of each part, borrowed from `folders`; NULL: none. ERR_FORMAT for two of one part. */
int reader_find_parts(const char *parts[PART_NONE], const struct str_list *folders, const char *dir);

/**
 * Adds the images of `folder`, below the image folder, and of its sub-folders (walk_images); ERR_FORMAT if
 * there are none. Counts other files in left_out.
 * @param published  the folder's name in the items' paths; NULL: `folder`
 */
int reader_add_folder(struct item_list *out, struct dataset *d, const char *folder, const char *published,
                      int64_t label);
/** Counts the files (not the folders) of `dir` beside the class folders in left_out. */
int reader_count_loose(struct dataset *d, const char *dir);

/**
 * Splits d->train by class with a shuffle from `seed`: half of each class (rounded up) stays, a fifth
 * (rounded down) goes to val, the rest to test; each list keeps its order. ERR_FORMAT for a class of one
 * image.
 */
int reader_split_by_class(struct dataset *d, uint64_t seed);

#endif
