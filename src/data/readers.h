/*
 * The readers of data sets, one file each, that dataset.c chooses from.
 *
 * A reader fills the lists, class names and class count of a dataset whose image_dir is set and whose other
 * fields are empty. On failure they may be partly filled: dataset_free takes care of them.
 */
#ifndef PROMPT_SRC_DATA_READERS_H
#define PROMPT_SRC_DATA_READERS_H

#include "prompt/data/dataset.h"

/** A published split file. It is read before the image folder is known. */
int read_split(struct dataset *d, const char *path);
/** FGVC's lists, which lie beside the image folder. */
int read_aircraft(struct dataset *d);
/** train/ (which may be missing: evaluation only) and val/ with a folder for each id, or a flat val/. */
int read_imagenet(struct dataset *d, const char *root);
/** A locate_test: whether a folder val/ is there. */
bool imagenet_has_val(const char *image_dir, const void *unused);
/** A folder for each id, or for each label's number. All of it is the test list. */
int read_variant(struct dataset *d, const char *root);
/** A locate_test: whether there are such folders. */
bool variant_has_classes(const char *image_dir, const void *unused);
/** {train,val,test}/CLASS/IMAGE, or CLASS/IMAGE and a split by `seed`. */
int read_folder(struct dataset *d, const char *root, uint64_t seed);
/** A list of paths and labels with a header, or path, label and perhaps name; a split by `seed` unless it has
 * one.
 */
int read_csv(struct dataset *d, const char *path, uint64_t seed);

#endif
