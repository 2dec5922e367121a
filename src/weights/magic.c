/* Recognizes files without weights, and foreign formats of weights, by their first bytes. */
#include "magic.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "prompt/base/str.h"
#include "prompt/nn/safetensors.h"

enum { START_SIZE = 512, MAX_LINE = 60 };

struct magic {
    size_t at;
    const char *bytes;
    size_t n;
    const char *what;
};

#define MAGIC(at_, bytes_, what_)                                                                            \
    {                                                                                                        \
        (at_), (bytes_), sizeof(bytes_) - 1, (what_)                                                         \
    }

static const struct magic magics[] = {
    MAGIC(0, "version https://git-lfs.github.com/spec/",
          "is a git LFS pointer, not the file: git lfs pull "
          "fetches it"),
    MAGIC(0, "GGUF", "is a GGUF file (llama.cpp, clip.cpp); the PyTorch model's own file is needed"),
    MAGIC(0, "\x89HDF\r\n\x1a\n", "is HDF5, weights of TensorFlow or Keras; they must be saved with PyTorch"),
    MAGIC(0, "\x93NUMPY", "is an array of numpy, not a model"),
    MAGIC(0, "\x1f\x8b", "is packed by gzip: gunzip it first"),
    MAGIC(0, "\x28\xb5\x2f\xfd", "is packed by zstd: unpack it first"),
    MAGIC(0, "BZh", "is packed by bzip2: unpack it first"),
    MAGIC(0,
          "\xfd"
          "7zXZ",
          "is packed by xz: unpack it first"),
    MAGIC(0, "7z\xbc\xaf", "is a 7z archive: unpack it first"),
    MAGIC(0, "Rar!", "is a rar archive: unpack it first"),
    MAGIC(257, "ustar", "is a tar archive: unpack it first"),
    MAGIC(0, "%PDF", "is a PDF document, not weights"),
    MAGIC(0, "\x89PNG", "is a picture, not weights"),
    MAGIC(0, "\xff\xd8\xff", "is a picture, not weights"),
};

/* ONNX is a protobuf: field 1 is the format's version, field 2 the producer's name. */
static bool is_onnx(const unsigned char *b, size_t n, const char *path)
{
    return str_ends_with(path, ".onnx") ||
           (n > 4 && b[0] == 0x08 && b[1] < 0x20 && b[2] == 0x12 && b[3] < 64);
}

/* Flax writes a MessagePack map whose first key is a text. */
static bool is_flax(const unsigned char *b, size_t n, const char *path)
{
    if (str_ends_with(path, ".msgpack"))
        return true;
    const size_t key = b[0] == 0xde ? 3 : b[0] == 0xdf ? 5 : 1;
    const bool is_map = b[0] == 0xde || b[0] == 0xdf || (b[0] > 0x80 && b[0] < 0x90);
    return is_map && n > key + 1 && ((b[key] > 0xa0 && b[key] < 0xc0) || b[key] == 0xd9);
}

/* The first line, if the file is text. */
static bool first_line(char out[MAX_LINE + 1], const unsigned char *b, size_t n)
{
    size_t from = 0;
    for (size_t i = 0; i < n; i++)
        if (b[i] < 0x20 && !isspace(b[i]))
            return false;
    while (from < n && isspace(b[from]))
        from++;
    size_t length = 0;
    while (from + length < n && length < MAX_LINE && b[from + length] >= 0x20 && b[from + length] < 0x7f)
        length++;
    memcpy(out, b + from, length);
    out[length] = '\0';
    return length >= 4 && (from + length == n || length == MAX_LINE || isspace(b[from + length]));
}

/* A pickle of protocol 0 is text, too: "L119547037146038801333356L". */
static int refuse_text(const char *path, const unsigned char *b, size_t n)
{
    char line[MAX_LINE + 1];
    if (!first_line(line, b, n) || strncmp(line, "L1195470", strlen("L1195470")) == 0)
        return OK;
    if (strncasecmp(line, "<!doctype html", 14) == 0 || strncasecmp(line, "<html", 5) == 0)
        return error_set(ERR_FORMAT,
                         "'%s' is an HTML page, not weights: the download returned a page instead", path);
    if (line[0] == '<')
        return error_set(ERR_FORMAT, "'%s' is XML, not weights: the download returned a message instead",
                         path);
    if (line[0] == '{' || line[0] == '[')
        return error_set(ERR_FORMAT, "'%s' is JSON, not weights", path);
    return error_set(
        ERR_FORMAT,
        "'%s' is text, not weights, and was written neither by torch.save nor by torch.jit.save; it "
        "starts with '%s'",
        path, line);
}

static bool is_zero(const unsigned char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (b[i] != 0)
            return false;
    return true;
}

int weights_refuse_other_formats(const char *path)
{
    unsigned char start[START_SIZE];
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) /* reading a pipe would block */
        return error_set(ERR_IO, "'%s' is not a regular file", path);
    if (safetensors_probe(path)) /* its first bytes are a number, which may look like anything else */
        return OK;
    errno = 0;
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return error_set(ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    const size_t n = fread(start, 1, sizeof start, stream);
    const int reason = ferror(stream) ? errno : 0;
    fclose(stream);
    if (reason != 0)
        return error_set(ERR_IO, "cannot read '%s': %s", path, strerror(reason));
    if (n == 0)
        return error_set(ERR_FORMAT, "'%s' is empty", path);
    if (n == sizeof start && is_zero(start, n))
        return error_set(ERR_FORMAT, "'%s' starts with %zu zeros: its download did not finish", path, n);
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if (n >= magics[i].at + magics[i].n &&
            memcmp(start + magics[i].at, magics[i].bytes, magics[i].n) == 0)
            return error_set(ERR_FORMAT, "'%s' %s", path, magics[i].what);
    if (is_onnx(start, n, path))
        return error_set(ERR_FORMAT, "'%s' is an ONNX graph; the PyTorch model's own file is needed", path);
    if (is_flax(start, n, path))
        return error_set(ERR_FORMAT,
                         "'%s' holds weights of Flax (MessagePack); they must be saved with PyTorch", path);
    return refuse_text(path, start, n);
}
