/*
 * Reads BMP like Pillow: headers of Windows (40, 52, 56, 108 and 124 bytes) and OS/2 (12 and 64), 1, 4, 8,
 * 16, 24 and 32 bits per pixel, bit fields of whole bytes, 5-5-5 and 5-6-5, run lengths of 4 and 8 bits, rows
 * from the bottom or the top. stb_image supports fewer of them and misreads 4-bit files of OS/2.
 */
#include <stdbool.h>
#include <string.h>

#include "formats.h"
#include "pixels.h"

enum { FILE_HEADER = 14, CORE_HEADER = 12, INFO_HEADER = 40, N_COLOURS = 256, RUN_RATIO = 8192 };
enum { RGB_ROWS = 0, RLE8 = 1, RLE4 = 2, BIT_FIELDS = 3 };

struct bmp {
    const uint8_t *bytes;
    size_t n;
    int64_t width, height;
    bool is_top_down;
    unsigned bits;
    uint32_t compression;
    size_t palette;   /* where it begins */
    size_t data;      /* where the pixels begin */
    uint32_t mask[3]; /* of red, green, blue */
    uint8_t colours[N_COLOURS][IMAGE_CHANNELS];
};

static uint32_t read_u16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t read_u32(const uint8_t *bytes)
{
    return read_u16(bytes) | read_u16(bytes + 2) << 16;
}

/* ---------------------------------------------------------------- header and palette */

static int read_core(struct bmp *b, const uint8_t *header)
{
    b->width = read_u16(header + 4);
    b->height = read_u16(header + 6);
    b->bits = read_u16(header + 10);
    return OK;
}

static int read_info(struct bmp *b, const uint8_t *header, size_t header_bytes)
{
    const int64_t height = (int32_t)read_u32(header + 8);
    b->is_top_down = height < 0;
    b->width = (int32_t)read_u32(header + 4);
    b->height = height < 0 ? -height : height;
    b->bits = read_u16(header + 14);
    b->compression = read_u32(header + 16);
    if (b->compression != BIT_FIELDS)
        return OK;
    const size_t masks = FILE_HEADER + INFO_HEADER; /* in a longer header, or after the short one */
    if (header_bytes == INFO_HEADER)
        b->palette += 12;
    if (b->n < masks + 12)
        return image_ends_early();
    for (size_t c = 0; c < IMAGE_CHANNELS; c++)
        b->mask[c] = read_u32(b->bytes + masks + 4 * c);
    return OK;
}

/* Indices beyond a short palette are black; a palette of greys covers all greys. */
static int read_palette(struct bmp *b, uint32_t n_colours, size_t colour_bytes)
{
    if (n_colours == 0)
        n_colours = 1U << b->bits;
    if (n_colours > 65536)
        return error_set(ERR_FORMAT, "a BMP of %u colours, expected up to 65536", (unsigned)n_colours);
    if (b->data == b->palette) /* the header puts them where the palette begins */
        b->data += n_colours * colour_bytes;
    bool is_grey = true;
    for (size_t i = 0; i < n_colours && i < N_COLOURS && b->palette + (i + 1) * colour_bytes <= b->n; i++) {
        const uint8_t *bgr = b->bytes + b->palette + i * colour_bytes;
        const uint8_t grey = n_colours == 2 ? (uint8_t)(255 * i) : (uint8_t)i;
        is_grey = is_grey && bgr[0] == grey && bgr[1] == grey && bgr[2] == grey;
        for (int c = 0; c < IMAGE_CHANNELS; c++)
            b->colours[i][c] = bgr[2 - c];
    }
    for (int i = 0; is_grey && n_colours > 2 && i < N_COLOURS; i++)
        memset(b->colours[i], i, IMAGE_CHANNELS);
    return OK;
}

static bool has_masks(const struct bmp *b, uint32_t red, uint32_t green, uint32_t blue)
{
    return b->mask[0] == red && b->mask[1] == green && b->mask[2] == blue;
}

static int check_masks(struct bmp *b)
{
    if (b->bits == 32 && has_masks(b, 0, 0, 0)) {
        b->mask[0] = 0xff0000;
        b->mask[1] = 0xff00;
        b->mask[2] = 0xff;
    }
    const bool is_known =
        (b->bits == 16 && (has_masks(b, 0x7c00, 0x3e0, 0x1f) || has_masks(b, 0xf800, 0x7e0, 0x1f))) ||
        (b->bits == 24 && has_masks(b, 0xff0000, 0xff00, 0xff)) ||
        (b->bits == 32 &&
         (has_masks(b, 0xff0000, 0xff00, 0xff) || has_masks(b, 0xff000000, 0xff0000, 0xff00) ||
          has_masks(b, 0xff000000, 0xff00, 0xff) || has_masks(b, 0xff, 0xff00, 0xff0000)));
    return is_known ? OK
                    : error_set(ERR_FORMAT,
                                "a BMP of %u bits with masks %x, %x, %x, expected 5-5-5, 5-6-5 or bytes",
                                b->bits, (unsigned)b->mask[0], (unsigned)b->mask[1], (unsigned)b->mask[2]);
}

