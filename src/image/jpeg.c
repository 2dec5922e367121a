/*
 * Decodes JPEG with libjpeg-turbo and Pillow's settings: the accurate inverse transform and smooth chroma,
 * the library's defaults.
 *
 * libjpeg continues after damage and only warns. Warnings after which it guesses pixels are errors here; the
 * first of the others becomes struct image's `damage`. It reports errors by a call that must not return: that
 * call sets our message and jumps back to run().
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "formats.h"
#include "pixels.h"

/* Pixels times scans. Cameras and programs write 1 to 20 scans; thousands of them would each take as long as
 * a picture. Pillow's largest picture may have 24, one of 10 megapixels 429. */
static const int64_t scan_pixels_max = (int64_t)1 << 32;

enum {
    ROWS = 16,            /* read at once */
    PADDING_BYTES = 5120, /* libjpeg's fast path reads ahead 512 bytes for each of up to 10 blocks */
};

struct reader {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    int status;
    const char *damage;
    struct image image;
    const uint8_t *end; /* of the file, before the padding */
    JSAMPLE *cmyk_row;  /* [4 * width], for pictures with four components */
};

/* ---------------------------------------------------------------- what libjpeg reports */

struct words {
    int code;
    const char *text;
};

static const char *find_words(const struct words *table, size_t n, int code)
{
    for (size_t i = 0; i < n; i++)
        if (table[i].code == code)
            return table[i].text;
    return NULL;
}

static const char *words_of_error(int code)
{
    static const struct words table[] = {
        {JERR_INPUT_EMPTY, "the file ends too early"},
        {JERR_INPUT_EOF, "the file ends too early"},
        {JERR_BAD_PRECISION, "a JPEG with other than 8 bits per sample, expected 8"},
        {JERR_SOF_UNSUPPORTED, "a lossless or hierarchical JPEG, expected a sequential or progressive one"},
        {JERR_CONVERSION_NOTIMPL, "a JPEG of unusual components, expected grey, colour or CMYK"},
        {JERR_COMPONENT_COUNT, "a JPEG of too many components, expected grey, colour or CMYK"},
        {JERR_EMPTY_IMAGE, "a JPEG without pixels"},
        {JERR_IMAGE_TOO_BIG, "a JPEG of more than 65500 pixels a side"},
        {JERR_NO_IMAGE, "a JPEG file without a picture"},
        {JERR_SOF_NO_SOS, "a JPEG header without a picture after it"},
        {JERR_NO_HUFF_TABLE, "damaged JPEG: a Huffman table is missing"},
        {JERR_BAD_HUFF_TABLE, "damaged JPEG: an impossible Huffman table"},
        {JERR_DHT_INDEX, "damaged JPEG: a Huffman table of an unknown number"},
        {JERR_NO_QUANT_TABLE, "damaged JPEG: a quantization table is missing"},
        {JERR_DQT_INDEX, "damaged JPEG: a quantization table of an unknown number"},
        {JERR_BAD_SAMPLING, "damaged JPEG: impossible sampling factors"},
        {JERR_BAD_PROGRESSION, "damaged JPEG: an impossible scan"},
        {JERR_UNKNOWN_MARKER, "damaged JPEG: an unknown marker"},
    };
    const char *text = find_words(table, sizeof table / sizeof table[0], code);
    return text ? text : "damaged JPEG: its headers do not fit together";
}

/* Warnings after which libjpeg invents pixels. */
static const char *words_of_guess(int code)
{
    static const struct words table[] = {
        {JWRN_HIT_MARKER, "damaged JPEG: the data of a scan end before the picture does"},
        {JWRN_HUFF_BAD_CODE, "damaged JPEG: a Huffman code that is not in its table"},
        {JWRN_ARITH_BAD_CODE, "damaged JPEG: an impossible arithmetic code"},
        {JWRN_JPEG_EOF, "the file ends too early"},
        {JWRN_MUST_RESYNC, "damaged JPEG: its restart markers are out of order"},
    };
    return find_words(table, sizeof table / sizeof table[0], code);
}

