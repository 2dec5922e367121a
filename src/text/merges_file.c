/* Opens a file of merges of any kind. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "merges.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"

enum { MAX_BYTES = 1 << 26 }; /* 20 times the real file: a larger one is not a merges file */

/* ---------------------------------------------------------------- gzip */

static int inflate_all(struct str *out, z_stream *stream, const char *path)
{
    char chunk[1 << 15];
    for (;;) {
        stream->next_out = (Bytef *)chunk;
        stream->avail_out = sizeof chunk;
        int result = inflate(stream, Z_NO_FLUSH);
        if (result == Z_BUF_ERROR || (result == Z_OK && stream->avail_out == sizeof chunk))
            return error_set(ERR_FORMAT, "'%s': the gzip data end too early", path);
        if (result == Z_MEM_ERROR)
            return error_out_of_memory();
        if (result != Z_OK && result != Z_STREAM_END)
            return error_set(ERR_FORMAT, "'%s': damaged gzip data: %s", path,
                             stream->msg ? stream->msg : "unknown");
        str_append_n(out, chunk, sizeof chunk - stream->avail_out);
        if (out->failed)
            return error_out_of_memory();
        if (out->len > MAX_BYTES)
            return error_set(ERR_FORMAT, "'%s': expected a merges file, found more than %d bytes", path,
                             MAX_BYTES);
        if (result == Z_STREAM_END && stream->avail_in == 0)
            return OK;
        if (result == Z_STREAM_END)
            inflateReset(stream); /* a gzip file may have several members */
    }
}

static int unpack(char **out, size_t *n_out, char *data, size_t n, const char *path)
{
    enum { EXPECT_GZIP = 16 };
    z_stream stream = {.next_in = (Bytef *)data, .avail_in = (uInt)n};
    if (inflateInit2(&stream, EXPECT_GZIP + MAX_WBITS) != Z_OK)
        return error_out_of_memory();
    struct str text = {0};
    int status = inflate_all(&text, &stream, path);
    inflateEnd(&stream);
    if (status != OK) {
        str_free(&text);
        return status;
    }
    *out = text.data ? text.data : str_dup("");
    *n_out = text.len;
    return *out ? OK : ERR_MEMORY;
}

/* The text of a file, unpacked if it is gzip, with a NUL at its end. */
static int read_text(char **out, size_t *n, const char *path)
{
    *out = NULL;
    *n = 0;
    char *data = NULL;
    size_t n_data = 0;
    int status = file_read(&data, &n_data, path);
    if (status != OK)
        return status;
    if (n_data > MAX_BYTES) {
        status =
            error_set(ERR_FORMAT, "'%s': expected a merges file, found more than %d bytes", path, MAX_BYTES);
    } else if (n_data >= 2 && (unsigned char)data[0] == 0x1f && (unsigned char)data[1] == 0x8b) {
        status = unpack(out, n, data, n_data, path);
    } else {
        *out = data;
        *n = n_data;
        data = NULL;
    }
    free(data);
    return status;
}

/* ---------------------------------------------------------------- kinds */

/* Sets `*out` to the path of transformers' vocabulary beside its merges.txt; NULL if there is none. */
static int find_vocab(char **out, const char *path)
{
    *out = NULL;
    if (strcmp(path_name(path), "merges.txt") != 0)
        return OK;
    char *folder = path_dir(path);
    char *vocab = folder ? path_join(folder, "vocab.json") : NULL;
    free(folder);
    if (!vocab)
        return ERR_MEMORY;
    if (file_exists(vocab))
        *out = vocab;
    else
        free(vocab);
    return OK;
}

static int parse_text(struct merges *out, struct merges_span text, const char *path)
{
    struct merges_builder *b = NULL;
    char *vocab = NULL;
    int status = OK;
    if ((status = merges_begin(&b, merges_count_lines(text))) == OK &&
        (status = merges_add_text(b, text, path)) == OK)
        status = find_vocab(&vocab, path);
    if (status == OK && vocab)
        status = merges_check_vocab_file(b, vocab);
    free(vocab);
    merges_end(status == OK ? out : NULL, b);
    return status;
}

static bool is_json(const char *text)
{
    return text[strspn(text, " \t\r\n\xef\xbb\xbf")] == '{';
}

int merges_open(struct merges *out, const char *path)
{
    *out = (struct merges){0};
    char *text = NULL;
    size_t n = 0;
    int status = read_text(&text, &n, path);
    if (status == OK)
        status = is_json(text) ? merges_parse_json(out, text, n, path)
                               : parse_text(out, (struct merges_span){text, n}, path);
    free(text);
    return status;
}
