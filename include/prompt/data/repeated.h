/** Images listed more than once: in one list of a data set, in two of its lists, or as two classes. */
#ifndef PROMPT_DATA_REPEATED_H
#define PROMPT_DATA_REPEATED_H

#include "prompt/data/dataset.h"

/** An image in a list. */
struct listed_image {
    const struct item *item; /* borrowed from the data set */
    const char *list;        /* "train", "val" or "test" */
};

struct repeated_images {
    size_t n;                          /* items whose image an earlier item has */
    struct listed_image first, second; /* the first such pair, in the order train, val, test; set if n > 0 */
};

/** Compares the paths of the lists; reads no file. @return OK; ERR_MEMORY */
int repeated_find(struct repeated_images *out, const struct dataset *d);
/** Appends how many there are and where the first one is listed. */
void repeated_describe(struct str *out, const struct repeated_images *r, const struct dataset *d);

#endif
