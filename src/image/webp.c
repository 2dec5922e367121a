/* Decodes WebP with libwebp's animation decoder, which Pillow uses for still pictures, too: the first frame
 * on a canvas of transparent black. */
#include "formats.h"
#include "pixels.h"

#ifdef PROMPT_HAS_WEBP

#include <stdbool.h>

#include <webp/decode.h>
#include <webp/demux.h>

enum { RGBA = 4 };

static void drop_alpha(uint8_t *out, const uint8_t *rgba, int64_t n_pixels)
{
    for (int64_t i = 0; i < n_pixels; i++, rgba += RGBA, out += IMAGE_CHANNELS)
        for (int c = 0; c < IMAGE_CHANNELS; c++)
            out[c] = rgba[c];
}

int image_decode_webp(struct image *out, const uint8_t *bytes, size_t n)
{
    const WebPData data = {.bytes = bytes, .size = n};
    WebPBitstreamFeatures features;
    const VP8StatusCode code = WebPGetFeatures(bytes, n, &features);
    if (code == VP8_STATUS_NOT_ENOUGH_DATA)
        return image_ends_early();
    int status = code == VP8_STATUS_OK ? image_check_size(features.width, features.height) : OK;
    if (status != OK) /* before the decoder allocates two canvases */
        return status;
    WebPAnimDecoderOptions options;
    if (!WebPAnimDecoderOptionsInit(&options))
        return error_set(ERR_FORMAT, "the installed libwebp is incompatible with the one of the build");
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(&data, &options);
    WebPAnimInfo info;
    if (!decoder || !WebPAnimDecoderGetInfo(decoder, &info)) {
        WebPAnimDecoderDelete(decoder);
        return error_set(ERR_FORMAT,
                         "damaged WebP: its headers do not fit together, or the file ends too early");
    }
    uint8_t *rgba = NULL; /* owned by the decoder */
    int time_ms = 0;
    status = image_allocate(out, info.canvas_width, info.canvas_height);
    if (status == OK && !WebPAnimDecoderGetNext(decoder, &rgba, &time_ms))
        status =
            error_set(ERR_FORMAT, "damaged WebP: its data cannot be decoded, or the file ends too early");
    if (status == OK)
        drop_alpha(out->pixels, rgba, out->width * out->height);
    else
        image_free(out);
    WebPAnimDecoderDelete(decoder);
    return status;
}

int image_webp_version(void)
{
    return WebPGetDecoderVersion();
}

#else

int image_decode_webp(struct image *out, const uint8_t *bytes, size_t n)
{
    (void)out;
    (void)bytes;
    (void)n;
    return error_set(ERR_FORMAT, "it is WebP, and this program was built without libwebp");
}

int image_webp_version(void)
{
    return 0;
}

#endif
