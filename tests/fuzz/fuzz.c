/* Shared by the fuzz targets. */
#define _GNU_SOURCE /* memfd_create, mkdtemp */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "prompt/base/dir.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"

struct fuzz_file fuzz_file_open(const uint8_t *data, size_t n)
{
    struct fuzz_file file = {.fd = memfd_create("fuzz", MFD_CLOEXEC)};
    FUZZ_REQUIRE(file.fd >= 0 && write(file.fd, data, n) == (ssize_t)n);
    snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.fd);
    return file;
}

void fuzz_file_close(struct fuzz_file *file)
{
    close(file->fd);
    file->fd = -1;
}

static char folder[] = "/dev/shm/prompt-fuzz-XXXXXX"; /* mkdtemp replaces the last letters */
static bool has_folder;

static void remove_folder(void)
{
    struct str_list names = {0};
    if (dir_list(&names, folder) == OK)
        for (size_t i = 0; i < names.n; i++) {
            char *path = path_join(folder, names.items[i]);
            if (path)
                (void)unlink(path);
            free(path);
        }
    str_list_free(&names);
    (void)rmdir(folder);
}

const char *fuzz_folder(void)
{
    if (!has_folder) {
        FUZZ_REQUIRE(mkdtemp(folder) != NULL);
        FUZZ_REQUIRE(atexit(remove_folder) == 0);
        has_folder = true;
    }
    return folder;
}

void fuzz_folder_write(const char *name, const void *data, size_t n)
{
    char *path = path_join(fuzz_folder(), name);
    FILE *file = path ? fopen(path, "wb") : NULL;
    FUZZ_REQUIRE(file && fwrite(data, 1, n, file) == n);
    FUZZ_REQUIRE(fclose(file) == 0);
    free(path);
}

void fuzz_read(const void *data, size_t n)
{
    const volatile unsigned char *bytes = data;
    for (size_t i = 0; i < n; i++)
        (void)bytes[i];
}

void fuzz_require(bool condition, const char *text, const char *file, int line)
{
    if (condition)
        return;
    fprintf(stderr, "%s:%d: expected %s; the last message is \"%s\"\n", file, line, text, error_message());
    abort();
}

void fuzz_require_status(int status)
{
    if (status == OK)
        return;
    FUZZ_REQUIRE(status == ERR_IO || status == ERR_FORMAT || status == ERR_SHAPE || status == ERR_USAGE);
    FUZZ_REQUIRE(error_message()[0] != '\0');
    for (const char *c = error_message(); *c != '\0'; c++)
        FUZZ_REQUIRE((unsigned char)*c >= ' ' && *c != 0x7f); /* a terminal would execute it */
}
