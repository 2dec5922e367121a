/* Names of the methods' settings. */
#include "prompt/methods/options.h"

#include <stddef.h>

const char *const method_kind_names[] = {[METHOD_PROMPT] = "prompt",
                                         [METHOD_CLIP] = "clip",
                                         [METHOD_COOP] = "coop",
                                         [METHOD_COCOOP] = "cocoop",
                                         [METHOD_VPT] = "vpt",
                                         [METHOD_LINEAR_PROBE] = "linear_probe",
                                         [METHOD_LP_PLUS_PLUS] = "lp_plus_plus",
                                         [METHOD_TIP_ADAPTER] = "tip_adapter",
                                         NULL};
const char *const generator_input_names[] = {
    [GENERATOR_INPUT_NORMALIZED] = "normalized", [GENERATOR_INPUT_RAW] = "raw", NULL};
const char *const context_init_names[] = {
    [CONTEXT_INIT_WORDS] = "words", [CONTEXT_INIT_RANDOM] = "random", NULL};
const char *const context_position_names[] = {
    [CONTEXT_POSITION_END] = "end", [CONTEXT_POSITION_MIDDLE] = "middle", NULL};

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
    case METHOD_LINEAR_PROBE:
    case METHOD_LP_PLUS_PLUS:
    case METHOD_TIP_ADAPTER:
        return 1;
    }
    return METHOD_ANY_ITERATIONS;
}

bool method_is_fitted(enum method_kind kind)
{
    return kind == METHOD_LINEAR_PROBE || kind == METHOD_LP_PLUS_PLUS || kind == METHOD_TIP_ADAPTER;
}