static int check_kind(struct bmp *b)
{
    const bool is_indexed = b->bits == 1 || b->bits == 4 || b->bits == 8;
    if (!is_indexed && b->bits != 16 && b->bits != 24 && b->bits != 32)
        return error_set(ERR_FORMAT, "a BMP of %u bits per pixel, expected 1, 4, 8, 16, 24 or 32", b->bits);
    if (b->compression == RGB_ROWS && !is_indexed) {
        const bool is_16 = b->bits == 16;
        b->mask[0] = is_16 ? 0x7c00 : 0xff0000;
        b->mask[1] = is_16 ? 0x3e0 : 0xff00;
        b->mask[2] = is_16 ? 0x1f : 0xff;
    }
    if (b->compression == BIT_FIELDS && !is_indexed)
        return check_masks(b);
    const bool is_known = b->compression == RGB_ROWS || (b->compression == RLE8 && b->bits == 8) ||
                          (b->compression == RLE4 && b->bits == 4);
    return is_known ? OK
                    : error_set(ERR_FORMAT,
                                "a BMP of %u bits per pixel with compression %u, expected none, RLE4 or RLE8",
                                b->bits, (unsigned)b->compression);
}

static bool has_runs(const struct bmp *b)
{
    return b->compression == RLE8 || b->compression == RLE4;
}

static size_t row_bytes(const struct bmp *b)
{
    return ((size_t)b->width * b->bits + 31) / 32 * 4;
}

/* Run lengths may skip whole rows, but more than RUN_RATIO pixels per byte are refused. */
static int check_length(const struct bmp *b)
{
    if (has_runs(b) && (size_t)(b->width * b->height) / RUN_RATIO > b->n)
        return image_ends_early();
    const size_t last_row_bytes = ((size_t)b->width * b->bits + 7) / 8; /* without padding */
    const size_t need = has_runs(b) ? 0 : row_bytes(b) * (size_t)(b->height - 1) + last_row_bytes;
    return b->data > b->n || need > b->n - b->data ? image_ends_early() : OK;
}

static int read_header(struct bmp *b)
{
    if (b->n < FILE_HEADER + 4)
        return image_ends_early();
    const uint8_t *header = b->bytes + FILE_HEADER;
    const size_t header_bytes = read_u32(header);
    static const size_t known[] = {CORE_HEADER, INFO_HEADER, 52, 56, 64, 108, 124};
    bool is_known = false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        is_known = is_known || header_bytes == known[i];
    if (!is_known)
        return error_set(ERR_FORMAT,
                         "a BMP with a header of %zu bytes, expected 12, 40, 52, 56, 64, 108 or 124",
                         header_bytes);
    if (b->n < FILE_HEADER + header_bytes)
        return image_ends_early();
    const bool is_core = header_bytes == CORE_HEADER;
    b->palette = FILE_HEADER + header_bytes;
    b->data = read_u32(b->bytes + 10);
    if (b->data == 0)
        b->data = b->palette;
    int status = is_core ? read_core(b, header) : read_info(b, header, header_bytes);
    if (status != OK || (status = check_kind(b)) != OK ||
        (status = image_check_size(b->width, b->height)) != OK)
        return status;
    if (b->bits <= 8)
        status = read_palette(b, is_core ? 0 : read_u32(header + 32), is_core ? 3 : 4);
    return status == OK ? check_length(b) : status;
}

/* ---------------------------------------------------------------- rows */

static uint8_t *row_of(const struct image *out, const struct bmp *b, int64_t row)
{
    const int64_t y = b->is_top_down ? row : b->height - 1 - row;
    return out->pixels + y * b->width * IMAGE_CHANNELS;
}

static void put_index(struct image *out, const struct bmp *b, int64_t at, unsigned index)
{
    memcpy(row_of(out, b, at / b->width) + at % b->width * IMAGE_CHANNELS, b->colours[index], IMAGE_CHANNELS);
}

static unsigned lowest_bit(uint32_t mask)
{
    unsigned bit = 0;
    while (bit < 31 && !(mask >> bit & 1))
        bit++;
    return bit;
}

static void unpack_masked(uint8_t *out, const struct bmp *b, const uint8_t *in)
{
    const size_t pixel_bytes = b->bits / 8;
    for (int c = 0; c < IMAGE_CHANNELS; c++) {
        const unsigned shift = lowest_bit(b->mask[c]);
        const uint32_t max = b->mask[c] >> shift;
        for (int64_t x = 0; x < b->width; x++) {
            const uint8_t *pixel = in + (size_t)x * pixel_bytes;
            uint8_t *level = out + x * IMAGE_CHANNELS + c;
            uint32_t value = 0;
            if (max == 255) {
                *level = pixel[shift / 8];
                continue;
            }
            for (size_t i = 0; i < pixel_bytes; i++)
                value |= (uint32_t)pixel[i] << 8 * i;
            *level = (uint8_t)(((value & b->mask[c]) >> shift) * 255 / max);
        }
    }
}

