/*
 * Resize, crops, flip and normalization.
 *
 * The resize is separable: first every needed row is resampled to the new columns, then the columns to the
 * new rows, with a rounding to 8 bits in between, as in Pillow up to 12.3. An output pixel is a weighted mean
 * of the pixels within `support` of its centre; when the image shrinks, the kernel is stretched by the same
 * factor (antialiasing). Weights are normalized in double, then rounded to 22-bit fixed point. Only the
 * outputs inside a window are computed, so a resize with a crop costs only the pixels kept.
 */
#include "prompt/image/transform.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "filters.h"

enum {
    CHANNELS = 3,
    PRECISION_BITS = 32 - 8 - 2, /* 8 bits of pixel, 2 for the overshoot of a cubic */
    CHUNK = 24, /* samples summed at once in the vertical pass; constant, so that it is vectorized */
};

/* ---------------------------------------------------------------- kernel */

/* Output i of the window is the mean of n[i] inputs from first[i] with weights[i * stride ...]. */
struct kernel {
    int64_t *first;
    int64_t *n;
    int32_t *weights;
    int64_t stride;
};

static void kernel_free(struct kernel *k)
{
    free(k->first);
    free(k->n);
    free(k->weights);
    *k = (struct kernel){0};
}

/* The weights of one output: the filter's values in `raw`, normalized and rounded half away from 0 in
 * `weights`. */
static void kernel_fill(int32_t *weights, double *raw, const struct filter *filter, int64_t first, int64_t n,
                        double center, double stretch)
{
    double sum = 0.0;
    for (int64_t x = 0; x < n; x++) {
        raw[x] = filter->value(((double)(x + first) - center + 0.5) * (1.0 / stretch));
        sum += raw[x];
    }
    for (int64_t x = 0; x < n; x++) {
        double weight = (sum != 0.0 ? raw[x] / sum : raw[x]) * (double)(1 << PRECISION_BITS);
        weights[x] = (int32_t)(weight < 0.0 ? weight - 0.5 : weight + 0.5);
    }
}

/* The kernel of outputs window_first .. + n_window when n_in samples become n_out. */
static int kernel_init(struct kernel *out, const struct filter *filter, int64_t n_in, int64_t n_out,
                       int64_t window_first, int64_t n_window)
{
    const double scale = (double)n_in / (double)n_out;
    const double stretch = scale < 1.0 ? 1.0 : scale;
    const double support = filter->support * stretch;
    struct kernel k = {.stride = (int64_t)ceil(support) * 2 + 1};
    k.first = malloc((size_t)n_window * sizeof *k.first);
    k.n = malloc((size_t)n_window * sizeof *k.n);
    k.weights = malloc((size_t)n_window * (size_t)k.stride * sizeof *k.weights);
    double *raw = malloc((size_t)k.stride * sizeof *raw);
    if (!k.first || !k.n || !k.weights || !raw) {
        kernel_free(&k);
        free(raw);
        return error_out_of_memory();
    }
    for (int64_t i = 0; i < n_window; i++) {
        double center = ((double)(window_first + i) + 0.5) * scale;
        double low = center - support + 0.5;
        int64_t first = low < 0.0 ? 0 : (int64_t)low;
        int64_t end = (int64_t)(center + support + 0.5);
        end = end > n_in ? n_in : end;
        k.first[i] = first;
        k.n[i] = end - first;
        kernel_fill(k.weights + i * k.stride, raw, filter, first, end - first, center, stretch);
    }
    free(raw);
    *out = k;
    return OK;
}

