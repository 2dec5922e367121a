/** Recognizes files that do not hold a CLIP model. */
#ifndef PROMPT_SRC_WEIGHTS_FOREIGN_H
#define PROMPT_SRC_WEIGHTS_FOREIGN_H

#include "raw.h"

/** ERR_FORMAT, naming the model, if the tensors' names are those of a relative of CLIP. */
int weights_refuse_other_models(struct weights *w, const struct weights_raw *raw);

/** ERR_FORMAT that says what a file without a CLIP model holds. */
int weights_say_what_is_there(const struct weights *w, const struct weights_raw *raw);

#endif
