/*
 * What dataset.c needs of the readers, and they of each other.
 *
 * A reader fills the lists, class names and class count of a dataset whose image_dir is set and whose other
 * fields are empty. On failure they may be partly filled: dataset_free takes care of them.
 */
#ifndef PROMPT_SRC_DATA_READERS_H
#define PROMPT_SRC_DATA_READERS_H

#include "prompt/base/dir.h"
#include "prompt/data/catalog.h"
#include "prompt/data/dataset.h"

/** A published split file. It is read before the image folder is known. */
int read_split(struct dataset *d, const char *path);
/** FGVC's lists, which lie beside the image folder. */
int read_aircraft(struct dataset *d);
/** train/ (which may be missing: evaluation only) and val/ with a folder for each id, or a flat val/. */
int read_imagenet(struct dataset *d, const char *root);
/** A place_test: whether a folder val/ is there. */
bool imagenet_has_val(const char *image_dir, const void *unused);
/** A folder for each id, or for each label's number. All of it is the test list. */
int read_variant(struct dataset *d, const char *root);
/** A place_test: whether there are such folders. */
bool variant_has_classes(const char *image_dir, const void *unused);
/** {train,val,test}/CLASS/IMAGE, or CLASS/IMAGE and a split by `seed`. */
int read_folder(struct dataset *d, const char *root, uint64_t seed);
/** A list of paths and labels with a header, or path, label and perhaps name; a split by `seed` unless it has
 * one.
 */
int read_csv(struct dataset *d, const char *path, uint64_t seed);

/* ---------------------------------------------------------------- what they share */

/** Begins another note in dataset.layout and returns it, to be appended to; dataset_open looks at its status.
 */
struct str *dataset_note(struct dataset *d);

/** ERR_FORMAT for a path that is empty, absolute or leaves the image folder. */
int reader_check_path(const char *path);
/** Notes that a label has this name; ERR_FORMAT if it has another already, or is not below `n_labels`. */
int reader_set_name(struct dataset *d, int64_t label, const char *name, int64_t n_labels);
/** ERR_FORMAT for a label below the highest that has no name, so no image; `where`: " in 'train'", or "". */
int reader_check_gaps(const struct dataset *d, const char *path, const char *where);
/** Room for the names of `n` classes. */
int reader_alloc_names(struct dataset *d, size_t n);

/** The parts of a set, and the words for them in any case: train, training; val, valid, validation, dev;
 * test, testing. */
enum part { PART_TRAIN, PART_VAL, PART_TEST, PART_NONE };
enum part reader_part_of(const char *word);

/** The folder of each part among `folders`, NULL: none; borrowed from it. Two of one part are ERR_FORMAT. */
int reader_find_parts(const char *parts[PART_NONE], const struct str_list *folders, const char *dir);

/**
 * Adds the images of folder `folder` below the image folder and of its sub-folders (walk_images); none is
 * ERR_FORMAT. Others are counted in left_out.
 * @param published  the folder's name in the items' paths; NULL: `folder`
 */
int reader_add_folder(struct item_list *out, struct dataset *d, const char *folder, const char *published,
                      int64_t label);
/** Counts what lies in `dir` beside the class folders: files alone. */
int reader_count_loose(struct dataset *d, const char *dir);

/**
 * Splits d->train by class with a shuffle from `seed`: half of a class (rounded up) stays, a fifth (rounded
 * down) goes to val, the rest to test; each list keeps the order. A class of one image is ERR_FORMAT.
 */
int reader_split_by_class(struct dataset *d, uint64_t seed);

/* ---------------------------------------------------------------- ImageNet's classes */

struct imagenet_class {
    const char *id;
    const char *name;
};

/** Sorted by id, which is label order. */
struct imagenet_classes {
    const struct imagenet_class *classes;
    size_t n;
    char *path;                   /* the classnames.txt that was read; NULL: the built-in table */
    struct imagenet_class *owned; /* the same as `classes`, unless built in */
    char *text;                   /* what the owned classes point into */
};

/** Reads the classnames.txt in or beside the image folder, else ImageNet's own, else takes the built-in
 * table. */
int imagenet_classes_open(struct imagenet_classes *out, const char *image_dir, const char *root);
void imagenet_classes_close(struct imagenet_classes *classes);
bool imagenet_classes_find(size_t *idx, const struct imagenet_classes *classes, const char *id);
/** "n" and eight digits. */
bool imagenet_is_id(const char *name);
/** ERR_IO for the first class without a folder; `n_there` have one. */
int imagenet_class_is_missing(const struct imagenet_classes *classes, size_t idx, size_t n_there);

/** Keeps the path of a classnames.txt that was read, and how it differs from the built-in names, in the set.
 */
int imagenet_classes_note(struct dataset *d, const struct imagenet_classes *classes);

/** A val/ without class folders, by a list of ids in or beside it; `folder` is its name below the image
 * folder. */
int read_flat_val(struct dataset *d, const char *folder, const struct imagenet_classes *classes);
/** Whether an image in the folder has an id in its name. */
int flat_has_ids(bool *out, const char *dir);
/** The images of such a folder; `part` ("val") begins their published paths. */
int read_flat_by_name(struct item_list *out, struct dataset *d, const char *part, const char *folder,
                      const struct imagenet_classes *classes);

/* ---------------------------------------------------------------- where sets lie */

/** The data root as the set needs it. */
struct place {
    struct catalog_entry entry; /* its folders are "." if the root is the set's own folder */
    char *root;                 /* owned; below it the entry's folders are looked for */
    char *sets_root;            /* owned; the folder of all sets' folders */
    bool is_own;                /* --data names the set's own folder, or its image folder */
    bool is_snapshot; /* --data names a folder of Hugging Face's cache, whose snapshot is the root */
};
int place_open(struct place *out, const struct catalog_entry *entry, const char *root);
void place_close(struct place *place);

/** Whether a folder is the image folder that is looked for. */
typedef bool place_test(const char *image_dir, const void *context);

/**
 * The image folder of a set below the data root: of the entry's places the first that passes the test, else
 * the first that exists.
 * @return OK; ERR_IO, naming the official place, if there is none; ERR_MEMORY
 */
int place_find_images(char **out, const struct catalog_entry *entry, const char *root, place_test *test,
                      const void *context);
/** The set's split file: in one of its folders, in data_splits/ below the root, or in the root. */
int place_find_split(char **out, const struct catalog_entry *entry, const char *root);
/** Whether any of the set's folders is below the root. */
bool place_exists(const struct catalog_entry *entry, const char *root);
/** The official image folder, whether it exists or not. NULL when out of memory. */
char *place_official(const struct catalog_entry *entry, const char *root);

#endif
