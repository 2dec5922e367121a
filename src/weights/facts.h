/** The facts about a model that its tensors do not contain. */
#ifndef PROMPT_SRC_WEIGHTS_FACTS_H
#define PROMPT_SRC_WEIGHTS_FACTS_H

#include "prompt/weights/weights.h"

#define WEIGHTS_USUAL_NORM_EPS 1e-5 /* PyTorch's default, OpenAI's, open_clip's and Hugging Face's */

/** The sources of heads, activation and epsilon. */
struct weights_origin {
    const char *path;                /* of the file that holds the tensors */
    const struct metadata *metadata; /* of a safetensors file, or NULL */
    bool is_hugging_face;            /* by its tensors' names */
    bool is_openai_archive;
};

/** The facts found about one tower. */
struct weights_tower_facts {
    int64_t n_heads; /* 0: nothing */
    int activation;  /* enum activation; -1: nothing */
    double norm_eps; /* 0: nothing */
};

struct weights_facts {
    struct weights_tower_facts vision;
    struct weights_tower_facts text;
    struct preprocess preprocess; /* OpenAI's by default */
};

#endif
