/*
 * Decodes GIF with stb_image, but draws like Pillow: only the first frame, transparent pixels in the colour
 * of their index, the canvas around a smaller frame in the colour of the transparent index or of index 0, a
 * larger frame on a larger canvas. To do so it gives stb a copy of the file without a background, whose first
 * frame has no transparent index and fits the canvas: pixels that stb then leaves transparent are missing.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "formats.h"
#include "pixels.h"

/* Only GIF: every other format is more code that untrusted files could reach. A broken file must never end
 * the program, so stb's assertions are off in every build; its error returns cover each of them. */
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_GIF
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_ASSERT(x) ((void)0)
/* Off until the end of the file, where the compiler complains about a prototype of stb's. */
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb_image.h>

enum {
    SCREEN_BYTES = 13,
    FRAME_BYTES = 10,
    RGBA = 4,
    LZW_RATIO = 10923, /* more pixels than a byte can encode: 8 / 3 codes of 4,096 */
};

/* ---------------------------------------------------------------- callbacks on a file in memory */

/* stb invents zeros after the end; only a callback notices. */
struct source {
    const uint8_t *bytes;
    size_t n;
    size_t next;
    bool ran_out; /* a read passed the end */
};

static int source_read(void *user, char *out, int n)
{
    struct source *s = user;
    size_t left = s->n - s->next;
    size_t n_read = (size_t)n < left ? (size_t)n : left;
    memcpy(out, s->bytes + s->next, n_read);
    s->next += n_read;
    s->ran_out = s->ran_out || n_read == 0;
    return (int)n_read;
}

static void source_skip(void *user, int n)
{
    struct source *s = user;
    if (n < 0) /* stb skips backwards after a negative length in the file; nothing valid can follow */
        return;
    size_t left = s->n - s->next;
    s->ran_out = s->ran_out || (size_t)n > left;
    s->next += (size_t)n < left ? (size_t)n : left;
}

static int source_is_at_end(void *user)
{
    const struct source *s = user;
    return s->next >= s->n;
}

/* ---------------------------------------------------------------- the first frame */

struct frame {
    int64_t left, top, width, height; /* of the frame on the canvas */
    int64_t canvas_width, canvas_height;
    int transparent; /* index, -1 for none */
    size_t palette;  /* where it begins; 0 for none */
    size_t n_colours;
};

static int64_t read_u16(const uint8_t *bytes)
{
    return bytes[0] | bytes[1] << 8;
}

static void write_u16(uint8_t *bytes, int64_t value)
{
    bytes[0] = (uint8_t)(value & 255);
    bytes[1] = (uint8_t)(value >> 8);
}

