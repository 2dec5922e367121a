/** Images that the lists of a data set hold more than once: in one list, in two of them, or as two classes.
 */
#ifndef PROMPT_DATA_REPEATED_H
#define PROMPT_DATA_REPEATED_H

#include "prompt/data/dataset.h"

/** An image as a list has it. */
struct listed_image {
    const struct item *item; /* borrowed from the data set */
    const char *list;        /* "train", "val" or "test" */
};

struct repeated_images {
    size_t n;                          /* images that an earlier item has, too */
    struct listed_image first, second; /* the first such pair, in the order train, val, test; set if n > 0 */
};

/** Compares paths as the lists have them; reads no file. @return OK; ERR_MEMORY */
int repeated_find(struct repeated_images *out, const struct dataset *d);
/** Appends how many there are and where the first one is listed. */
void repeated_describe(struct str *out, const struct repeated_images *r, const struct dataset *d);

#endif
