/*
 * Decodes PNG with libpng, like Pillow's convert("RGB"): 16-bit channels keep their high byte, but 16-bit
 * grey is clipped at 255; alpha and transparent colours are dropped; gamma and profiles are ignored.
 *
 * Examines the chunks first: each must have the right check sum, up to the last chunk of pixels. The data
 * after the pixels, and the check sums of the last chunk of pixels, may be damaged or missing: a file without
 * its end is completed in memory and counts as damaged. libpng then checks the sum over the decompressed
 * pixels.
 */
#include <png.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "formats.h"
#include "pixels.h"

enum {
    SIGNATURE_BYTES = 8,
    HEAD_BYTES = 8,       /* a chunk's length and name */
    SUM_BYTES = 4,        /* its check sum, after its data */
    ADLER_BYTES = 4,      /* the check sum that ends the compressed pixels */
    DEFLATE_RATIO = 1032, /* the largest possible: 258 bytes by 2 bits */
    WIDE_BYTES = 2,       /* of a value of 16 bits */
};

struct reader {
    const uint8_t *bytes;
    size_t n;
    size_t next;
    png_structp png;
    png_infop info;
    jmp_buf failed;
    int status;
    bool lacks_adler;
    bool has_begun;   /* to decompress */
    bool has_bad_sum; /* over the decompressed pixels */
    struct image image;
    struct image wide; /* of 16-bit grey: two bytes per pixel, big-endian, with room to spare */
};

/* ---------------------------------------------------------------- chunks */

static size_t read_u32(const uint8_t *bytes)
{
    return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

static bool is_name(const uint8_t *name)
{
    for (int i = 0; i < 4; i++)
        if (!((name[i] >= 'A' && name[i] <= 'Z') || (name[i] >= 'a' && name[i] <= 'z')))
            return false;
    return true;
}

/* The result of the walk over the chunks. */
struct chunks {
    bool has_pixels; /* there is a chunk of pixels, whole or not */
    bool is_whole;   /* the file, including its end chunk */
    size_t n_whole;  /* bytes up to the end of the last whole chunk */
    bool is_cut;     /* the file ends in a chunk of pixels ... */
    size_t n_cut;    /* ... of so many bytes ... */
    size_t n_lost;   /* ... of which so many are missing */
};

/* Notes the chunk of pixels in which the file ends. If more than check sums is missing, so are pixels. */
static int take_cut(struct chunks *c, size_t length, size_t n_left)
{
    const size_t n_lost = length > n_left ? length - n_left : 0;
    if (n_lost > ADLER_BYTES)
        return image_ends_early();
    c->has_pixels = true;
    c->is_cut = true;
    c->n_cut = length;
    c->n_lost = n_lost;
    return OK;
}

static int look_at_chunks(struct chunks *c, const uint8_t *bytes, size_t n)
{
    *c = (struct chunks){.n_whole = SIGNATURE_BYTES};
    while (!c->is_whole && n - c->n_whole >= HEAD_BYTES) {
        const size_t at = c->n_whole;
        const uint8_t *name = bytes + at + 4;
        const size_t length = read_u32(bytes + at);
        const size_t n_left = n - at - HEAD_BYTES;
        const bool is_pixels = memcmp(name, "IDAT", 4) == 0;
        const bool must_be_right = is_pixels || !c->has_pixels;
        if (!is_name(name) && must_be_right)
            return error_set(ERR_FORMAT, "damaged PNG: no chunk begins at byte %zu", at);
        if (!is_name(name) || (length + SUM_BYTES > n_left && !is_pixels))
            break;
        if (length + SUM_BYTES > n_left)
            return take_cut(c, length, n_left);
        if (must_be_right && crc32_z(crc32_z(0, NULL, 0), name, 4 + length) != read_u32(name + 4 + length))
            return error_set(ERR_FORMAT, "damaged PNG: the check sum of its chunk %.4s at byte %zu is wrong",
                             (const char *)name, at);
        c->has_pixels = c->has_pixels || is_pixels;
        c->is_whole = memcmp(name, "IEND", 4) == 0;
        c->n_whole += HEAD_BYTES + length + SUM_BYTES;
    }
    return c->has_pixels ? OK : image_ends_early();
}

/* A copy of the file with a proper end; its check sums are not examined again. */
static uint8_t *complete(size_t *n_out, const struct chunks *c, const uint8_t *bytes)
{
    static const uint8_t end[HEAD_BYTES + SUM_BYTES] = {0, 0, 0, 0, 'I', 'E', 'N', 'D'};
    uint8_t *copy = malloc(c->n_whole + HEAD_BYTES + c->n_cut + SUM_BYTES + sizeof end);
    if (!copy)
        return NULL;
    size_t n = c->n_whole;
    memcpy(copy, bytes, n);
    if (c->is_cut) {
        memcpy(copy + n, bytes + n, HEAD_BYTES + c->n_cut - c->n_lost);
        n += HEAD_BYTES + c->n_cut;
        memset(copy + n - c->n_lost, 0, c->n_lost + SUM_BYTES);
        n += SUM_BYTES;
    }
    memcpy(copy + n, end, sizeof end);
    *n_out = n + sizeof end;
    return copy;
}

/* ---------------------------------------------------------------- libpng's calls */

static _Noreturn void give_up(struct reader *r, int status)
{
    r->status = status;
    longjmp(r->failed, 1);
}

/* Only zlib's text distinguishes a wrong sum from other damage, and from data after the last pixel. */
static void note_bad_sum(struct reader *r, const char *text)
{
    r->has_bad_sum = r->has_bad_sum || strstr(text, "incorrect data check");
}

static void on_error(png_structp png, png_const_charp text)
{
    struct reader *r = png_get_error_ptr(png);
    note_bad_sum(r, text);
    const char *what = r->has_bad_sum ? "the check sum over its pixels is wrong"
                       : r->has_begun ? "its pixels cannot be decompressed, or some are missing"
                                      : "its headers do not fit together";
    give_up(r, error_set(ERR_FORMAT, "damaged PNG: %s", what));
}

static void on_warning(png_structp png, png_const_charp text)
{
    note_bad_sum(png_get_error_ptr(png), text);
}

static void on_read(png_structp png, png_bytep out, size_t n)
{
    struct reader *r = png_get_io_ptr(png);
    if (n > r->n - r->next)
        give_up(r, image_ends_early());
    memcpy(out, r->bytes + r->next, n);
    r->next += n;
}

/* ---------------------------------------------------------------- decoding */

static void set_up(struct reader *r)
{
    png_set_read_fn(r->png, r, on_read);
    png_set_benign_errors(r->png, 1);
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* image_check_size() has our limits */
    png_set_crc_action(r->png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1); /* all others */
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep) "tRNS", 1);
    if (r->lacks_adler)
        png_set_option(r->png, PNG_IGNORE_ADLER32, PNG_OPTION_ON);
}

