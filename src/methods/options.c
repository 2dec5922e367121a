/* Names of the methods' settings. */
#include "prompt/methods/options.h"

#include <stddef.h>

const char *const method_kind_names[] = {[METHOD_PROMPT] = "prompt",
                                         [METHOD_CLIP] = "clip",
                                         [METHOD_COOP] = "coop",
                                         [METHOD_COCOOP] = "cocoop",
                                         [METHOD_VPT] = "vpt",
                                         [METHOD_KGCOOP] = "kgcoop",
                                         [METHOD_IVLP] = "ivlp",
                                         [METHOD_PROMPTSRC] = "promptsrc",
                                         [METHOD_MAPLE] = "maple",
                                         [METHOD_LINEAR_PROBE] = "linear_probe",
                                         [METHOD_LP_PLUS_PLUS] = "lp_plus_plus",
                                         [METHOD_TIP_ADAPTER] = "tip_adapter",
                                         [METHOD_CLIP_LORA] = "clip_lora",
                                         [METHOD_TWO_STAGE] = "two_stage",
                                         NULL};
const char *const generator_input_names[] = {
    [GENERATOR_INPUT_NORMALIZED] = "normalized", [GENERATOR_INPUT_RAW] = "raw", NULL};
const char *const context_init_names[] = {
    [CONTEXT_INIT_WORDS] = "words", [CONTEXT_INIT_RANDOM] = "random", NULL};
const char *const context_position_names[] = {
    [CONTEXT_POSITION_END] = "end", [CONTEXT_POSITION_MIDDLE] = "middle", NULL};

const char *const agreement_distance_names[] = {[AGREEMENT_DISTANCE_OWN] = "own",
                                                [AGREEMENT_DISTANCE_L1] = "l1",
                                                [AGREEMENT_DISTANCE_COSINE] = "cosine",
                                                NULL};
const char *const agreement_source_names[] = {[AGREEMENT_SOURCE_OWN] = "own",
                                              [AGREEMENT_SOURCE_CAPTIONS] = "captions",
                                              [AGREEMENT_SOURCE_KGCOOP] = "kgcoop",
                                              [AGREEMENT_SOURCE_PROMPTSRC] = "promptsrc",
                                              NULL};

int64_t method_fixed_iterations(enum method_kind kind)
{
    switch (kind) {
    case METHOD_PROMPT:
        return METHOD_ANY_ITERATIONS;
    case METHOD_CLIP:
        return 0;
    case METHOD_COOP:
    case METHOD_COCOOP:
    case METHOD_VPT:
    case METHOD_KGCOOP:
    case METHOD_IVLP:
    case METHOD_PROMPTSRC:
    case METHOD_MAPLE:
    case METHOD_LINEAR_PROBE:
    case METHOD_LP_PLUS_PLUS:
    case METHOD_TIP_ADAPTER:
    case METHOD_CLIP_LORA:
    case METHOD_TWO_STAGE:
        return 1;
    }
    return METHOD_ANY_ITERATIONS;
}

bool method_is_fitted(enum method_kind kind)
{
    return kind == METHOD_LINEAR_PROBE || kind == METHOD_LP_PLUS_PLUS || kind == METHOD_TIP_ADAPTER;
}

/* A method's own settings. */
static struct regularization_options own_regularization(enum method_kind kind)
{
    struct regularization_options own = {.text_distance = AGREEMENT_DISTANCE_L1,
                                         .templates = AGREEMENT_SOURCE_CAPTIONS};
    switch (kind) {
    case METHOD_KGCOOP:
        own.text_weight = 8.0;
        own.text_distance = AGREEMENT_DISTANCE_COSINE;
        own.templates = AGREEMENT_SOURCE_KGCOOP;
        break;
    case METHOD_PROMPTSRC:
        own.text_weight = 25.0;
        own.image_weight = 10.0;
        own.logits_weight = 1.0;
        own.templates = AGREEMENT_SOURCE_PROMPTSRC;
        own.average_mean = 15.0;
        own.average_deviation = 1.0;
        break;
    case METHOD_PROMPT:
    case METHOD_CLIP:
    case METHOD_COOP:
    case METHOD_COCOOP:
    case METHOD_VPT:
    case METHOD_IVLP:
    case METHOD_MAPLE:
    case METHOD_LINEAR_PROBE:
    case METHOD_LP_PLUS_PLUS:
    case METHOD_TIP_ADAPTER:
    case METHOD_CLIP_LORA:
    case METHOD_TWO_STAGE:
        break;
    }
    return own;
}

static void settle(double *value, double own)
{
    *value = *value < 0.0 ? own : *value;
}

void method_settle_regularization(struct regularization_options *o, enum method_kind kind)
{
    const struct regularization_options own = own_regularization(kind);
    settle(&o->text_weight, own.text_weight);
    settle(&o->image_weight, own.image_weight);
    settle(&o->logits_weight, own.logits_weight);
    settle(&o->average_mean, own.average_mean);
    settle(&o->average_deviation, own.average_deviation);
    if (o->text_distance == AGREEMENT_DISTANCE_OWN)
        o->text_distance = own.text_distance;
    if (o->templates == AGREEMENT_SOURCE_OWN)
        o->templates = own.templates;
}
