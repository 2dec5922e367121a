/** Shared by the fuzz targets: a file in memory, and the requirements on every reader. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Runs one input, for libFuzzer or the replay of a kept corpus. Returns 0; a finding ends the program. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/** A file in memory, for readers that take a path. */
struct fuzz_file {
    int fd;
    char path[32]; /* valid while it is open */
};
struct fuzz_file fuzz_file_open(const uint8_t *data, size_t n);
void fuzz_file_close(struct fuzz_file *file);

/** The folder of the process, in memory, for readers of files with a name; removed at the end. */
const char *fuzz_folder(void);
void fuzz_folder_write(const char *name, const void *data, size_t n);

/** Reads each byte, so that a sanitizer notices invalid ones. */
void fuzz_read(const void *data, size_t n);

/** A finding, unless `condition` holds. */
#define FUZZ_REQUIRE(condition) fuzz_require((condition), #condition, __FILE__, __LINE__)
void fuzz_require(bool condition, const char *text, const char *file, int line);

/** Requires a status to be OK, or a failure with its reason in one line and in our own words. */
void fuzz_require_status(int status);

#ifdef __cplusplus
}
#endif

#endif
