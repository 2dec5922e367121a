/** What else a file may hold. */
#ifndef PROMPT_SRC_WEIGHTS_FOREIGN_H
#define PROMPT_SRC_WEIGHTS_FOREIGN_H

#include "raw.h"

/** ERR_FORMAT, by the model's name, if the names are of a model that is related to CLIP, but is not one. */
int weights_refuse_other_models(struct weights *w, const struct weights_raw *raw);

/** ERR_FORMAT: what the file holds, when it holds no CLIP. */
int weights_say_what_is_there(const struct weights *w, const struct weights_raw *raw);

#endif