/* Requests 8-bit RGB, or 16-bit grey unchanged. */
static bool ask_for_pixels(struct reader *r)
{
    const int kind = png_get_color_type(r->png, r->info);
    const int bits = png_get_bit_depth(r->png, r->info);
    const bool is_wide = kind == PNG_COLOR_TYPE_GRAY && bits == 16;
    png_set_interlace_handling(r->png);
    if (is_wide)
        return true;
    if (kind == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(r->png);
    if (kind == PNG_COLOR_TYPE_GRAY && bits < 8)
        png_set_expand_gray_1_2_4_to_8(r->png);
    png_set_strip_16(r->png);
    png_set_strip_alpha(r->png);
    png_set_gray_to_rgb(r->png);
    return false;
}

static void clip_wide(struct image *out, const uint8_t *wide)
{
    for (int64_t i = 0; i < out->width * out->height; i++)
        memset(out->pixels + i * IMAGE_CHANNELS, wide[i * WIDE_BYTES] > 0 ? 255 : wide[i * WIDE_BYTES + 1],
               IMAGE_CHANNELS);
}

static uint8_t *row_of(const struct reader *r, int64_t y)
{
    const int64_t i = y * r->image.width;
    return r->wide.pixels ? r->wide.pixels + i * WIDE_BYTES : r->image.pixels + i * IMAGE_CHANNELS;
}

static void decode(struct reader *r)
{
    set_up(r);
    png_read_info(r->png, r->info);
    const int64_t width = png_get_image_width(r->png, r->info);
    const int64_t height = png_get_image_height(r->png, r->info);
    int status = image_check_size(width, height);
    if (status == OK && png_get_rowbytes(r->png, r->info) * (size_t)height / DEFLATE_RATIO > r->n)
        status = image_ends_early(); /* before allocating memory of that size */
    if (status == OK)
        status = image_allocate(&r->image, width, height);
    if (status == OK && ask_for_pixels(r))
        status = image_allocate(&r->wide, width, height);
    if (status != OK)
        give_up(r, status);
    const int n_passes = png_get_interlace_type(r->png, r->info) == PNG_INTERLACE_NONE ? 1 : 7;
    png_start_read_image(r->png);
    r->has_begun = true;
    for (int pass = 0; pass < n_passes; pass++)
        for (int64_t y = 0; y < height; y++)
            png_read_row(r->png, row_of(r, y), NULL);
    if (r->has_bad_sum)
        on_error(r->png, "");
    if (r->wide.pixels)
        clip_wide(&r->image, r->wide.pixels);
}

/* Not in image_decode_png(): a function must not change its variables between setjmp and longjmp. */
static int run(struct reader *r)
{
    if (setjmp(r->failed) == 0)
        decode(r);
    return r->status;
}

static int decode_whole(struct image *out, const uint8_t *bytes, size_t n, bool lacks_adler)
{
    struct reader r = {.bytes = bytes, .n = n, .lacks_adler = lacks_adler};
    r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    int status = r.info ? run(&r) : error_out_of_memory();
    png_destroy_read_struct(&r.png, &r.info, NULL);
    image_free(&r.wide);
    if (status != OK)
        image_free(&r.image);
    *out = r.image;
    return status;
}

int image_decode_png(struct image *out, const uint8_t *bytes, size_t n)
{
    struct chunks chunks;
    int status = look_at_chunks(&chunks, bytes, n);
    if (status != OK || chunks.is_whole)
        return status == OK ? decode_whole(out, bytes, n, false) : status;
    size_t n_copy = 0;
    uint8_t *copy = complete(&n_copy, &chunks, bytes);
    if (!copy)
        return error_out_of_memory();
    status = decode_whole(out, copy, n_copy, chunks.n_lost > 0);
    free(copy);
    if (status == OK)
        out->damage = "the end of a PNG file is missing";
    return status;
}
