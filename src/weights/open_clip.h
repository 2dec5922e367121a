/** open_clip_config.json. */
#ifndef PROMPT_SRC_WEIGHTS_OPEN_CLIP_H
#define PROMPT_SRC_WEIGHTS_OPEN_CLIP_H

#include "facts.h"
#include "members.h"

int weights_open_clip_towers(struct weights_facts *out, const struct weights_document *d,
                             const struct clip_dims *dims);

#endif
