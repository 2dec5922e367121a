/** How the frozen towers are computed, with the names of the choices. Free of libtorch. */
#ifndef PROMPT_CLIP_ENCODER_H
#define PROMPT_CLIP_ENCODER_H

/** The fast encoder, or the plain, readable reference. Equal up to rounding. */
enum encoder { ENCODER_FAST, ENCODER_PLAIN };
extern const char *const encoder_names[]; /* ends with NULL */

/** The type of the towers' products; AUTO is fp32 on a CPU and fp16 on CUDA. */
enum precision { PRECISION_FP32, PRECISION_BF16, PRECISION_FP16, PRECISION_AUTO };
extern const char *const precision_names[]; /* ends with NULL */

/** What precision bf16 computes products in; AUTO is the faster, as measured. With fp32, weights alone are bf16. */
enum products { PRODUCTS_AUTO, PRODUCTS_BF16, PRODUCTS_FP32 };
extern const char *const products_names[]; /* ends with NULL */

#endif
