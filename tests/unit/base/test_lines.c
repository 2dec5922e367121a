/* Text files line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/lines.h"
#include "temp_dir.h"

static int open_text(struct lines *out, const char *text, size_t n)
{
    struct temp_dir dir;
    assert_int_equal(temp_dir_open(&dir), 0);
    assert_int_equal(file_write_atomic(temp_path(&dir, "f.txt"), text, n), OK);
    int status = lines_open(out, temp_path(&dir, "f.txt"));
    temp_remove(&dir, "f.txt");
    assert_int_equal(temp_dir_close(&dir), 0);
    return status;
}

static void test_lines__are_without_mark_and_white_space_at_their_ends(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf"
                               "first \r\n\n \t\n  fourth\t";
    struct lines lines;
    assert_int_equal(open_text(&lines, text, strlen(text)), OK);
    assert_string_equal(lines_next(&lines), "first");
    assert_int_equal(lines.number, 1);
    assert_string_equal(lines_next(&lines), "  fourth");
    assert_int_equal(lines.number, 4);
    assert_null(lines_next(&lines));
    lines_close(&lines);
}

static void test_lines__a_zero_byte_is_no_text(void **state)
{
    (void)state;
    struct lines lines;
    assert_int_equal(open_text(&lines, "a\nb\0c", 5), ERR_FORMAT);
    assert_non_null(strstr(error_message(), "f.txt:2: expected text in UTF-8"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines__are_without_mark_and_white_space_at_their_ends),
        cmocka_unit_test(test_lines__a_zero_byte_is_no_text),
    };
    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
