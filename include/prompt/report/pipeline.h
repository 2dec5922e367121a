/**
 * What a run's pixels and token ids depend on besides data and weights. Records and checkpoints hold it; what
 * was made with another one does not mix with this: not in a resumed run, nor in one table.
 */
#ifndef PROMPT_REPORT_PIPELINE_H
#define PROMPT_REPORT_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "prompt/base/digest.h"
#include "prompt/base/str.h"
#include "prompt/image/preprocess.h"

struct pipeline {
    char *preprocess; /* preprocess_describe's line; owned */
    char preprocess_digest[DIGEST_HEX_SIZE];
    char *image_decoder;        /* image_decoder(); owned */
    int64_t tokenizer_revision; /* TOKENIZER_REVISION */
};

/** This program's, with a model's preprocessing. */
int pipeline_of(struct pipeline *out, const struct preprocess *p);
/**
 * From what is stored; NULL or a revision of 0: the program did not record it yet, so it was stb_image 2.27,
 * revision 1, and OpenAI's preprocessing for every model.
 */
int pipeline_read(struct pipeline *out, const char *preprocess, const char *image_decoder,
                  int64_t tokenizer_revision);
void pipeline_free(struct pipeline *p); /* of an initialized or zeroed one; leaves it zeroed */

/**
 * The first difference, appended: "the image decoder (stb_image 2.27 there, here ...)"; nothing if there is
 * none. Preprocessing first, then decoder, then tokenizer.
 */
void pipeline_compare(struct str *out, const struct pipeline *there, const struct pipeline *here);
/** Whether the preprocessing is another one. */
bool pipeline_preprocess_differs(const struct pipeline *a, const struct pipeline *b);
/** SHA-256 of all of it. */
int pipeline_digest(char hex[DIGEST_HEX_SIZE], const struct pipeline *p);

#endif