static void unpack_indices(uint8_t *out, const struct bmp *b, const uint8_t *in)
{
    const unsigned per_byte = 8 / b->bits;
    for (int64_t x = 0; x < b->width; x++) {
        const unsigned shift = 8 - b->bits * (unsigned)(x % per_byte + 1);
        const unsigned index = (unsigned)in[x / per_byte] >> shift & ((1U << b->bits) - 1);
        memcpy(out + x * IMAGE_CHANNELS, b->colours[index], IMAGE_CHANNELS);
    }
}

static void read_rows(struct image *out, const struct bmp *b)
{
    for (int64_t row = 0; row < b->height; row++) {
        const uint8_t *in = b->bytes + b->data + row_bytes(b) * (size_t)row;
        if (b->bits <= 8)
            unpack_indices(row_of(out, b, row), b, in);
        else
            unpack_masked(row_of(out, b, row), b, in);
    }
}

/* ---------------------------------------------------------------- run lengths */

/* `at` counts the pixels written so far, over all rows. */
struct runs {
    const struct bmp *bmp;
    struct image *out;
    size_t next; /* byte of the file */
    int64_t at, n_pixels;
    int64_t x; /* as counted by the runs: it may pass the row's end, and is 0 after an end code */
};

static void put_run(struct runs *r, int64_t n, const uint8_t *in, bool is_repeated)
{
    const bool is_4 = r->bmp->compression == RLE4;
    for (int64_t i = 0; i < n && r->at < r->n_pixels; i++) {
        const uint8_t byte = is_repeated ? in[0] : in[is_4 ? i / 2 : i];
        put_index(r->out, r->bmp, r->at++, !is_4 ? byte : i % 2 == 0 ? byte >> 4U : byte & 15U);
    }
}

/* Skipped pixels keep the initial colour, that of index 0. */
static void pass_over(struct runs *r, int64_t n)
{
    r->at += n < r->n_pixels - r->at ? n : r->n_pixels - r->at;
}

/* Copies literal pixels, padded to a multiple of two bytes. False where the file ends. */
static bool put_literal(struct runs *r, int64_t n)
{
    const int64_t n_kept = n < r->n_pixels - r->at ? n : r->n_pixels - r->at;
    const size_t n_bytes = (size_t)(r->bmp->compression == RLE4 ? (n_kept + 1) / 2 : n_kept);
    if (n_bytes > r->bmp->n - r->next)
        return false;
    put_run(r, n_kept, r->bmp->bytes + r->next, false);
    r->next += n_bytes;
    r->x += n;
    r->next += r->next % 2;
    return r->next <= r->bmp->n;
}

/* Executes the code after a zero byte. False at the end of the picture or of the file. */
static bool obey(struct runs *r, unsigned code)
{
    const int64_t width = r->bmp->width;
    if (code == 0) {
        pass_over(r, (width - r->at % width) % width);
        r->x = 0;
        return true;
    }
    if (code == 1)
        return false;
    if (code > 2)
        return put_literal(r, code);
    if (r->bmp->n - r->next < 2)
        return false;
    const uint8_t *step = r->bmp->bytes + r->next;
    r->next += 2;
    pass_over(r, step[0] + step[1] * width);
    r->x = r->at % width;
    return true;
}

static int read_runs(struct image *out, const struct bmp *b)
{
    struct runs r = {.bmp = b, .out = out, .next = b->data, .n_pixels = b->width * b->height};
    for (int64_t i = 0; i < r.n_pixels; i++)
        memcpy(out->pixels + i * IMAGE_CHANNELS, b->colours[0], IMAGE_CHANNELS);
    bool has_more = true;
    while (has_more && r.at < r.n_pixels && b->n - r.next >= 2) {
        const int64_t n = b->bytes[r.next];
        const uint8_t *code = b->bytes + r.next + 1;
        r.next += 2;
        if (n == 0) {
            has_more = obey(&r, *code);
            continue;
        }
        const int64_t n_left = b->width > r.x ? b->width - r.x : 0;
        put_run(&r, n < n_left ? n : n_left, code, true);
        r.x += n < n_left ? n : n_left;
    }
    return r.at == r.n_pixels ? OK : image_ends_early();
}

int image_decode_bmp(struct image *out, const uint8_t *bytes, size_t n)
{
    struct bmp b = {.bytes = bytes, .n = n};
    int status = read_header(&b);
    if (status != OK || (status = image_allocate(out, b.width, b.height)) != OK)
        return status;
    if (!has_runs(&b))
        read_rows(out, &b);
    else if ((status = read_runs(out, &b)) != OK)
        image_free(out);
    return status;
}
