/* The facts on which pixels and token ids depend. */
#include "prompt/report/pipeline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/image/image.h"
#include "prompt/text/tokenizer.h"

static const char FIRST_DECODER[] = "stb_image 2.27";
enum { FIRST_REVISION = 1 };

void pipeline_free(struct pipeline *p)
{
    free(p->preprocess);
    free(p->image_decoder);
    *p = (struct pipeline){0};
}

static int fill(struct pipeline *out, const char *preprocess, const char *image_decoder,
                int64_t tokenizer_revision)
{
    *out = (struct pipeline){.preprocess = str_dup(preprocess),
                             .image_decoder = str_dup(image_decoder),
                             .tokenizer_revision = tokenizer_revision};
    int status = out->preprocess && out->image_decoder ? OK : ERR_MEMORY;
    if (status == OK)
        status = digest_memory(out->preprocess_digest, preprocess, strlen(preprocess));
    if (status != OK)
        pipeline_free(out);
    return status;
}

int pipeline_of(struct pipeline *out, const struct preprocess *p)
{
    struct str line = {0};
    *out = (struct pipeline){0};
    preprocess_describe(&line, p);
    int status = str_status(&line);
    if (status == OK)
        status = fill(out, str_text(&line), image_decoder(), TOKENIZER_REVISION);
    str_free(&line);
    return status;
}

int pipeline_read(struct pipeline *out, const char *preprocess, const char *image_decoder,
                  int64_t tokenizer_revision)
{
    const struct preprocess openai = preprocess_default(1);
    struct str line = {0};
    *out = (struct pipeline){0};
    preprocess_describe(&line, &openai);
    int status = str_status(&line);
    if (status == OK)
        status = fill(out, preprocess ? preprocess : str_text(&line),
                      image_decoder ? image_decoder : FIRST_DECODER,
                      tokenizer_revision > 0 ? tokenizer_revision : FIRST_REVISION);
    str_free(&line);
    return status;
}

bool pipeline_preprocess_differs(const struct pipeline *a, const struct pipeline *b)
{
    return strcmp(a->preprocess, b->preprocess) != 0;
}

void pipeline_compare(struct str *out, const struct pipeline *there, const struct pipeline *here)
{
    if (pipeline_preprocess_differs(there, here))
        str_appendf(out, "the preprocessing of pictures (%s there, here %s)", there->preprocess,
                    here->preprocess);
    else if (strcmp(there->image_decoder, here->image_decoder) != 0)
        str_appendf(out, "the image decoder (%s there, here %s)", there->image_decoder, here->image_decoder);
    else if (there->tokenizer_revision != here->tokenizer_revision)
        str_appendf(out, "the tokenizer's revision (%" PRId64 " there, here %" PRId64 ")",
                    there->tokenizer_revision, here->tokenizer_revision);
}

int pipeline_digest(char hex[DIGEST_HEX_SIZE], const struct pipeline *p)
{
    struct str text = {0};
    str_appendf(&text, "%s\n%s\n%" PRId64, p->preprocess, p->image_decoder, p->tokenizer_revision);
    int status = str_status(&text);
    if (status == OK)
        status = digest_memory(hex, str_text(&text), text.len);
    str_free(&text);
    return status;
}
