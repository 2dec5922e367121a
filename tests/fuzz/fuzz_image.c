/*
 * Pictures of every format. For speed, refuses sizes from 16,384 pixels: the linker replaces functions of
 * image.c by those below (--wrap in CMakeLists.txt).
 */
#include <string.h>

#include "fuzz.h"
#include "image/formats.h"

enum { MAX_PIXELS = 1 << 14 };

int __real_image_check_size(int64_t width, int64_t height);
int __wrap_image_check_size(int64_t width, int64_t height);
int __real_image_allocate(struct image *out, int64_t width, int64_t height);
int __wrap_image_allocate(struct image *out, int64_t width, int64_t height);

int __wrap_image_check_size(int64_t width, int64_t height)
{
    if (width > 0 && height > MAX_PIXELS / width)
        return error_set(ERR_FORMAT, "more than %d pixels", (int)MAX_PIXELS);
    return __real_image_check_size(width, height);
}

int __wrap_image_allocate(struct image *out, int64_t width, int64_t height)
{
    *out = (struct image){0};
    int status = __wrap_image_check_size(width, height);
    return status == OK ? __real_image_allocate(out, width, height) : status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct image image, again;
    int status = image_decode(&image, data, n);
    fuzz_require_status(status);
    FUZZ_REQUIRE((status == OK) == (image.pixels != NULL));
    if (status == OK) {
        FUZZ_REQUIRE(image.width > 0 && image.height > 0);
        const size_t n_bytes = (size_t)image.width * (size_t)image.height * 3;
        fuzz_read(image.pixels, n_bytes);
        FUZZ_REQUIRE(image_decode(&again, data, n) == OK); /* remains of other memory would differ */
        FUZZ_REQUIRE(again.width == image.width && again.height == image.height);
        FUZZ_REQUIRE(memcmp(again.pixels, image.pixels, n_bytes) == 0);
        FUZZ_REQUIRE(image.orientation >= 1 && image.orientation <= 8);
        FUZZ_REQUIRE(image_turn(&again, again.orientation) == OK);
        fuzz_read(again.pixels, n_bytes);
        image_free(&again);
    }
    image_free(&image);
    return 0;
}
