/** Reading, mapping and writing whole files; folders. */
#ifndef PROMPT_BASE_FILE_H
#define PROMPT_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "prompt/base/error.h"

bool file_exists(const char *path); /* a file or folder */
bool file_is_dir(const char *path);

/**
 * Reads a whole file, or a pipe to its end.
 * @param out  [*n] bytes and a NUL; owned, NULL after a failure
 * @return OK; ERR_IO with the absolute path and the system's reason, or the kind of a device, socket or
 *         folder;
 *         ERR_MEMORY
 */
int file_read(char **out, size_t *n, const char *path);
/** Reads a whole regular file; refuses a pipe without waiting for its other end. */
int file_read_regular(char **out, size_t *n, const char *path);

/** Reads the first line of a file of the system, without its end, or as much of it as `size` holds; "": none. */
void file_first_line(char *out, int size, const char *path);

/** Maps a whole regular file read-only: `*out` [*n] is owned, for file_unmap. An empty file is ERR_FORMAT. */
int file_map(const void **out, size_t *n, const char *path);
void file_unmap(const void *data, size_t n);
/** Takes the pages of a mapping out of the process's memory; a later access reads them again. */
void file_forget(const void *data, size_t n);

/** OK if a file could be written at `path` now; for a check before hours of work. */
int file_check_writable(const char *path);
/** OK if file_make_dirs(path) would succeed and files could be written there. */
int file_check_dirs(const char *path);

/** Creates a folder and its missing parents, unless they exist. */
int file_make_dirs(const char *path);

/**
 * rename(), which a file server may carry out and then, asked again after its answer was lost, deny: a file or
 * folder that has come to its new name was renamed.
 * @return whether it is there; if not, errno tells why
 */
bool file_rename(const char *from, const char *to);

/** Writes a file in place, which a reader may see in part. */
int file_write(const char *path, const void *data, size_t n);

/** Removes a folder, if it exists, and everything in it; links are removed, not followed. */
int file_remove_tree(const char *path);

/**
 * A file that is written under a temporary name in the same folder and renamed when complete: whatever
 * happens, a full disk or a kill, its name has the old content or the new one. Devices and pipes are written
 * directly.
 */
struct atomic_file {
    FILE *stream;         /* owned */
    char *path;           /* owned; links resolved */
    char *temporary_path; /* owned; NULL of a device or pipe */
};

int atomic_open(struct atomic_file *out, const char *path);
/** Writes `n` bytes; atomic_commit reports a failure, too. */
int atomic_write(struct atomic_file *f, const void *data, size_t n);
/** Syncs to the disk, closes, renames. On failure the temporary file is removed and the old one stays. */
int atomic_commit(struct atomic_file *f);
/** Removes the temporary file; a no-op after atomic_commit. */
void atomic_abort(struct atomic_file *f);

/** atomic_open, atomic_write, atomic_commit in one. */
int file_write_atomic(const char *path, const void *data, size_t n);

#endif
