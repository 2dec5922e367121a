/* Safetensors: the message for every fault of a file, and round trips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "prompt/nn/safetensors.h"

static const struct device cpu = {DEVICE_CPU, 0};

/* ---------------------------------------------------------------- fixture: a folder for the test's files */

struct fixture {
    char dir[64];
    char *path;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f)
        return -1;
    snprintf(f->dir, sizeof f->dir, "/tmp/prompt-test-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    f->path = path_join(f->dir, "t.safetensors");
    *state = f;
    return f->path ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->path);
    int status = rmdir(f->dir); /* fails if a temporary file was left */
    free(f->path);
    free(f);
    return status == 0 && scope_live_tensors() == 0 ? 0 : -1;
}

static void write_bytes(const struct fixture *f, const void *bytes, size_t n)
{
    if (file_write_atomic(f->path, bytes, n) != OK)
        fail_msg("%s", error_message());
}

/* A file with this header, followed by `n_data` bytes 0, 1, 2, ... */
static void write_file(const struct fixture *f, const char *header, size_t n_data)
{
    struct str text = {0};
    for (size_t i = 0; i < 8; i++)
        str_append_char(&text, (char)(strlen(header) >> (8 * i) & 0xff));
    str_append(&text, header);
    for (size_t i = 0; i < n_data; i++)
        str_append_char(&text, (char)i);
    write_bytes(f, text.data, text.len);
    str_free(&text);
}

static struct safetensors *open_file(const struct fixture *f, scope *s)
{
    struct safetensors *file = NULL;
    if (safetensors_open(&file, s, f->path) != OK)
        fail_msg("%s", error_message());
    return file;
}

/* ---------------------------------------------------------------- refusals */

static void expect_error(const struct fixture *f, int status, const char *message)
{
    char *want = str_format("reading '%s': %s", f->path, message);
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct safetensors *file = NULL;
    assert_int_equal(safetensors_open(&file, s, f->path), status);
    assert_null(file);
    assert_string_equal(error_message(), want);
    scope_close(s);
    free(want);
}

static void expect_refused(const struct fixture *f, const char *header, size_t n_data, const char *message)
{
    write_file(f, header, n_data);
    expect_error(f, ERR_FORMAT, message);
}

#define F32(name, shape, begin, end)                                                                         \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

static void test_safetensors__refuses_what_is_no_such_file(void **state)
{
    const struct fixture *f = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct safetensors *file = NULL;
    assert_int_equal(safetensors_open(&file, s, f->path), ERR_IO);
    write_bytes(f, "", 0);
    assert_int_equal(safetensors_open(&file, s, f->path), ERR_FORMAT);
    assert_non_null(strstr(error_message(), "is empty"));
    scope_close(s);

    write_bytes(f, "abc", 3);
    expect_error(f, ERR_FORMAT, "3 bytes are too few for a safetensors file");
    write_bytes(f, "hello world", 11);
    expect_error(f, ERR_FORMAT, "not a safetensors file: its header would be 8031924123371070824 bytes long");
    write_bytes(f, "\x09\0\0\0\0\0\0\0{}", 10);
    expect_error(f, ERR_FORMAT, "its header is 9 bytes long, but the file has 10: is it truncated?");
    expect_refused(f, "", 0, "not a safetensors file: its header does not start with '{'");
    expect_refused(f, " {}", 0, "not a safetensors file: its header does not start with '{'");
    expect_refused(f, "{\"a\":", 0, "header:1: expected a value, found the end of the text");
}

static void test_safetensors__refuses_wrong_entries(void **state)
{
    const struct fixture *f = *state;
    expect_refused(f, "{\"a\":1}", 0, "tensor 'a': expected an object, found a number");
    expect_refused(f, "{\"a\":{}}", 0, "tensor 'a': 'dtype' is missing");
    expect_refused(
        f, "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
        "tensor 'a': dtype 'F8_E4M3' is not supported (F32, F64, F16, BF16, I64, I32, U8, BOOL are)");
    expect_refused(f, "{\"a\":{\"dtype\":\"F32\"}}", 0, "tensor 'a': 'shape' is not an array");
    expect_refused(f, "{" F32("a", "[-1]", 0, 4) "}", 4, "tensor 'a': 'shape' has a negative size");
    expect_refused(f, "{" F32("a", "[1.5]", 0, 4) "}", 4,
                   "tensor 'a': 'shape': expected a whole number below 2^53, found 1.5");
    expect_refused(f, "{" F32("a", "[4294967296,4294967296]", 0, 4) "}", 4,
                   "tensor 'a': the product of its shape is too large");
    expect_refused(f, "{" F32("a", "[2147483648,1073741824]", 0, 4) "}", 4, /* 2^63 bytes */
                   "tensor 'a': the product of its shape is too large");
    expect_refused(f, "{" F32("a", "[4294967296,4294967296,0]", 0, 0) "}", 0,
                   "tensor 'a': the product of its shape is too large");
    expect_refused(f, "{" F32("a", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", 0, 4) "}", 4,
                   "tensor 'a': 'shape' has more than 16 dimensions");
    expect_refused(f, "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4,
                   "tensor 'a': 'data_offsets' is not an array of two numbers");
    expect_refused(f, "{" F32("a", "[1]", 4, 0) "}", 4, "tensor 'a': 'data_offsets' [4, 0] do not rise");
    expect_refused(f, "{" F32("a", "[1]", -4, 0) "}", 4, "tensor 'a': 'data_offsets' [-4, 0] do not rise");
    expect_refused(f, "{" F32("a", "[2]", 0, 4) "}", 4,
                   "tensor 'a': its dtype and shape need 8 bytes, its 'data_offsets' span 4");
    expect_refused(f, "{\"__metadata__\":{\"k\":1}}", 0,
                   "'__metadata__': 'k': expected a string, found a number");
    expect_refused(f, "{\"__metadata__\":[]}", 0, "'__metadata__' is not an object");
}

