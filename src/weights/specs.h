/** The tensors of an architecture, under OpenAI's names. */
#ifndef PROMPT_SRC_WEIGHTS_SPECS_H
#define PROMPT_SRC_WEIGHTS_SPECS_H

#include "prompt/weights/dims.h"

enum { WEIGHTS_NAME_SIZE = 128 };

/** The role of a tensor, which determines its initialization. */
enum weight_role {
    WEIGHT_LOGIT_SCALE,
    WEIGHT_TOKENS, /* token embedding */
    WEIGHT_TEXT_POSITIONS,
    WEIGHT_TEXT_PROJECTION,
    WEIGHT_VISION_EMBEDDING, /* class token, positions, projection */
    WEIGHT_PATCHES,
    WEIGHT_NORM_WEIGHT,
    WEIGHT_NORM_BIAS,
    WEIGHT_ATTENTION_IN,
    WEIGHT_ATTENTION_OUT,
    WEIGHT_ATTENTION_BIAS,
    WEIGHT_MLP_IN,
    WEIGHT_MLP_OUT,
    WEIGHT_MLP_IN_BIAS,
    WEIGHT_MLP_OUT_BIAS,
};

/** One tensor of an architecture, under OpenAI's name. */
struct weight_spec {
    char name[WEIGHTS_NAME_SIZE];
    int64_t dims[4];
    size_t n_dims;
    enum weight_role role;
    bool is_vision;
};

struct weight_specs {
    struct weight_spec *items;
    size_t n;
};

/** All tensors of the architecture, in a fixed order (a contract: it numbers the random streams of
 * weights_init). */
int weight_specs_create(struct weight_specs *out, const struct clip_dims *dims);
void weight_specs_free(struct weight_specs *specs);

#endif