/* The bytes of the palette that the flags declare. */
static size_t palette_bytes(unsigned flags)
{
    return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

/* Skips an extension; takes the transparent index from a graphic control and removes it. */
static size_t pass_extension(struct frame *f, uint8_t *bytes, size_t n, size_t at)
{
    const bool is_control = bytes[at + 1] == 0xf9;
    at += 2;
    if (is_control && at + 5 < n && bytes[at] >= 4 && bytes[at + 1] & 1) {
        f->transparent = bytes[at + 4];
        bytes[at + 1] &= 0xfe;
    }
    while (at < n && bytes[at] != 0)
        at += 1 + (size_t)bytes[at];
    return at + 1;
}

/* Reads the frame at `at` and enlarges the canvas to hold it. */
static void take_frame(struct frame *f, uint8_t *bytes, size_t n, size_t at)
{
    f->left = read_u16(bytes + at + 1);
    f->top = read_u16(bytes + at + 3);
    f->width = read_u16(bytes + at + 5);
    f->height = read_u16(bytes + at + 7);
    if (f->left + f->width > f->canvas_width)
        f->canvas_width = f->left + f->width;
    if (f->top + f->height > f->canvas_height)
        f->canvas_height = f->top + f->height;
    const size_t local_bytes = palette_bytes(bytes[at + 9]);
    if (local_bytes > 0) {
        f->palette = at + FRAME_BYTES;
        f->n_colours = local_bytes / 3;
    }
    if (f->palette + f->n_colours * 3 > n)
        f->n_colours = 0; /* the file ends within it, which stb will notice */
}

static int find_first_frame(struct frame *f, uint8_t *bytes, size_t n)
{
    *f = (struct frame){.transparent = -1};
    if (n < SCREEN_BYTES)
        return image_ends_early();
    f->canvas_width = read_u16(bytes + 6);
    f->canvas_height = read_u16(bytes + 8);
    const size_t global_bytes = palette_bytes(bytes[10]);
    f->palette = global_bytes > 0 ? SCREEN_BYTES : 0;
    f->n_colours = global_bytes / 3;
    size_t at = SCREEN_BYTES + global_bytes;
    while (at + FRAME_BYTES <= n && bytes[at] != ',') {
        if (bytes[at] == ';')
            return error_set(ERR_FORMAT, "a GIF file without a picture");
        at = bytes[at] == '!' ? pass_extension(f, bytes, n, at) : at + 1;
    }
    if (at + FRAME_BYTES > n)
        return image_ends_early();
    take_frame(f, bytes, n, at);
    if (f->canvas_width > USHRT_MAX || f->canvas_height > USHRT_MAX)
        return error_set(ERR_FORMAT,
                         "damaged GIF: a frame of %" PRId64 " x %" PRId64 " pixels at %" PRId64 ", %" PRId64,
                         f->width, f->height, f->left, f->top);
    write_u16(bytes + 6, f->canvas_width);
    write_u16(bytes + 8, f->canvas_height);
    bytes[11] = 0; /* of the background */
    return OK;
}

/* ---------------------------------------------------------------- decoding */

/* Drops alpha inside the frame, in place; fills the canvas around it. False if the frame lacks a pixel. */
static bool finish(struct image *image, const struct frame *f, const uint8_t *bytes)
{
    static const uint8_t black[IMAGE_CHANNELS] = {0};
    const size_t index = f->transparent > 0 ? (size_t)f->transparent : 0;
    const uint8_t *around = index < f->n_colours ? bytes + f->palette + index * 3 : black;
    bool is_whole = true;
    for (int64_t y = 0; y < image->height; y++)
        for (int64_t x = 0; x < image->width; x++) {
            const int64_t i = y * image->width + x;
            const uint8_t *rgba = image->pixels + i * RGBA;
            const bool is_inside =
                x >= f->left && x < f->left + f->width && y >= f->top && y < f->top + f->height;
            is_whole = is_whole && (!is_inside || rgba[3] != 0);
            memmove(image->pixels + i * IMAGE_CHANNELS, is_inside ? rgba : around, IMAGE_CHANNELS);
        }
    return is_whole;
}

static int decode_frame(struct image *out, const struct frame *f, const uint8_t *bytes, size_t n)
{
    static const stbi_io_callbacks callbacks = {source_read, source_skip, source_is_at_end};
    struct source s = {.bytes = bytes, .n = n};
    int width = 0, height = 0, channels = 0;
    uint8_t *pixels = stbi_load_from_callbacks(&callbacks, &s, &width, &height, &channels, RGBA);
    if (!pixels && !s.ran_out && strcmp(stbi_failure_reason(), "outofmem") == 0)
        return error_out_of_memory();
    if (pixels && width == f->canvas_width && height == f->canvas_height && !s.ran_out) {
        *out = (struct image){.pixels = pixels, .width = width, .height = height};
        if (finish(out, f, bytes))
            return OK;
        image_free(out);
        return error_set(ERR_FORMAT, "damaged GIF: its data end before the picture does");
    }
    free(pixels);
    return s.ran_out ? image_ends_early() : error_set(ERR_FORMAT, "damaged GIF: its data cannot be decoded");
}

/* `bytes` is a copy, changed in place. */
static int decode(struct image *out, uint8_t *bytes, size_t n)
{
    struct frame f;
    int status = find_first_frame(&f, bytes, n);
    if (status != OK || (status = image_check_size(f.canvas_width, f.canvas_height)) != OK)
        return status;
    if (f.palette == 0)
        return error_set(ERR_FORMAT, "a GIF without colours");
    if ((size_t)(f.width * f.height) / LZW_RATIO > n)
        return image_ends_early();
    return decode_frame(out, &f, bytes, n);
}

int image_decode_gif(struct image *out, const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n);
    if (!copy)
        return error_out_of_memory();
    memcpy(copy, bytes, n);
    int status = decode(out, copy, n);
    free(copy);
    return status;
}
