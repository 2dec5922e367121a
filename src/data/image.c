/*
 * Decoding by stb_image, with what it lets pass and Pillow does not: files that end too early, absurd sizes.
 *
 * Where the pixels are not Pillow's (measured by tests/parity/test_images.py):
 *  - JPEG: another inverse DCT and other roundings of chroma; a few levels.
 *  - 16-bit grey PNG: Pillow's convert("RGB") clips at 255, so nearly every pixel is white; here the high
 * byte stays.
 *  - GIF: transparent pixels, and those outside a first frame smaller than the canvas, are black or
 * background here.
 *  - JPEG data that libjpeg warns about and guesses (a bad Huffman code) is an error here.
 * WebP, TIFF and AVIF are not decoded: the error names them.
 */
#include "prompt/data/image.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/str.h"

/* Only what data sets hold; every other format is more code that untrusted files could reach. A broken file
 * must never end the program, so stb's own assertions are off in every build: each is backed by its error
 * returns. */
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_ONLY_GIF
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_ASSERT(x) ((void)0)
/* Off to the end of the file, because that is where the compiler complains about a prototype of stb's. */
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb_image.h>

/* Pillow's limit ("decompression bomb"): twice 2^30 / 4 / 3 pixels. */
enum { PIXELS_MAX = 178956970 };

/* ---------------------------------------------------------------- reading */

/* A file in memory, read through callbacks: stb invents zeros after the end, and only a callback sees that.
 */