static const char *words_of_damage(int code)
{
    static const struct words table[] = {
        {JWRN_EXTRANEOUS_DATA, "stray bytes between the parts of a JPEG"},
        {JWRN_ADOBE_XFORM, "an unknown colour transform in Adobe's marker of a JPEG"},
        {JWRN_BOGUS_PROGRESSION, "scans of a JPEG in an unusual order"},
        {JWRN_JFIF_MAJOR, "an unknown version of JFIF"},
    };
    const char *text = find_words(table, sizeof table / sizeof table[0], code);
    return text ? text : "something in a JPEG that libjpeg ignores";
}

static _Noreturn void give_up(struct reader *r, int status)
{
    r->status = status;
    longjmp(r->failed, 1);
}

static bool is_behind_end(const struct reader *r)
{
    return r->info.src && r->info.src->next_input_byte > r->end;
}

/* Whether the next marker for libjpeg belongs to the padding. */
static bool has_no_marker_left(const struct reader *r)
{
    if (is_behind_end(r))
        return true;
    for (const uint8_t *byte = r->info.src->next_input_byte; r->end - byte >= 2; byte++)
        if (byte[0] == 0xff && byte[1] != 0)
            return false;
    return true;
}

static void on_error(j_common_ptr info)
{
    const int code = info->err->msg_code;
    struct reader *r = info->client_data;
    if (is_behind_end(r))
        give_up(r, image_ends_early());
    give_up(r, code == JERR_OUT_OF_MEMORY ? error_out_of_memory()
                                          : error_set(ERR_FORMAT, "%s", words_of_error(code)));
}

/* Warnings have level -1; higher levels are traces. */
static void on_message(j_common_ptr info, int level)
{
    if (level >= 0)
        return;
    struct reader *r = info->client_data;
    const char *guess = words_of_guess(info->err->msg_code);
    if (guess && has_no_marker_left(r))
        give_up(r, image_ends_early());
    if (guess)
        give_up(r, error_set(ERR_FORMAT, "%s", guess));
    if (!r->damage)
        r->damage = words_of_damage(info->err->msg_code);
}

static void print_nothing(j_common_ptr info)
{
    (void)info;
}

static void on_progress(j_common_ptr info)
{
    struct reader *r = info->client_data;
    const int64_t n_scans = r->info.input_scan_number;
    if (n_scans > scan_pixels_max / (r->image.width * r->image.height))
        give_up(r, error_set(ERR_FORMAT,
                             "a JPEG of %" PRId64 " scans or more of %" PRId64 " x %" PRId64
                             " pixels, more than any encoder writes",
                             n_scans, r->image.width, r->image.height));
}

/* ---------------------------------------------------------------- decoding */

/* Every block has at least one bit, except with arithmetic coding: refuses a size that the file cannot have
 * before allocating memory of that size. */
static bool is_too_short(const struct jpeg_decompress_struct *info, size_t n)
{
    int64_t n_blocks = 0;
    for (int c = 0; c < info->num_components; c++)
        n_blocks += (int64_t)info->comp_info[c].width_in_blocks * info->comp_info[c].height_in_blocks;
    return !info->arith_code && (size_t)n_blocks / 8 > n;
}

static uint8_t multiply(unsigned a, unsigned b) /* a * b / 255 to the nearest */
{
    const unsigned product = a * b + 128;
    return (uint8_t)(((product >> 8) + product) >> 8);
}

/* Like Pillow, treats samples as inverted (Adobe's convention), with or without Adobe's marker. */
static void cmyk_to_rgb(uint8_t *out, const JSAMPLE *in, int64_t width)
{
    for (int64_t x = 0; x < width; x++, in += 4, out += IMAGE_CHANNELS)
        for (int c = 0; c < IMAGE_CHANNELS; c++)
            out[c] = (uint8_t)(in[3] - multiply(255U - in[c], in[3]));
}

