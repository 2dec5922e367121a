/** ImageNet's classes: ids and names. */
#ifndef PROMPT_SRC_DATA_IMAGENET_CLASSES_H
#define PROMPT_SRC_DATA_IMAGENET_CLASSES_H

#include "prompt/data/dataset.h"

struct imagenet_class {
    const char *id;
    const char *name;
};

/** Sorted by id, which is label order. */
struct imagenet_classes {
    const struct imagenet_class *classes;
    size_t n;
    char *path;                   /* owned; the classnames.txt that was read; NULL: the built-in table */
    struct imagenet_class *owned; /* owned; the same as `classes`; NULL: built in */
    char *text;                   /* owned; the owned classes point into it */
};

/** Reads classnames.txt in or beside the image folder, else ImageNet's own; else uses the built-in table. */
int imagenet_classes_open(struct imagenet_classes *out, const char *image_dir, const char *root);
void imagenet_classes_close(struct imagenet_classes *classes);
bool imagenet_classes_find(size_t *idx, const struct imagenet_classes *classes, const char *id);
/** "n" and eight digits. */
bool imagenet_is_id(const char *name);
/** ERR_IO for the first class without a folder; `n_there` have one. */
int imagenet_class_is_missing(const struct imagenet_classes *classes, size_t idx, size_t n_there);

/** Notes in the set the classnames.txt that was read, and how it differs from the built-in names. */
int imagenet_classes_note(struct dataset *d, const struct imagenet_classes *classes);

#endif
