/** config.json of transformers. */
#ifndef PROMPT_SRC_WEIGHTS_HUGGING_FACE_H
#define PROMPT_SRC_WEIGHTS_HUGGING_FACE_H

#include "facts.h"
#include "members.h"

int weights_hugging_face_towers(struct weights_facts *out, const struct weights_document *d,
                                const struct clip_dims *dims);

#endif
