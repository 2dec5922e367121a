/** Templates of captions: sentences in which {} stands for the class name. */
#ifndef PROMPT_DATA_TEMPLATES_H
#define PROMPT_DATA_TEMPLATES_H

#include <stdbool.h>
#include <stddef.h>

#include "prompt/base/digest.h"

/** True for a sentence with exactly one {}. */
bool template_is_valid(const char *template);

/** Templates of a file, one a line; blank lines and a byte order mark do not count. */
struct templates {
    char *text; /* owned; the items point into it */
    const char **items;
    size_t n;
    char sha256[DIGEST_HEX_SIZE]; /* of the templates, each ended by a line feed */
};
/**
 * ERR_IO; ERR_FORMAT naming the line that is no sentence with one {}, and for a file without templates. A
 * line of source code or JSON (in quotes, with a comma after it, {0}, {c} or %s in place of {}) is ERR_FORMAT
 * that says what it should be.
 */
int templates_read(struct templates *out, const char *path);
void templates_free(struct templates *t); /* leaves it empty */

#endif
