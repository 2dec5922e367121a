/* The orientation of EXIF data in every file that may have them; damaged data are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "exif.h"

/* A directory of two entries, width and orientation 6, in either byte order. */
static const uint8_t little[] =
    "II*\0\x08\0\0\0\x02\0\x00\x01\x03\0\x01\0\0\0\x28\0\0\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
static const uint8_t big[] =
    "MM\0*\0\0\0\x08\0\x02\x01\x00\0\x03\0\0\0\x01\0\x28\0\0\x01\x12\0\x03\0\0\0\x01\0\x06\0\0";
enum { N = sizeof little - 1, VALUE = 30, TYPE = 24, COUNT = 26 };

static int orientation_of(const uint8_t *bytes, size_t n)
{
    return exif_orientation((struct exif_part){bytes, n});
}

static void test_exif__has_two_byte_orders(void **state)
{
    (void)state;
    assert_int_equal(orientation_of(little, N), 6);
    assert_int_equal(orientation_of(big, sizeof big - 1), 6);
}

static void test_exif__that_is_damaged_is_upright(void **state)
{
    (void)state;
    for (size_t n = 0; n < N; n++)
        assert_int_equal(orientation_of(little, n), 1);
    for (size_t i = 0; i < N; i++) { /* whatever is found, it is an orientation */
        uint8_t bytes[N];
        memcpy(bytes, little, N);
        bytes[i] ^= 0xff;
        const int found = orientation_of(bytes, N);
        assert_true(found >= 1 && found <= 8);
    }
}

static void test_exif__values_that_are_none_are_upright(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = {{VALUE, 0}, {VALUE, 9}, {VALUE + 1, 1}, {TYPE, 5}, {COUNT, 2}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t bytes[N];
        memcpy(bytes, little, N);
        bytes[changes[i].at] = changes[i].value;
        assert_int_equal(orientation_of(bytes, N), 1);
    }
}

/* `head`, the directory, `tail`. */
static size_t wrap(uint8_t *out, const char *head, size_t n_head, const char *tail, size_t n_tail)
{
    memcpy(out, head, n_head);
    memcpy(out + n_head, little, N);
    memcpy(out + n_head + N, tail, n_tail);
    return n_head + N + n_tail;
}

static void test_exif__is_found_behind_other_parts_of_a_file(void **state)
{
    (void)state;
    /* N is 34: a comment, a fill byte, and APP1 of 2 + 6 + N bytes; tEXt and eXIf; VP8X of 10 bytes and EXIF */
    static const char jpeg[] = "\xff\xd8\xff\xfe\0\x05"
                               "abc\xff\xff\xe1\0\x2a"
                               "Exif\0\0";
    static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\x02tEXtab----\0\0\0\x22"
                              "eXIf";
    static const char webp[] = "RIFF----WEBPVP8 \x03\0\0\0abc\0EXIF\x22\0\0\0";
    uint8_t file[128];
    size_t n = wrap(file, jpeg, sizeof jpeg - 1, "\xff\xda", 2);
    assert_int_equal(exif_orientation(exif_find_jpeg(file, n)), 6);
    for (size_t m = 2; m < sizeof jpeg - 1 + N; m++)
        assert_int_equal(exif_orientation(exif_find_jpeg(file, m)), 1);
    n = wrap(file, png, sizeof png - 1, "----", 4);
    assert_int_equal(exif_orientation(exif_find_png(file, n)), 6);
    for (size_t m = 8; m < sizeof png - 1 + N; m++)
        assert_int_equal(exif_orientation(exif_find_png(file, m)), 1);
    n = wrap(file, webp, sizeof webp - 1, "", 0);
    assert_int_equal(exif_orientation(exif_find_webp(file, n)), 6);
    for (size_t m = 12; m < n; m++)
        assert_int_equal(exif_orientation(exif_find_webp(file, m)), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exif__has_two_byte_orders),
        cmocka_unit_test(test_exif__that_is_damaged_is_upright),
        cmocka_unit_test(test_exif__values_that_are_none_are_upright),
        cmocka_unit_test(test_exif__is_found_behind_other_parts_of_a_file),
    };
    return cmocka_run_group_tests_name("exif", tests, NULL, NULL);
}
