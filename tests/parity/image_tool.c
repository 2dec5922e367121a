/*
 * Gives the parity tests our decoder and transforms: reads one command a line from stdin, writes to stdout.
 *
 *   decode PATH                                        the pixels of a file
 *   upright PATH                                       the same, turned by its EXIF orientation
 *   resize W H LEFT TOP BOX_W BOX_H OUT_W OUT_H        W*H*3 bytes follow the line; the box resized
 *   test W H SIZE                                      W*H*3 bytes follow the line; the test transform
 *   preprocess W H SIZE RESIZE MODE FILTER FILL        the same with a model's own settings
 *   time PATH SIZE                                     nanoseconds of decoding and of the test transform
 *
 * The answer is a line "ok WIDTH HEIGHT" and WIDTH*HEIGHT*3 bytes, "ok DECODE_NS TRANSFORM_NS", or "error
 * MESSAGE".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "prompt/image/image.h"
#include "prompt/image/transform.h"

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void answer(int status, struct image *image)
{
    if (status != OK) {
        printf("error %s\n", error_message());
        return;
    }
    printf("ok %" PRId64 " %" PRId64 "\n", image->width, image->height);
    fwrite(image->pixels, 1, (size_t)(image->width * image->height * 3), stdout);
    image_free(image);
}

static int read_pixels(struct image *out, int64_t width, int64_t height)
{
    size_t n = (size_t)(width * height * 3);
    *out = (struct image){.pixels = malloc(n), .width = width, .height = height};
    if (!out->pixels)
        return error_out_of_memory();
    return fread(out->pixels, 1, n, stdin) == n ? OK : error_set(ERR_IO, "pixels are missing");
}

static void run_resize(const char *line)
{
    int64_t v[8];
    if (sscanf(line,
               "resize %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64
               " %" SCNd64,
               &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 8) {
        printf("error resize takes eight numbers\n");
        return;
    }
    struct image in;
    struct image out = {0};
    int status = read_pixels(&in, v[0], v[1]);
    if (status == OK)
        status = transform_resize(&out, &in, (struct crop){v[2], v[3], v[4], v[5]}, v[6], v[7],
                                  INTERPOLATION_BICUBIC);
    image_free(&in);
    answer(status, &out);
}

static void run_test(const char *line)
{
    int64_t v[3];
    if (sscanf(line, "test %" SCNd64 " %" SCNd64 " %" SCNd64, &v[0], &v[1], &v[2]) != 3) {
        printf("error test takes three numbers\n");
        return;
    }
    struct image in;
    struct image out = {0};
    int status = read_pixels(&in, v[0], v[1]);
    if (status == OK)
        status = transform_test(&out, &in, &(struct preprocess){.image_px = v[2], .resize_px = v[2]});
    image_free(&in);
    answer(status, &out);
}

static void run_preprocess(const char *line)
{
    int64_t v[5];
    char mode[32], filter[32];
    if (sscanf(line, "preprocess %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %31s %31s %" SCNd64, &v[0],
               &v[1], &v[2], &v[3], mode, filter, &v[4]) != 7) {
        printf("error preprocess takes four numbers, two words and a number\n");
        return;
    }
    struct preprocess p = preprocess_default(v[2]);
    struct image in;
    struct image out = {0};
    p.resize_px = v[3];
    p.fill[0] = p.fill[1] = p.fill[2] = v[4];
    int status = read_pixels(&in, v[0], v[1]);
    if (status == OK)
        status = preprocess_parse_resize_mode(&p.resize_mode, mode, ERR_USAGE);
    if (status == OK)
        status = preprocess_parse_interpolation(&p.interpolation, filter, ERR_USAGE);
    if (status == OK)
        status = transform_test(&out, &in, &p);
    image_free(&in);
    answer(status, &out);
}

static void run_time(char *path)
{
    char *size = strrchr(path, ' ');
    if (size)
        *size++ = '\0';
    struct image in = {0};
    struct image out = {0};
    const int64_t px = size ? strtoll(size, NULL, 10) : 224;
    int64_t start_ns = now_ns();
    int status = image_read(&in, path);
    int64_t decoded_ns = now_ns();
    if (status == OK)
        status = transform_test(&out, &in, &(struct preprocess){.image_px = px, .resize_px = px});
    int64_t end_ns = now_ns();
    image_free(&in);
    image_free(&out);
    if (status == OK)
        printf("ok %" PRId64 " %" PRId64 "\n", decoded_ns - start_ns, end_ns - decoded_ns);
    else
        printf("error %s\n", error_message());
}

int main(void)
{
    char line[8192];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "decode ", 7) == 0) {
            struct image image;
            int status = image_read(&image, line + 7);
            answer(status, &image);
        } else if (strncmp(line, "upright ", 8) == 0) {
            struct image image;
            int status = image_read(&image, line + 8);
            answer(status == OK ? image_turn(&image, image.orientation) : status, &image);
        } else if (strncmp(line, "resize ", 7) == 0) {
            run_resize(line);
        } else if (strncmp(line, "test ", 5) == 0) {
            run_test(line);
        } else if (strncmp(line, "preprocess ", 11) == 0) {
            run_preprocess(line);
        } else if (strncmp(line, "time ", 5) == 0) {
            run_time(line + 5);
        } else {
            printf("error unknown command\n");
        }
        fflush(stdout);
    }
    return 0;
}
