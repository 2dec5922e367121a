/** Reads preprocessing from the configurations of open_clip and transformers. */
#ifndef PROMPT_SRC_WEIGHTS_PREPROCESS_H
#define PROMPT_SRC_WEIGHTS_PREPROCESS_H

#include "members.h"
#include "prompt/image/preprocess.h"

/** Reads preprocess_cfg of open_clip_config.json; `out` holds the defaults. */
int weights_open_clip_preprocess(struct preprocess *out, const struct weights_document *d);
/** Reads an image processor: the root of preprocessor_config.json, or a member of processor_config.json. */
int weights_hugging_face_preprocess(struct preprocess *out, const struct weights_document *d,
                                    const struct json *processor);

#endif
