/*
 * Reads a file and selects its decoder by its first bytes.
 *
 * JPEG and WebP use Pillow's own libraries, since their pixels depend on the decoder; PNG uses libpng, GIF
 * stb_image; BMP, PPM and PGM have small readers here. tests/parity/test_images.py compares all of them with
 * Pillow's pixels.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exif.h"
#include "formats.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"

enum { HEAD_BYTES = 12 };

/* ---------------------------------------------------------------- formats */

struct format {
    size_t offset;
    const char *magic;
    size_t n;
    const char *name;
    int (*decode)(struct image *out, const uint8_t *bytes, size_t n);
    struct exif_part (*find_exif)(const uint8_t *bytes, size_t n); /* NULL: the format has none */
};

static const struct format formats[] = {
    {0, "\xff\xd8", 2, "JPEG", image_decode_jpeg, exif_find_jpeg},
    {0, "\x89PNG\r\n\x1a\n", 8, "PNG", image_decode_png, exif_find_png},
    {0, "GIF87a", 6, "GIF", image_decode_gif, NULL},
    {0, "GIF89a", 6, "GIF", image_decode_gif, NULL},
    {0, "BM", 2, "BMP", image_decode_bmp, NULL},
    {8, "WEBP", 4, "WebP", image_decode_webp, exif_find_webp},
    {0, "P2", 2, "PGM", image_decode_pnm, NULL},
    {0, "P3", 2, "PPM", image_decode_pnm, NULL},
    {0, "P5", 2, "PGM", image_decode_pnm, NULL},
    {0, "P6", 2, "PPM", image_decode_pnm, NULL},
};

/* Formats that are recognized but not supported. */
static const struct {
    size_t offset;
    const char *magic;
    size_t n;
    const char *what;
} foreign[] = {
    {4, "ftypavif", 8, "it is AVIF"},
    {4, "ftypavis", 8, "it is AVIF"},
    {4, "ftyphei", 7, "it is HEIC"},
    {4, "ftyphev", 7, "it is HEIC"},
    {4, "ftypmif1", 8, "it is HEIC or AVIF"},
    {4, "ftypmsf1", 8, "it is HEIC or AVIF"},
    {4, "ftyp", 4, "it is a video or an image in a container of MPEG-4"},
    {0, "II*\0", 4, "it is TIFF"},
    {0, "MM\0*", 4, "it is TIFF"},
    {0, "II+\0", 4, "it is TIFF"},
    {0, "MM\0+", 4, "it is TIFF"},
    {0, "\xff\x0a", 2, "it is JPEG XL"},
    {0, "\0\0\0\x0cJXL \r\n\x87\n", 12, "it is JPEG XL"},
    {0, "\0\0\0\x0cjP  \r\n\x87\n", 12, "it is JPEG 2000"},
    {0, "\xff\x4f\xff\x51", 4, "it is JPEG 2000"},
    {0, "P1", 2, "it is PBM"},
    {0, "P4", 2, "it is PBM"},
    {0, "%PDF", 4, "it is PDF"},
    {0, "PK\x03\x04", 4, "it is a zip archive"},
    {0, "\x1f\x8b", 2, "it is compressed by gzip"},
    {0, "version https://git-lfs", 23, "it is a git LFS pointer, not the image itself"},
};

static const char *const expected_formats = "JPEG, PNG, BMP, GIF, PPM, PGM or WebP";

static bool has_at(const uint8_t *bytes, size_t n, size_t offset, const char *magic, size_t n_magic)
{
    return n >= offset + n_magic && memcmp(bytes + offset, magic, n_magic) == 0;
}

static const struct format *find_format(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (has_at(bytes, n, formats[i].offset, formats[i].magic, formats[i].n))
            return &formats[i];
    return NULL;
}

/* A page or drawing in markup: after a byte order mark and white space it begins with '<'. */
static const char *markup(const uint8_t *bytes, size_t n)
{
    size_t at = has_at(bytes, n, 0, "\xef\xbb\xbf", 3) ? 3 : 0;
    while (at < n && strchr(" \t\r\n", bytes[at]) && bytes[at] != '\0')
        at++;
    if (at >= n || bytes[at] != '<')
        return NULL;
    return has_at(bytes + at, n - at, 0, "<svg", 4) ? "it is SVG" : "it looks like a web page";
}

static int refuse_unknown(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (has_at(bytes, n, foreign[i].offset, foreign[i].magic, foreign[i].n))
            return error_set(ERR_FORMAT, "%s, expected %s", foreign[i].what, expected_formats);
    const char *what = markup(bytes, n);
    return error_set(ERR_FORMAT, "%s, expected %s", what ? what : "no known image format", expected_formats);
}

const char *image_format(const char *path)
{
    uint8_t bytes[HEAD_BYTES];
    FILE *file = fopen(path, "rb");
    const size_t n = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    const struct format *format = find_format(bytes, n);
    return format ? format->name : "no known format";
}

const char *image_decoder(void)
{
    static _Thread_local char text[64];
    const int webp = image_webp_version();
    if (webp == 0)
        return image_jpeg_library();
    (void)snprintf(text, sizeof text, "%s, libwebp %d.%d.%d", image_jpeg_library(), webp >> 16,
                   webp >> 8 & 255, webp & 255);
    return text;
}

/* ---------------------------------------------------------------- decoding */

int image_decode(struct image *out, const uint8_t *bytes, size_t n)
{
    *out = (struct image){0};
    if (n == 0)
        return error_set(ERR_FORMAT, "the file is empty");
    const struct format *format = find_format(bytes, n);
    int status = format ? format->decode(out, bytes, n) : refuse_unknown(bytes, n);
    if (status == OK)
        out->orientation = format->find_exif ? exif_orientation(format->find_exif(bytes, n)) : 1;
    return status;
}

int image_read(struct image *out, const char *path)
{
    *out = (struct image){0};
    char *bytes = NULL;
    size_t n = 0;
    int status = file_read_regular(&bytes, &n, path);
    if (status != OK)
        return status;
    status = image_decode(out, (const uint8_t *)bytes, n);
    free(bytes);
    if (status == ERR_FORMAT) {
        char *absolute = path_absolute(path);
        status = error_context("cannot decode '%s'", absolute ? absolute : path);
        free(absolute);
    }
    return status;
}
