/* A confusion matrix as inline SVG. */
#ifndef PROMPT_SRC_PAGE_MATRIX_H
#define PROMPT_SRC_PAGE_MATRIX_H

#include <stdint.h>

#include "prompt/base/str.h"

/* Appends the matrix. counts: [n,n], rows are true classes; names: [n]. Names are shown of up to 40 classes, counts of
 * up to 16. The text alternative is `alt`. */
void matrix_write(struct str *out, const int64_t *counts, char *const *names, int64_t n, const char *alt);

#endif