static void read_rows(struct reader *r)
{
    const size_t row_bytes = (size_t)r->image.width * IMAGE_CHANNELS;
    JDIMENSION n_left = 0;
    while ((n_left = r->info.output_height - r->info.output_scanline) > 0) {
        uint8_t *first = r->image.pixels + r->info.output_scanline * row_bytes;
        JSAMPROW rows[ROWS] = {r->cmyk_row};
        const JDIMENSION n_rows = r->cmyk_row ? 1 : n_left < ROWS ? n_left : ROWS;
        for (JDIMENSION i = 0; !r->cmyk_row && i < n_rows; i++)
            rows[i] = first + i * row_bytes;
        jpeg_read_scanlines(&r->info, rows, n_rows);
        if (r->cmyk_row)
            cmyk_to_rgb(first, r->cmyk_row, r->image.width);
    }
}

/* A progressive file may be well-formed and still lack bits of some coefficients. */
static bool lacks_scans(const struct jpeg_decompress_struct *info)
{
    if (!info->progressive_mode || !info->coef_bits)
        return false;
    for (int c = 0; c < info->num_components; c++)
        for (int i = 0; i < DCTSIZE2; i++)
            if (info->coef_bits[c][i] != 0)
                return true;
    return false;
}

static void decode(struct reader *r, const uint8_t *bytes, size_t n)
{
    jpeg_create_decompress(&r->info);
    jpeg_mem_src(&r->info, bytes, n);
    jpeg_read_header(&r->info, TRUE);
    const int n_components = r->info.num_components;
    if (n_components != 1 && n_components != 3 && n_components != 4)
        give_up(r, error_set(ERR_FORMAT, "a JPEG of %d components, expected 1, 3 or 4", n_components));
    if (is_too_short(&r->info, n))
        give_up(r, image_ends_early());
    int status = image_allocate(&r->image, r->info.image_width, r->info.image_height);
    if (status != OK)
        give_up(r, status);
    r->info.out_color_space = n_components == 4 ? JCS_CMYK : JCS_RGB;
    if (n_components == 4 && !(r->cmyk_row = malloc((size_t)r->image.width * 4)))
        give_up(r, error_out_of_memory());
    r->progress.progress_monitor = on_progress;
    r->info.progress = &r->progress;
    if (!jpeg_has_multiple_scans(&r->info))
        r->info.src->bytes_in_buffer += PADDING_BYTES;
    jpeg_start_decompress(&r->info);
    if (!r->damage && lacks_scans(&r->info))
        r->damage = "the last scans of a progressive JPEG, with its details, are missing";
    read_rows(r);
    jpeg_finish_decompress(&r->info); /* reads up to the end of the image */
    if (is_behind_end(r))
        give_up(r, image_ends_early());
}

/* Not in image_decode_jpeg(): a function must not change its variables between setjmp and longjmp. */
static int run(struct reader *r, const uint8_t *bytes, size_t n)
{
    if (setjmp(r->failed) == 0)
        decode(r, bytes, n);
    return r->status;
}

/* A copy padded with end-of-image markers for libjpeg to read ahead. */
static uint8_t *pad(const uint8_t *bytes, size_t n)
{
    uint8_t *padded = malloc(n + PADDING_BYTES);
    if (!padded)
        return NULL;
    memcpy(padded, bytes, n);
    for (size_t i = 0; i < PADDING_BYTES; i++)
        padded[n + i] = i % 2 == 0 ? 0xff : JPEG_EOI;
    return padded;
}

int image_decode_jpeg(struct image *out, const uint8_t *bytes, size_t n)
{
    uint8_t *padded = pad(bytes, n);
    if (!padded)
        return error_out_of_memory();
    struct reader r = {.end = padded + n};
    r.info.err = jpeg_std_error(&r.errors);
    r.info.client_data = &r;
    r.errors.error_exit = on_error;
    r.errors.emit_message = on_message;
    r.errors.output_message = print_nothing;
    int status = run(&r, padded, n);
    jpeg_destroy_decompress(&r.info);
    free(r.cmyk_row);
    free(padded);
    r.image.damage = r.damage;
    if (status != OK)
        image_free(&r.image);
    *out = r.image;
    return status;
}

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *image_jpeg_library(void)
{
    return "libjpeg-turbo " TEXT(LIBJPEG_TURBO_VERSION);
}
