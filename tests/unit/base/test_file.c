/* Files that are replaced whole. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "prompt/base/error.h"
#include "prompt/base/file.h"

/* The linker gives all of the program this: a rename is done, and denied, as by a file server whose answer was lost. */
static bool denies;
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

int __wrap_rename(const char *from, const char *to)
{
    const int status = __real_rename(from, to);
    if (status != 0 || !denies)
        return status;
    errno = ENOENT;
    return -1;
}

static void read_text(char *out, size_t size, const char *path)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    out[fread(out, 1, size - 1, f)] = '\0';
    fclose(f);
}

static void test_file__writing_to_a_link_replaces_what_it_leads_to(void **state)
{
    (void)state;
    char dir[] = "/tmp/prompt-test-file-XXXXXX", target[64], link_path[64], text[16];
    struct stat info;
    assert_non_null(mkdtemp(dir));
    snprintf(target, sizeof target, "%s/target", dir);
    snprintf(link_path, sizeof link_path, "%s/link", dir);
    assert_int_equal(file_write_atomic(target, "old", 3), OK);
    assert_int_equal(symlink("target", link_path), 0);
    assert_int_equal(file_write_atomic(link_path, "new", 3), OK);
    read_text(text, sizeof text, target);
    assert_string_equal(text, "new");
    assert_int_equal(lstat(link_path, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(unlink(link_path), 0);
    assert_int_equal(unlink(target), 0);
    assert_int_equal(rmdir(dir), 0); /* nothing else was left in it */
}

static void test_file__a_rename_that_was_done_and_denied_counts(void **state)
{
    (void)state;
    char dir[] = "/tmp/prompt-test-file-XXXXXX", path[64], other[64], text[16];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/file", dir);
    snprintf(other, sizeof other, "%s/other", dir);
    denies = true;
    assert_int_equal(file_write_atomic(path, "new", 3), OK);
    assert_true(file_rename(path, other));
    denies = false;
    read_text(text, sizeof text, other);
    assert_string_equal(text, "new");
    assert_false(file_rename(path, other)); /* one that was not done */
    assert_int_equal(errno, ENOENT);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file__writing_to_a_link_replaces_what_it_leads_to),
        cmocka_unit_test(test_file__a_rename_that_was_done_and_denied_counts),
    };
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
