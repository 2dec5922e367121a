/* Arrays for numpy. */
#include "prompt/base/npy.h"

#include <inttypes.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/str.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "'<f4' is written as it is in memory");

/* Magic, version, length of the text and the text, in all a multiple of 64 bytes. */
static void append_header(struct str *out, int64_t n_rows, int64_t n_columns)
{
    enum { PREFIX = 10, ALIGNMENT = 64 };
    struct str text = {0};
    str_appendf(&text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRId64 ", %" PRId64 "), }",
                n_rows, n_columns);
    while ((PREFIX + text.len + 1) % ALIGNMENT != 0 && !text.failed)
        str_append_char(&text, ' ');
    str_append_char(&text, '\n');
    str_append_n(out, "\x93NUMPY\x01\x00", 8);
    str_append_char(out, (char)(text.len & 0xFF));
    str_append_char(out, (char)(text.len >> 8));
    str_append_n(out, str_text(&text), text.len);
    out->failed = out->failed || text.failed;
    str_free(&text);
}

int npy_write_f32(const char *path, const float *values, int64_t n_rows, int64_t n_columns)
{
    struct atomic_file f;
    struct str header = {0};
    append_header(&header, n_rows, n_columns);
    int status = str_status(&header);
    if (status == OK && (status = atomic_open(&f, path)) == OK) {
        if ((status = atomic_write(&f, header.data, header.len)) == OK &&
            (status = atomic_write(&f, values, (size_t)(n_rows * n_columns) * sizeof *values)) == OK)
            status = atomic_commit(&f);
        else
            atomic_abort(&f);
    }
    str_free(&header);
    return status;
}
