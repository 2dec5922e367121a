/** Shared by the reader and the writer of safetensors files. */
#ifndef PROMPT_SRC_NN_SAFETENSORS_INTERNAL_H
#define PROMPT_SRC_NN_SAFETENSORS_INTERNAL_H

enum {
    SAFETENSORS_PREFIX_BYTES = 8, /* the header's length, little-endian */
    SAFETENSORS_N_DTYPES = 8,
};

/** The format's word for each enum dtype. */
extern const char *const safetensors_dtype_names[SAFETENSORS_N_DTYPES];

#endif
