/*
 * The readers of data sets, one file each; dataset_open.c selects one.
 *
 * A reader fills the lists, class names and class count of a dataset whose image_dir is set and whose other
 * fields are empty. On failure they may be partly filled; dataset_free frees them.
 */
#ifndef PROMPT_SRC_DATA_READERS_H
#define PROMPT_SRC_DATA_READERS_H

#include "prompt/data/dataset.h"

/** A published split file. It is read before the image folder is known. */
int read_split(struct dataset *d, const char *path);
/** FGVC's lists beside the image folder. */
int read_aircraft(struct dataset *d);
/** train/ (if missing: evaluation only) and val/ with one folder per id, or a flat val/. */
int read_imagenet(struct dataset *d, const char *root);
/** A locate_test: whether a folder val/ exists. */
bool imagenet_has_val(const char *image_dir, const void *unused);
/** One folder per id, or per label number. All images are the test list. */
int read_variant(struct dataset *d, const char *root);
/** A locate_test: whether such folders exist. */
bool variant_has_classes(const char *image_dir, const void *unused);
/** {train,val,test}/CLASS/IMAGE, or CLASS/IMAGE and a split by `seed`. */
int read_folder(struct dataset *d, const char *root, uint64_t seed);
/** A list with a header, or rows of path, label and perhaps name; split by `seed` unless it has a split. */
int read_csv(struct dataset *d, const char *path, uint64_t seed);

#endif
