/* Reads PGM and PPM like Pillow: P2 and P3 (decimal numbers), P5 and P6 (bytes, or two big-endian ones above
 * 255 levels); comments; every number of levels. Grey of more than 255 levels is scaled to 16 bits and
 * clipped at 255, as in PNG. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>

#include "formats.h"
#include "pixels.h"

enum { TOKEN_MAX = 10, LEVEL_MAX = 65535 };

struct reader {
    const uint8_t *bytes;
    size_t n;
    size_t next;
};

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int next_byte(struct reader *r) /* -1 at the end */
{
    return r->next < r->n ? r->bytes[r->next++] : -1;
}

/* Reads one number and the one byte of white space after it; a comment extends to the end of its line. */
static int read_number(int64_t *out, struct reader *r)
{
    int n_digits = 0;
    int c = 0;
    for (*out = 0; (c = next_byte(r)) >= 0;) {
        if (c == '#') {
            while (c >= 0 && c != '\r' && c != '\n')
                c = next_byte(r);
        } else if (is_space(c)) {
            if (n_digits > 0)
                return OK;
        } else if (c < '0' || c > '9' || n_digits == TOKEN_MAX) {
            return error_set(ERR_FORMAT, "byte %zu is not a digit of a number of up to %d digits",
                             r->next - 1, (int)TOKEN_MAX);
        } else {
            *out = *out * 10 + (c - '0');
            n_digits++;
        }
    }
    return n_digits > 0 ? OK : image_ends_early();
}

struct header {
    bool is_plain, is_grey;
    int64_t width, height, max;
};

/* A value has at least one byte. */
static int check_length(const struct reader *r, const struct header *h)
{
    const int64_t n_values = h->width * h->height * (h->is_grey ? 1 : IMAGE_CHANNELS);
    const int64_t value_bytes = !h->is_plain && h->max > 255 ? 2 : 1;
    return (uint64_t)(n_values * value_bytes) > r->n - r->next ? image_ends_early() : OK;
}

static int read_header(struct header *h, struct reader *r)
{
    const int kind = r->bytes[1];
    *h = (struct header){.is_plain = kind == '2' || kind == '3', .is_grey = kind == '2' || kind == '5'};
    r->next = 2;
    int status = OK;
    if (r->n > 2 && !is_space(r->bytes[2]) && r->bytes[2] != '#')
        return error_set(ERR_FORMAT, "it begins like PPM or PGM, but byte 2 is not white space");
    if ((status = read_number(&h->width, r)) != OK || (status = read_number(&h->height, r)) != OK ||
        (status = read_number(&h->max, r)) != OK || (status = image_check_size(h->width, h->height)) != OK)
        return status;
    if (h->max < 1 || h->max > LEVEL_MAX)
        return error_set(ERR_FORMAT, "a largest value of %" PRId64 ", expected 1 to %d", h->max,
                         (int)LEVEL_MAX);
    return OK;
}

static int read_value(int64_t *out, const struct header *h, struct reader *r)
{
    if (!h->is_plain) {
        *out = next_byte(r);
        if (h->max > 255)
            *out = *out << 8 | next_byte(r);
        return OK;
    }
    int status = read_number(out, r);
    if (status == OK && *out > h->max)
        return error_set(ERR_FORMAT, "a value of %" PRId64 " before byte %zu, expected 0 to %" PRId64, *out,
                         r->next, h->max);
    return status;
}

static uint8_t to_level(int64_t value, const struct header *h)
{
    if (h->max == 255)
        return (uint8_t)value;
    const double levels = h->is_grey && h->max > 255 ? LEVEL_MAX : 255;
    /* halves to even, like Python's round */
    const double level = nearbyint((double)value / (double)h->max * levels);
    return level < 255 ? (uint8_t)level : 255;
}

static int read_pixels(struct image *out, const struct header *h, struct reader *r)
{
    const int n_channels = h->is_grey ? 1 : IMAGE_CHANNELS;
    const int64_t n_pixels = h->width * h->height;
    int status = OK;
    for (int64_t i = 0; i < n_pixels; i++) {
        uint8_t *pixel = out->pixels + i * IMAGE_CHANNELS;
        for (int c = 0; c < n_channels; c++) {
            int64_t value = 0;
            if ((status = read_value(&value, h, r)) != OK)
                return status;
            pixel[c] = to_level(value, h);
        }
        for (int c = n_channels; c < IMAGE_CHANNELS; c++)
            pixel[c] = pixel[0];
    }
    return OK;
}

int image_decode_pnm(struct image *out, const uint8_t *bytes, size_t n)
{
    struct reader r = {.bytes = bytes, .n = n};
    struct header h;
    int status = read_header(&h, &r);
    if (status != OK || (status = check_length(&r, &h)) != OK ||
        (status = image_allocate(out, h.width, h.height)) != OK)
        return status;
    status = read_pixels(out, &h, &r);
    if (status != OK)
        image_free(out);
    return status;
}