static uint8_t to_byte(int32_t sum)
{
    int32_t value = sum >> PRECISION_BITS; /* arithmetic: rounds down, like Pillow's table look-up */
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

/* ---------------------------------------------------------------- the two passes */

static void resample_row(uint8_t *out, const uint8_t *in, const struct kernel *k, int64_t n_out)
{
    for (int64_t i = 0; i < n_out; i++) {
        const uint8_t *pixel = in + k->first[i] * CHANNELS;
        const int32_t *weights = k->weights + i * k->stride;
        int32_t r = 1 << (PRECISION_BITS - 1);
        int32_t g = r;
        int32_t b = r;
        for (int64_t x = 0; x < k->n[i]; x++, pixel += CHANNELS) {
            r += pixel[0] * weights[x];
            g += pixel[1] * weights[x];
            b += pixel[2] * weights[x];
        }
        out[i * CHANNELS] = to_byte(r);
        out[i * CHANNELS + 1] = to_byte(g);
        out[i * CHANNELS + 2] = to_byte(b);
    }
}

/* One output row: weighted sums of `n` rows with a stride of `row_bytes`. */
static void blend_rows(uint8_t *out, const uint8_t *rows, int64_t row_bytes, const int32_t *weights,
                       int64_t n)
{
    int64_t i = 0;
    for (; i + CHUNK <= row_bytes; i += CHUNK) {
        int32_t sums[CHUNK];
        for (int j = 0; j < CHUNK; j++)
            sums[j] = 1 << (PRECISION_BITS - 1);
        for (int64_t y = 0; y < n; y++) {
            const uint8_t *row = rows + y * row_bytes + i;
            const int32_t weight = weights[y];
            for (int j = 0; j < CHUNK; j++)
                sums[j] += row[j] * weight;
        }
        for (int j = 0; j < CHUNK; j++)
            out[i + j] = to_byte(sums[j]);
    }
    for (; i < row_bytes; i++) {
        int32_t sum = 1 << (PRECISION_BITS - 1);
        for (int64_t y = 0; y < n; y++)
            sum += rows[y * row_bytes + i] * weights[y];
        out[i] = to_byte(sum);
    }
}

static int image_create(struct image *out, int64_t width, int64_t height)
{
    *out = (struct image){0};
    uint8_t *pixels = malloc((size_t)width * (size_t)height * CHANNELS);
    if (!pixels)
        return error_out_of_memory();
    *out = (struct image){.pixels = pixels, .width = width, .height = height};
    return OK;
}

/* Both passes over the part `box` of `in`, with the kernels of the wanted columns and rows. */
static int resample(struct image *out, const struct image *in, struct crop box, const struct kernel *columns,
                    const struct kernel *rows)
{
    const int64_t first_row = rows->first[0];
    const int64_t end_row = rows->first[out->height - 1] + rows->n[out->height - 1];
    struct image narrow;
    int status = image_create(&narrow, out->width, end_row - first_row);
    if (status != OK)
        return status;
    const int64_t row_bytes = out->width * CHANNELS;
    for (int64_t y = 0; y < narrow.height; y++) {
        const uint8_t *row = in->pixels + ((box.top + first_row + y) * in->width + box.left) * CHANNELS;
        resample_row(narrow.pixels + y * row_bytes, row, columns, out->width);
    }
    for (int64_t y = 0; y < out->height; y++)
        blend_rows(out->pixels + y * row_bytes, narrow.pixels + (rows->first[y] - first_row) * row_bytes,
                   row_bytes, rows->weights + y * rows->stride, rows->n[y]);
    image_free(&narrow);
    return OK;
}

/* Resizes the part `box` of `in` to width x height, but computes only the part `window` of the result. */
static int resize_window(struct image *out, const struct image *in, struct crop box, int64_t width,
                         int64_t height, struct crop window, enum interpolation interpolation)
{
    const struct filter *filter = &filters[interpolation];
    struct kernel columns = {0};
    struct kernel rows = {0};
    int status = OK;
    if ((status = image_create(out, window.width, window.height)) == OK &&
        (status = kernel_init(&columns, filter, box.width, width, window.left, window.width)) == OK &&
        (status = kernel_init(&rows, filter, box.height, height, window.top, window.height)) == OK)
        status = resample(out, in, box, &columns, &rows);
    kernel_free(&columns);
    kernel_free(&rows);
    if (status != OK)
        image_free(out);
    return status;
}

int transform_resize(struct image *out, const struct image *in, struct crop box, int64_t width,
                     int64_t height, enum interpolation interpolation)
{
    return resize_window(out, in, box, width, height, (struct crop){0, 0, width, height}, interpolation);
}

/* ---------------------------------------------------------------- test transform */

/* Python's int(round(n / 2.0)) for n >= 0: halves to even. */
static int64_t round_half(int64_t n)
{
    int64_t floor_half = n / 2;
    return n % 2 == 0 ? floor_half : floor_half + floor_half % 2;
}

static int64_t python_round(double x)
{
    return (int64_t)nearbyint(x); /* the default rounding mode: halves to even */
}

/* The sides of the picture after the resize. */
static void resized_sides(int64_t *width, int64_t *height, const struct image *in, const struct preprocess *p)
{
    const int64_t px = p->resize_px;
    *width = px;
    *height = px;
    switch (p->resize_mode) {
    case RESIZE_SHORTEST:
        if (in->width < in->height)
            *height = (int64_t)((double)(px * in->height) / (double)in->width);
        else if (in->width > in->height)
            *width = (int64_t)((double)(px * in->width) / (double)in->height);
        return;
    case RESIZE_LONGEST: {
        const double ratio_w = (double)in->width / (double)px, ratio_h = (double)in->height / (double)px;
        const double ratio = ratio_w > ratio_h ? ratio_w : ratio_h;
        *width = python_round((double)in->width / ratio);
        *height = python_round((double)in->height / ratio);
        *width = *width < 1 ? 1 : *width; /* open_clip raises an error there */
        *height = *height < 1 ? 1 : *height;
        return;
    }
    case RESIZE_SQUASH:
        return;
    case RESIZE_NONE:
        *width = in->width;
        *height = in->height;
        return;
    }
}

/* A square of p->image_px in the fill colour with `part` at (left, top); takes ownership of part's pixels. */
static int pad(struct image *out, struct image *part, int64_t left, int64_t top, const struct preprocess *p)
{
    const int64_t px = p->image_px;
    int status = image_create(out, px, px);
    for (int64_t i = 0; status == OK && i < px * px * CHANNELS; i++)
        out->pixels[i] = (uint8_t)p->fill[i % CHANNELS];
    for (int64_t y = 0; status == OK && y < part->height; y++)
        memcpy(out->pixels + ((top + y) * px + left) * CHANNELS, part->pixels + y * part->width * CHANNELS,
               (size_t)(part->width * CHANNELS));
    image_free(part);
    return status;
}

int transform_test(struct image *out, const struct image *in, const struct preprocess *p)
{
    const int64_t px = p->image_px;
    int64_t width = 0, height = 0;
    resized_sides(&width, &height, in, p);
    const struct crop kept = {.left = width > px ? round_half(width - px) : 0,
                              .top = height > px ? round_half(height - px) : 0,
                              .width = width < px ? width : px,
                              .height = height < px ? height : px};
    struct image part = {0};
    int status = resize_window(&part, in, (struct crop){0, 0, in->width, in->height}, width, height, kept,
                               p->interpolation);
    if (status != OK || (kept.width == px && kept.height == px)) {
        *out = part;
        return status;
    }
    return pad(out, &part, (px - kept.width) / 2, (px - kept.height) / 2, p);
}

/* ---------------------------------------------------------------- training transform */

struct crop transform_random_crop(struct rng *rng, int64_t width, int64_t height, double scale_min)
{
    const double ratio_min = 3.0 / 4.0;
    const double ratio_max = 4.0 / 3.0;
    const double log_min = log(ratio_min);
    const double log_max = log(ratio_max);
    const double area = (double)width * (double)height;
    for (int n_tries = 0; n_tries < 10; n_tries++) {
        double part = area * (scale_min + (1.0 - scale_min) * rng_uniform(rng));
        double ratio = exp(log_min + (log_max - log_min) * rng_uniform(rng));
        int64_t w = python_round(sqrt(part * ratio));
        int64_t h = python_round(sqrt(part / ratio));
        if (w < 1 || w > width || h < 1 || h > height)
            continue;
        int64_t top = (int64_t)rng_below(rng, (uint64_t)(height - h) + 1);
        int64_t left = (int64_t)rng_below(rng, (uint64_t)(width - w) + 1);
        return (struct crop){left, top, w, h};
    }
    int64_t w = width;
    int64_t h = height;
    double ratio = (double)width / (double)height;
    if (ratio < ratio_min)
        h = python_round((double)width / ratio_min);
    else if (ratio > ratio_max)
        w = python_round((double)height * ratio_max);
    return (struct crop){(width - w) / 2, (height - h) / 2, w, h};
}

static void flip_horizontally(struct image *image)
{
    for (int64_t y = 0; y < image->height; y++) {
        uint8_t *left = image->pixels + y * image->width * CHANNELS;
        uint8_t *right = left + (image->width - 1) * CHANNELS;
        for (; left < right; left += CHANNELS, right -= CHANNELS) {
            uint8_t pixel[CHANNELS];
            memcpy(pixel, left, sizeof pixel);
            memcpy(left, right, sizeof pixel);
            memcpy(right, pixel, sizeof pixel);
        }
    }
}

int transform_train(struct image *out, const struct image *in, const struct preprocess *p, double scale_min,
                    struct rng *rng)
{
    struct crop box = transform_random_crop(rng, in->width, in->height, scale_min);
    int status = transform_resize(out, in, box, p->image_px, p->image_px, p->interpolation);
    if (status == OK && rng_uniform(rng) < 0.5)
        flip_horizontally(out);
    return status;
}

/* ---------------------------------------------------------------- normalization */

void transform_normalize(float *out, const struct image *in, const struct preprocess *p)
{
    const bool is_usual = p->scale == 1.0 / 255.0;
    const float scale = (float)p->scale;
    const int64_t n_pixels = in->width * in->height;
    for (int c = 0; c < CHANNELS; c++) {
        const float mean = (float)p->mean[c], std = (float)p->std[c];
        float value[256]; /* in float and in torchvision's order, for the same bits */
        for (int level = 0; level < 256; level++)
            value[level] = ((is_usual ? (float)level / 255.0F : (float)level * scale) - mean) / std;
        float *plane = out + c * n_pixels;
        for (int64_t i = 0; i < n_pixels; i++)
            plane[i] = value[in->pixels[i * CHANNELS + c]];
    }
}
