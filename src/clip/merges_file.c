/* Where the merges file is, and its text. */
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

#include "merges.h"
#include "prompt/base/file.h"
#include "prompt/base/str.h"
#include "prompt/clip/tokenizer.h"

enum { MAX_BYTES = 1 << 26 }; /* 20 times the real file; what unpacks to more is no merges file */

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
            inflateReset(stream); /* a gzip file may consist of several */
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
    *out = text.data;
    *n_out = text.len;
    return OK;
}

int merges_read_file(char **out, size_t *n, const char *path)
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

/* ---------------------------------------------------------------- where it is */

/* Tries the merges in `folder`: *out stays NULL if they are not there, and the place is added to `tried`. */
static int try_folder(char **out, struct str *tried, const char *folder)
{
    static const char *const names[] = {"bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = path_join(folder, names[i]);
        if (!path)
            return ERR_MEMORY;
        if (file_exists(path)) {
            *out = path;
            return OK;
        }
        str_appendf(tried, "%s'%s'", tried->len ? ", " : "", path);
        free(path);
    }
    return OK;
}

static bool is_given(const char *text)
{
    return text && text[0] != '\0';
}

static int try_places(char **out, struct str *tried, const char *model_path, const char *data_root)
{
    int status = OK;
    if (is_given(model_path)) {
        char *folder = file_is_dir(model_path) ? str_dup(model_path) : path_dir(model_path);
        status = folder ? try_folder(out, tried, folder) : ERR_MEMORY;
        free(folder);
    }
    if (status == OK && !*out && is_given(data_root)) {
        char *folder = path_join(data_root, "clip");
        status = folder ? try_folder(out, tried, folder) : ERR_MEMORY;
        free(folder);
    }
    return status;
}

int tokenizer_find_merges(char **out, const char *key, const char *model_path, const char *data_root)
{
    *out = NULL;
    if (is_given(key)) {
        if (!file_exists(key))
            return error_set(ERR_IO, "no merges file '%s' (key model.merges)", key);
        *out = str_dup(key);
        return *out ? OK : ERR_MEMORY;
    }
    struct str tried = {0};
    int status = try_places(out, &tried, model_path, data_root);
    if (status == OK && !*out)
        status =
            error_set(ERR_IO, "no merges file: looked for %s; the key model.merges names another place",
                      tried.len ? str_text(&tried) : "none, as neither a model nor a data root is given");
    str_free(&tried);
    return status;
}
