/**
 * The settings of a method, and the names of their values. Free of libtorch, so that the configuration can use it.
 * Every list of names ends with NULL and has the order of its enum.
 */
#ifndef PROMPT_METHODS_OPTIONS_H
#define PROMPT_METHODS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum method_kind {
    METHOD_PROMPT,
    METHOD_CLIP,
    METHOD_COOP,
    METHOD_COCOOP,
    METHOD_VPT,
    METHOD_KGCOOP,
    METHOD_IVLP,
    METHOD_PROMPTSRC,
    METHOD_MAPLE,
    METHOD_LINEAR_PROBE,
    METHOD_LP_PLUS_PLUS,
    METHOD_TIP_ADAPTER,
    METHOD_CLIP_LORA,
    METHOD_TWO_STAGE,
};
extern const char *const method_kind_names[]; /* "prompt", "clip", ... */

enum generator_input { GENERATOR_INPUT_NORMALIZED, GENERATOR_INPUT_RAW };
extern const char *const generator_input_names[];

enum context_init { CONTEXT_INIT_WORDS, CONTEXT_INIT_RANDOM };
extern const char *const context_init_names[];

enum context_position { CONTEXT_POSITION_END, CONTEXT_POSITION_MIDDLE }; /* of the class name */
extern const char *const context_position_names[];

enum agreement_distance { AGREEMENT_DISTANCE_OWN, AGREEMENT_DISTANCE_L1, AGREEMENT_DISTANCE_COSINE };
extern const char *const agreement_distance_names[];

/** The captions whose features are the text teacher's: those at n = 0, KgCoOp's, or PromptSRC's 60. */
enum agreement_source {
    AGREEMENT_SOURCE_OWN,
    AGREEMENT_SOURCE_CAPTIONS,
    AGREEMENT_SOURCE_KGCOOP,
    AGREEMENT_SOURCE_PROMPTSRC,
};
extern const char *const agreement_source_names[];

enum { METHOD_MAX_ITERATIONS = 16, METHOD_ANY_ITERATIONS = -1 };

/** N of a method that has no choice; METHOD_ANY_ITERATIONS of ProMPT. */
int64_t method_fixed_iterations(enum method_kind kind);
/** Whether the method is fitted to features of the frozen towers at once (fit.h), not trained by steps. */
bool method_is_fitted(enum method_kind kind);

/** How training stays near the frozen CLIP: terms of the loss (agreement.h), and an average over epochs. */
struct regularization_options {
    double text_weight; /* weights of 0 switch a term off */
    enum agreement_distance text_distance;
    double image_weight, logits_weight;
    enum agreement_source templates;
    double average_mean, average_deviation; /* in epochs; deviation 0: no average (nn/average.h) */
};

/** The settings that change what is computed; the configuration keys of the same names document them. */
struct method_options {
    enum method_kind kind;
    int64_t n_iterations;        /* N */
    double loss_weight;          /* lambda */
    int64_t vision_prompt_count; /* a */
    int64_t vision_prompt_depth; /* J */
    int64_t text_prompt_count;   /* b */
    enum generator_input generator_input;
    bool detach_iterations;
    bool covers_sos;
    bool filter;           /* F */
    bool vision_generator; /* G^V */
    bool text_generator;   /* G^T */
    int64_t context_count; /* of methods with context vectors, as are the next ones */
    enum context_init context_init;
    bool context_class_specific;
    enum context_position context_position;
    int64_t context_depth;  /* text layers with vectors of their own */
    int64_t lora_rank;      /* r, of CLIP-LoRA, as the next two */
    double lora_alpha;      /* the additions are alpha / sqrt(r) B A */
    double lora_dropout;    /* of their inputs, in training */
    double two_stage_share; /* of 2SFS: share of the steps in its first stage */
    struct regularization_options regularization;
    /* of fitted methods */
    bool views_fresh;
    double linear_probe_c; /* 0: searched */
    bool tip_adapter_train_keys;
    double tip_adapter_alpha, tip_adapter_beta;
    double tip_adapter_alpha_max, tip_adapter_beta_max; /* of the search; alpha_max 0: none */
};

/** Sets those of `o` that are left to the method: negative numbers, and OWN. KgCoOp's and PromptSRC's are
 * what makes them more than CoOp and IVLP; other methods have no such terms. */
void method_settle_regularization(struct regularization_options *o, enum method_kind kind);

#endif
