/* Names of the methods' settings. */
#include "prompt/methods/options.h"

#include <stddef.h>

const char *const method_kind_names[] = {
    [METHOD_PROMPT] = "prompt", [METHOD_CLIP] = "clip", [METHOD_COOP] = "coop",
    [METHOD_COCOOP] = "cocoop", [METHOD_VPT] = "vpt",   NULL};
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
        return 1;
    }
    return METHOD_ANY_ITERATIONS;
}
