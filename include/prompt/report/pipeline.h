/**
 * The facts on which a run's pixels and token ids depend, besides data and weights.
 * Records and checkpoints hold them; a resumed run or a table cannot mix two of these.
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

/** That of this program, with a model's preprocessing. `out` is owned. */
int pipeline_of(struct pipeline *out, const struct preprocess *p);
/**
 * That of a record or checkpoint. NULL or a revision of 0 are of programs that did not record it yet:
 * they had stb_image 2.27, revision 1, and OpenAI's preprocessing for every model. `out` is owned.
 */
int pipeline_read(struct pipeline *out, const char *preprocess, const char *image_decoder,
                  int64_t tokenizer_revision);
void pipeline_free(struct pipeline *p); /* of an initialized or zeroed one; leaves it zeroed */

/** Appends the first difference, of preprocessing, decoder and tokenizer in this order: "the image decoder
 * (stb_image 2.27 there, here ...)". */
void pipeline_compare(struct str *out, const struct pipeline *there, const struct pipeline *here);
/** Whether the two preprocess differently. */
bool pipeline_preprocess_differs(const struct pipeline *a, const struct pipeline *b);
/** SHA-256 over all three. */
int pipeline_digest(char hex[DIGEST_HEX_SIZE], const struct pipeline *p);

#endif