struct source {
    const uint8_t *bytes;
    size_t n;
    size_t next;
    bool ran_out; /* more was asked for than there is */
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
    if (n < 0) /* stb asks for it after a negative length in the file; there is nothing valid to do */
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

static const stbi_io_callbacks source_callbacks = {source_read, source_skip, source_is_at_end};

/* ---------------------------------------------------------------- what stb does not know */

/* A sentence about files that people take for images and stb cannot read. */
static const char *foreign_format(const uint8_t *bytes, size_t n)
{
    static const struct {
        size_t offset;
        const char *magic;
        size_t n;
        const char *what;
    } table[] = {
        {8, "WEBP", 4, "WebP is not supported"},
        {4, "ftyp", 4, "AVIF and HEIC are not supported"},
        {0, "II*\0", 4, "TIFF is not supported"},
        {0, "MM\0*", 4, "TIFF is not supported"},
        {0, "<", 1, "it looks like a web page"},
        {0, "version https://git-lfs", 23, "it is a git LFS pointer, not the image itself"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (n >= table[i].offset + table[i].n &&
            memcmp(bytes + table[i].offset, table[i].magic, table[i].n) == 0)
            return table[i].what;
    return "JPEG, PNG, BMP and GIF are supported";
}

const char *image_format(const char *path)
{
    static const struct {
        const char *magic;
        size_t n;
        const char *format;
    } table[] = {{"\xff\xd8\xff", 3, "JPEG"}, {"\x89PNG", 4, "PNG"}, {"GIF8", 4, "GIF"}, {"BM", 2, "BMP"}};
    char bytes[4] = {0};
    FILE *file = fopen(path, "rb");
    const size_t n = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (n >= table[i].n && memcmp(bytes, table[i].magic, table[i].n) == 0)
            return table[i].format;
    return "no known format";
}

const char *image_decoder(void)
{
    return "stb_image 2.27";
}

/* ---------------------------------------------------------------- JPEG segments */

/* What is to be known of a JPEG before stb decodes it. */
struct jpeg_facts {
    unsigned n_components; /* of the first frame header, 0 if there is none */
    bool has_adobe_marker;
    bool has_bad_table; /* a Huffman table of more than 256 codes, which stb 2.27 writes beyond its arrays */
};

/* The body of a segment: `length` bytes as its header says, `n` bytes up to the end of the file. */
struct segment {
    unsigned marker;
    const uint8_t *bytes;
    size_t length;
    size_t n;
};

/* Several tables may follow each other: class and id, 16 counts, as many values as the counts say. The counts
 * of the last one may lie behind the segment's length, where stb reads them all the same. */
static bool has_bad_huffman_table(const struct segment *s)
{
    size_t at = 0;
    while (at < s->length) {
        size_t n_codes = 0;
        for (size_t i = at + 1; i <= at + 16 && i < s->n; i++)
            n_codes += s->bytes[i];
        if (n_codes > 256)
            return true;
        at += 17 + n_codes;
    }
    return false;
}

static void look_at_segment(struct jpeg_facts *facts, const struct segment *s)
{
    if (s->marker == 0xc4)
        facts->has_bad_table = facts->has_bad_table || has_bad_huffman_table(s);
    else if (s->marker == 0xee)
        facts->has_adobe_marker = facts->has_adobe_marker || (s->n >= 5 && memcmp(s->bytes, "Adobe", 5) == 0);
    else if (s->marker >= 0xc0 && s->marker <= 0xc2 && s->n >= 6 && facts->n_components == 0)
        facts->n_components = s->bytes[5];
}

/* Walks from marker to marker; between segments (pixels, garbage) it looks for the next one, as stb does.
 * Whatever begins with 0xff may be a JPEG: stb passes over fill bytes before the first marker, too. */
static struct jpeg_facts scan_jpeg(const uint8_t *bytes, size_t n)
{
    struct jpeg_facts facts = {0};
    if (n < 4 || bytes[0] != 0xff)
        return facts;
    for (size_t at = 0; at + 3 < n;) {
        const unsigned marker = bytes[at] == 0xff ? bytes[at + 1] : 0;
        const size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (marker == 0xd9) /* end of image; what follows is never read */
            break;
        if (marker < 0xc0 || marker == 0xff || (marker >= 0xd0 && marker <= 0xd8) || length < 2) {
            at++;
            continue;
        }
        look_at_segment(&facts, &(struct segment){marker, bytes + at + 4, length - 2, n - at - 4});
        at += 2 + length;
    }
    return facts;
}

/* Four components without Adobe's marker are CMYK to libjpeg and Pillow, YCbCr with alpha to stb: marks them.
 */
static int mark_plain_cmyk(char **bytes, size_t *n)
{
    static const uint8_t adobe[] = {0xff, 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0};
    char *grown = realloc(*bytes, *n + sizeof adobe);
    if (!grown)
        return error_out_of_memory();
    memmove(grown + 2 + sizeof adobe, grown + 2, *n - 2);
    memcpy(grown + 2, adobe, sizeof adobe);
    *bytes = grown;
    *n += sizeof adobe;
    return OK;
}

/* ---------------------------------------------------------------- decoding */

static int decode_error(const struct source *s)
{
    const char *reason = stbi_failure_reason();
    if (reason && strcmp(reason, "outofmem") == 0)
        return error_out_of_memory();
    if (reason && strcmp(reason, "unknown image type") == 0)
        return error_set(ERR_FORMAT, "no image of a known type (%s)", foreign_format(s->bytes, s->n));
    if (s->ran_out)
        return error_set(ERR_FORMAT, "the file ends too early");
    return error_set(ERR_FORMAT, "%s", reason ? reason : "unknown reason");
}

static int decode(struct image *out, const char *bytes, size_t n)
{
    struct source s = {.bytes = (const uint8_t *)bytes, .n = n};
    int width = 0;
    int height = 0;
    int channels = 0;
    if (n == 0)
        return error_set(ERR_FORMAT, "the file is empty");
    if (!stbi_info_from_callbacks(&source_callbacks, &s, &width, &height, &channels))
        return decode_error(&s);
    if (width < 1 || height < 1 || (int64_t)width * height > PIXELS_MAX)
        return error_set(ERR_FORMAT, "%d x %d pixels, expected 1 to %d", width, height, (int)PIXELS_MAX);
    s.next = 0;
    s.ran_out = false;
    uint8_t *pixels = stbi_load_from_callbacks(&source_callbacks, &s, &width, &height, &channels, 3);
    if (!pixels)
        return decode_error(&s);
    if (s.ran_out || width < 1 || height < 1) {
        free(pixels);
        return error_set(ERR_FORMAT, "the file ends too early");
    }
    *out = (struct image){.pixels = pixels, .width = width, .height = height};
    return OK;
}

int image_read(struct image *out, const char *path)
{
    *out = (struct image){0};
    char *bytes = NULL;
    size_t n = 0;
    int status = file_read(&bytes, &n, path);
    if (status != OK)
        return status;
    struct jpeg_facts jpeg = scan_jpeg((const uint8_t *)bytes, n);
    if (jpeg.has_bad_table)
        status = error_set(ERR_FORMAT, "bad Huffman table");
    else if (jpeg.n_components == 4 && !jpeg.has_adobe_marker)
        status = mark_plain_cmyk(&bytes, &n);
    if (status == OK)
        status = decode(out, bytes, n);
    free(bytes);
    if (status == ERR_FORMAT) {
        char *absolute = path_absolute(path);
        status = error_context("cannot decode '%s'", absolute ? absolute : path);
        free(absolute);
    }
    return status;
}

void image_free(struct image *image)
{
    free(image->pixels); /* stb allocates with malloc unless told otherwise */
    *image = (struct image){0};
}
