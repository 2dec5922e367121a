/*
 * Encodes JPEG with libjpeg-turbo, for pictures that are shown, not measured. libjpeg reports errors by a call that
 * must not return: that call sets our message and jumps back to run().
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include <jerror.h>

#include "pixels.h"

struct writer {
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    int status;
    unsigned char *bytes; /* grown by libjpeg with malloc */
    unsigned long n_bytes;
};

static void on_error(j_common_ptr info)
{
    struct writer *w = info->client_data;
    w->status = info->err->msg_code == JERR_OUT_OF_MEMORY
                    ? error_out_of_memory()
                    : error_set(ERR_FORMAT, "a picture that JPEG cannot hold (error %d of libjpeg)",
                                info->err->msg_code);
    longjmp(w->failed, 1);
}

static void print_nothing(j_common_ptr info)
{
    (void)info;
}

static void encode(struct writer *w, const struct image *in, int quality)
{
    jpeg_create_compress(&w->info);
    jpeg_mem_dest(&w->info, &w->bytes, &w->n_bytes);
    w->info.image_width = (JDIMENSION)in->width;
    w->info.image_height = (JDIMENSION)in->height;
    w->info.input_components = IMAGE_CHANNELS;
    w->info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&w->info);
    jpeg_set_quality(&w->info, quality, TRUE);
    jpeg_start_compress(&w->info, TRUE);
    while (w->info.next_scanline < w->info.image_height) {
        JSAMPROW row = in->pixels + (size_t)w->info.next_scanline * (size_t)in->width * IMAGE_CHANNELS;
        jpeg_write_scanlines(&w->info, &row, 1);
    }
    jpeg_finish_compress(&w->info);
}

/* Not in image_encode_jpeg(): a function must not change its variables between setjmp and longjmp. */
static int run(struct writer *w, const struct image *in, int quality)
{
    if (setjmp(w->failed) == 0)
        encode(w, in, quality);
    return w->status;
}

int image_encode_jpeg(uint8_t **out, size_t *n, const struct image *in, int quality)
{
    struct writer w = {0};
    *out = NULL;
    *n = 0;
    w.info.err = jpeg_std_error(&w.errors);
    w.info.client_data = &w;
    w.errors.error_exit = on_error;
    w.errors.output_message = print_nothing;
    int status = run(&w, in, quality);
    jpeg_destroy_compress(&w.info);
    if (status != OK) {
        free(w.bytes);
        return status;
    }
    *out = w.bytes;
    *n = w.n_bytes;
    return OK;
}
