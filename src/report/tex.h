/* Text for LaTeX. */
#ifndef PROMPT_SRC_REPORT_TEX_H
#define PROMPT_SRC_REPORT_TEX_H

#include "prompt/base/str.h"

/** Appends a name of a row, data set or note: special characters escaped, G^V and λ as mathematics. */
void tex_append(struct str *out, const char *text);

#endif
