/** What the fuzz targets share: a file in memory, and what every reader owes its caller. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One input, whoever calls: libFuzzer, or the replay of a kept corpus. Returns 0; a finding ends the
 * program.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/** A file that lies in memory alone, for readers that take a path. */
struct fuzz_file {
    int fd;
    char path[32]; /* leads to it as long as it is open */
};
struct fuzz_file fuzz_file_open(const uint8_t *data, size_t n);
void fuzz_file_close(struct fuzz_file *file);

/** The one folder of the process, in memory, for readers of files with a name; removed at the end. */
const char *fuzz_folder(void);
void fuzz_folder_write(const char *name, const void *data, size_t n);

/** Reads each byte, so that a sanitizer sees one that is not there. */
void fuzz_read(const void *data, size_t n);

/** A finding, unless `condition` holds. */
#define FUZZ_REQUIRE(condition) fuzz_require((condition), #condition, __FILE__, __LINE__)
void fuzz_require(bool condition, const char *text, const char *file, int line);

/** Demands of a status: OK, or a failure that names its reason in one line and in words that are ours. */
void fuzz_require_status(int status);

#ifdef __cplusplus
}
#endif

#endif
