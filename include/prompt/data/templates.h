/** Templates of captions: sentences with {} in place of the class name. */
#ifndef PROMPT_DATA_TEMPLATES_H
#define PROMPT_DATA_TEMPLATES_H

#include <stdbool.h>
#include <stddef.h>

#include "prompt/base/digest.h"

/** True for a sentence with exactly one {}. */
bool template_is_valid(const char *template);

/** Templates that are averaged. Of a file: one per line; blank lines and a byte order mark are ignored. */
struct templates {
    char *text; /* owned, the items point into it; NULL: they are static */
    const char **items;
    size_t n;
    char sha256[DIGEST_HEX_SIZE]; /* of the templates, each ended by a line feed */
};
/**
 * @return OK; ERR_IO; ERR_FORMAT for a file without templates, or naming the line that is not a sentence with
 * one {}. For a line of source code or JSON (in quotes, with a comma after it, {0}, {c} or %s in place of {})
 * the message says what it should be.
 */
int templates_read(struct templates *out, const char *path);

/** The name of the seven templates that Tip-Adapter and LP++ average for ImageNet. */
#define TEMPLATES_IMAGENET_SEVEN "imagenet_seven"
/** Fills in these seven, without a digest. ERR_MEMORY. */
int templates_imagenet_seven(struct templates *out);

void templates_free(struct templates *t); /* leaves it empty */

#endif