static void test_safetensors__refuses_overlaps_holes_and_truncation(void **state)
{
    const struct fixture *f = *state;
    expect_refused(f, "{" F32("a", "[2]", 0, 8) "}", 7,
                   "tensor 'a': its data end at byte 8, but the file has 7 bytes of data: is it truncated?");
    expect_refused(f, "{" F32("a", "[2]", 0, 8) "," F32("b", "[2]", 4, 12) "}", 12,
                   "tensor 'b' overlaps 'a'");
    expect_refused(f, "{" F32("a", "[1]", 0, 4) "," F32("b", "[1]", 8, 12) "}", 12,
                   "bytes 4 to 8 of the data belong to no tensor");
    expect_refused(f, "{" F32("a", "[1]", 0, 4) "}", 8, "bytes 4 to 8 of the data belong to no tensor");
    expect_refused(f, "{" F32("a", "[1]", 4, 8) "}", 8, "bytes 0 to 4 of the data belong to no tensor");
    expect_refused(f, "{" F32("a", "[1]", 0, 4) "," F32("a", "[1]", 4, 8) "}", 8,
                   "header:1: key 'a' appears twice in the same object");
}

/* ---------------------------------------------------------------- reading */

static void test_safetensors__copies_a_tensor_that_is_not_aligned(void **state)
{
    const struct fixture *f = *state;
    write_file(f,
               "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
               "\"b\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[1,5]}}",
               5);
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct safetensors *file = open_file(f, s);
    int64_t value = 0;
    assert_int_equal(t_read_i64(&value, 1, s, params_find(&file->tensors, "b")), OK);
    assert_int_equal(value, 0x04030201);
    assert_int_equal(file->n_copies, 1);
    assert_int_equal(scope_close(s), OK);
    safetensors_close(file);
}

static void test_safetensors__reads_empty_tensors_and_scalars(void **state)
{
    const struct fixture *f = *state;
    write_file(f, "{" F32("empty", "[0,3]", 0, 0) "," F32("scalar", "[]", 0, 4) "}  ", 4);
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct safetensors *file = open_file(f, s);
    assert_int_equal(file->tensors.n, 2);
    assert_int_equal(t_numel(params_find(&file->tensors, "empty")), 0);
    assert_int_equal(t_size(params_find(&file->tensors, "empty"), 1), 3);
    assert_int_equal(t_dim(params_find(&file->tensors, "scalar")), 0);
    assert_null(params_find(&file->tensors, "other"));
    assert_int_equal(scope_close(s), OK);
    safetensors_close(file);
}

/* ---------------------------------------------------------------- round trip */

