/* Names of the ways to compute the towers. */
#include "prompt/clip/encoder.h"

#include <stddef.h>

const char *const encoder_names[] = {[ENCODER_FAST] = "fast", [ENCODER_PLAIN] = "plain", NULL};
const char *const precision_names[] = {[PRECISION_FP32] = "fp32",
                                       [PRECISION_BF16] = "bf16",
                                       [PRECISION_FP16] = "fp16",
                                       [PRECISION_AUTO] = "auto",
                                       NULL};
const char *const products_names[] = {
    [PRODUCTS_AUTO] = "auto", [PRODUCTS_BF16] = "bf16", [PRODUCTS_FP32] = "fp32", NULL};
