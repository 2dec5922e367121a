/* Reads the orientation from EXIF data. Whatever is damaged in them counts as not there, as in Pillow. */
#include "exif.h"

#include <stdbool.h>
#include <string.h>

enum {
    UPRIGHT = 1,
    LAST_ORIENTATION = 8,
    TAG_ORIENTATION = 0x0112,
    TYPE_SHORT = 3,
    TYPE_LONG = 4,
    TIFF_HEAD_BYTES = 8,
    ENTRY_BYTES = 12,
    PREFIX_BYTES = 6, /* "Exif", 0, 0 */
};

static uint32_t read_number(const uint8_t *bytes, size_t n, bool is_big)
{
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | bytes[is_big ? i : n - 1 - i];
    return value;
}

static bool has_prefix(const uint8_t *bytes, size_t n)
{
    return n >= PREFIX_BYTES && memcmp(bytes, "Exif\0", PREFIX_BYTES) == 0;
}

/* ---------------------------------------------------------------- finding them in a file */

struct exif_part exif_find_jpeg(const uint8_t *bytes, size_t n)
{
    enum { APP1 = 0xe1, SOS = 0xda, EOI = 0xd9, RST0 = 0xd0, RST7 = 0xd7, TEM = 0x01, LENGTH_BYTES = 2 };
    for (size_t at = 2; n - at >= 2 + LENGTH_BYTES && bytes[at] == 0xff;) {
        const uint8_t marker = bytes[at + 1];
        if (marker == 0xff || marker == TEM || (marker >= RST0 && marker <= RST7)) {
            at += marker == 0xff ? 1 : 2; /* padding, or a marker without data */
            continue;
        }
        const size_t length = read_number(bytes + at + 2, LENGTH_BYTES, true);
        const uint8_t *data = bytes + at + 2 + LENGTH_BYTES;
        if (marker == SOS || marker == EOI || length < LENGTH_BYTES || length > n - at - 2)
            break;
        if (marker == APP1 && has_prefix(data, length - LENGTH_BYTES))
            return (struct exif_part){data, length - LENGTH_BYTES};
        at += 2 + length;
    }
    return (struct exif_part){0};
}

struct exif_part exif_find_png(const uint8_t *bytes, size_t n)
{
    enum { SIGNATURE_BYTES = 8, HEAD_BYTES = 8, SUM_BYTES = 4 };
    for (size_t at = SIGNATURE_BYTES; at < n && n - at >= HEAD_BYTES;) {
        const size_t length = read_number(bytes + at, 4, true);
        if (length > n - at - HEAD_BYTES)
            break;
        if (memcmp(bytes + at + 4, "eXIf", 4) == 0)
            return (struct exif_part){bytes + at + HEAD_BYTES, length};
        at += HEAD_BYTES + length + SUM_BYTES;
    }
    return (struct exif_part){0};
}

struct exif_part exif_find_webp(const uint8_t *bytes, size_t n)
{
    enum { RIFF_BYTES = 12, HEAD_BYTES = 8 };
    for (size_t at = RIFF_BYTES; at < n && n - at >= HEAD_BYTES;) {
        const size_t length = read_number(bytes + at + 4, 4, false);
        if (length > n - at - HEAD_BYTES)
            break;
        if (memcmp(bytes + at, "EXIF", 4) == 0)
            return (struct exif_part){bytes + at + HEAD_BYTES, length};
        at += HEAD_BYTES + length + length % 2;
    }
    return (struct exif_part){0};
}

/* ---------------------------------------------------------------- the orientation in them */

/* The value of an entry of the directory: a single number, else `otherwise`. */
static uint32_t entry_value(const uint8_t *entry, bool is_big, uint32_t otherwise)
{
    const uint32_t type = read_number(entry + 2, 2, is_big);
    if (read_number(entry + 4, 4, is_big) != 1 || (type != TYPE_SHORT && type != TYPE_LONG))
        return otherwise;
    return read_number(entry + 8, type == TYPE_SHORT ? 2 : 4, is_big);
}

int exif_orientation(struct exif_part exif)
{
    const bool is_prefixed = has_prefix(exif.bytes, exif.n);
    const uint8_t *tiff = is_prefixed ? exif.bytes + PREFIX_BYTES : exif.bytes;
    const size_t n = is_prefixed ? exif.n - PREFIX_BYTES : exif.n;
    uint32_t found = UPRIGHT;
    if (n < TIFF_HEAD_BYTES || (memcmp(tiff, "II*\0", 4) != 0 && memcmp(tiff, "MM\0*", 4) != 0))
        return UPRIGHT;
    const bool is_big = tiff[0] == 'M';
    const size_t first = read_number(tiff + 4, 4, is_big);
    if (first > n || n - first < 2)
        return UPRIGHT;
    const size_t n_entries = read_number(tiff + first, 2, is_big);
    for (size_t i = 0; i < n_entries && (i + 1) * ENTRY_BYTES <= n - first - 2; i++) {
        const uint8_t *entry = tiff + first + 2 + i * ENTRY_BYTES;
        if (read_number(entry, 2, is_big) == TAG_ORIENTATION)
            found = entry_value(entry, is_big, UPRIGHT);
    }
    return found >= UPRIGHT && found <= LAST_ORIENTATION ? (int)found : UPRIGHT;
}