static void test_safetensors__reads_what_it_wrote_in_every_dtype(void **state)
{
    const struct fixture *f = *state;
    static const float values[6] = {0.0F, 1.0F, 2.5F, -3.0F, 0.33325195F, 100.0F};
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct params written = {0};
    for (int i = DTYPE_F32; i <= DTYPE_BOOL; i++) {
        enum dtype dtype = (enum dtype)i;
        assert_int_equal(
            params_add(&written, dtype_name(dtype), t_from_f32(s, values, SHAPE(2, 3), dtype, cpu)), OK);
    }
    /* a view that is not contiguous, and a trained leaf */
    tensor *transposed = t_transpose(s, written.items[0].value, 0, 1);
    assert_int_equal(params_add(&written, "transposed", transposed), OK);
    tensor *leaf = t_clone(s, written.items[0].value);
    t_require_grad(s, leaf);
    assert_int_equal(params_add(&written, "leaf", leaf), OK);
    assert_int_equal(safetensors_write(f->path, &written, NULL), OK);

    struct safetensors *file = open_file(f, s);
    assert_int_equal(file->n_copies, 0); /* all aligned, though the one-byte dtypes were not written last */
    assert_int_equal(file->tensors.n, written.n);
    for (size_t i = 0; i < written.n; i++) {
        const tensor *want = written.items[i].value;
        const tensor *got = params_find(&file->tensors, written.items[i].name);
        double a[6] = {0};
        double b[6] = {0};
        assert_int_equal(t_dtype(got), t_dtype(want));
        assert_int_equal(t_size(got, 0), t_size(want, 0));
        assert_int_equal(t_read_f64(a, 6, s, want), OK);
        assert_int_equal(t_read_f64(b, 6, s, got), OK);
        assert_memory_equal(a, b, sizeof a);
    }
    params_free(&written);
    assert_int_equal(scope_close(s), OK);
    safetensors_close(file);
}

/* Other readers map the file and expect 8-byte values on multiples of 8. */
static void test_safetensors__data_start_on_a_multiple_of_8(void **state)
{
    const struct fixture *f = *state;
    const char name[] = "12345678";
    for (size_t i = 0; i < 8; i++) { /* headers of eight lengths in a row */
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        struct params written = {0};
        assert_int_equal(params_add(&written, name + i, t_zeros(s, SHAPE(2), DTYPE_I64, cpu)), OK);
        assert_int_equal(safetensors_write(f->path, &written, NULL), OK);
        params_free(&written);
        char *bytes = NULL;
        size_t n = 0;
        assert_int_equal(file_read(&bytes, &n, f->path), OK);
        const size_t start = n - 2 * sizeof(int64_t);
        assert_int_equal(start % 8, 0);
        assert_int_equal(8 + (unsigned char)bytes[0] + 256 * (unsigned char)bytes[1], start);
        free(bytes);
        struct safetensors *file = open_file(f, s);
        assert_int_equal(file->n_copies, 0);
        assert_int_equal(scope_close(s), OK);
        safetensors_close(file);
    }
}

static void test_safetensors__keeps_metadata_with_any_text(void **state)
{
    const struct fixture *f = *state;
    struct metadata m = {0};
    assert_int_equal(metadata_set(&m, "a", "old"), OK);
    assert_int_equal(metadata_set(&m, "quote", "\"\\\n\t/ \xc3\xa9"), OK);
    assert_int_equal(metadata_set(&m, "a", "new"), OK);
    assert_int_equal(safetensors_write(f->path, &(struct params){0}, &m), OK);
    metadata_free(&m);

    assert_true(safetensors_probe(f->path));
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct safetensors *file = open_file(f, s);
    assert_int_equal(file->metadata.n, 2);
    assert_string_equal(metadata_get(&file->metadata, "a"), "new");
    assert_string_equal(metadata_get(&file->metadata, "quote"), "\"\\\n\t/ \xc3\xa9");
    assert_null(metadata_get(&file->metadata, "b"));
    scope_close(s);
    safetensors_close(file);
}

static void test_safetensors__leaves_the_old_file_when_writing_fails(void **state)
{
    const struct fixture *f = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct params p = {0};
    assert_int_equal(params_add(&p, "a", t_zeros(s, SHAPE(2), DTYPE_F32, cpu)), OK);
    assert_int_equal(params_add(&p, "a", p.items[0].value), ERR_FORMAT);
    int n_failures = 0;
    for (uint64_t n = 1; n < 10; n++) { /* any operation may fail */
        write_bytes(f, "old", 3);
        shim_fail_after(n);
        int status = safetensors_write(f->path, &p, NULL);
        shim_fail_after(0);
        if (status == OK)
            continue;
        n_failures++;
        char *text = NULL;
        size_t n_bytes = 0;
        assert_int_equal(status, ERR_TORCH);
        assert_int_equal(file_read(&text, &n_bytes, f->path), OK);
        assert_string_equal(text, "old");
        free(text);
    }
    assert_true(n_failures > 0);
    params_free(&p);
    scope_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_safetensors__refuses_what_is_no_such_file),
        TEST(test_safetensors__refuses_wrong_entries),
        TEST(test_safetensors__refuses_overlaps_holes_and_truncation),
        TEST(test_safetensors__copies_a_tensor_that_is_not_aligned),
        TEST(test_safetensors__reads_empty_tensors_and_scalars),
        TEST(test_safetensors__reads_what_it_wrote_in_every_dtype),
        TEST(test_safetensors__data_start_on_a_multiple_of_8),
        TEST(test_safetensors__keeps_metadata_with_any_text),
        TEST(test_safetensors__leaves_the_old_file_when_writing_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
