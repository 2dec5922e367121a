/* The decoders of image_decode(), one file per format. Each gets the whole file; its errors name no path. */
#ifndef PROMPT_SRC_IMAGE_FORMATS_H
#define PROMPT_SRC_IMAGE_FORMATS_H

#include "prompt/image/image.h"

int image_decode_bmp(struct image *out, const uint8_t *bytes, size_t n);
int image_decode_gif(struct image *out, const uint8_t *bytes, size_t n);
int image_decode_jpeg(struct image *out, const uint8_t *bytes, size_t n);
int image_decode_png(struct image *out, const uint8_t *bytes, size_t n);
int image_decode_pnm(struct image *out, const uint8_t *bytes, size_t n);
int image_decode_webp(struct image *out, const uint8_t *bytes, size_t n);

/** "libjpeg-turbo 2.1.5", the version of the build. Static. */
const char *image_jpeg_library(void);
/** 0x010204 for libwebp 1.2.4, the version that runs; 0 in a build without it. */
int image_webp_version(void);

#endif
