/** Whole-file reading, folders, and files that appear whole or not at all. */
#ifndef PROMPT_BASE_FILE_H
#define PROMPT_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "prompt/base/error.h"

bool file_exists(const char *path); /* a file or folder */
bool file_is_dir(const char *path);

/**
 * Reads a whole file, or a pipe to its end. `*out` gets `*n` bytes and a NUL after them; the caller frees it.
 * @return OK; ERR_IO with the absolute path and the system's reason, or that it is a device, socket or
 *         folder; ERR_MEMORY
 */
int file_read(char **out, size_t *n, const char *path);
/** The same of regular files alone: a pipe is refused, too, and never waited for. */
int file_read_regular(char **out, size_t *n, const char *path);

/** Maps a whole regular file read-only; an empty file is ERR_FORMAT. Undone by file_unmap. */
int file_map(const void **out, size_t *n, const char *path);
void file_unmap(const void *data, size_t n);

/** OK if a file could be written at `path` now: asked before hours of work, not instead of checking the
 * write. */
int file_check_writable(const char *path);
/** OK if file_make_dirs(path) would work and files could be written there. */
int file_check_dirs(const char *path);

/** Creates a folder and its missing parents; an existing one is fine. */
int file_make_dirs(const char *path);

/** Writes a file that need not appear whole, as in a folder that is renamed when complete. */
int file_write(const char *path, const void *data, size_t n);

/**
 * Removes a folder and everything in it; links are removed, not followed. Fine if it is not there.
 */
int file_remove_tree(const char *path);

/**
 * A file that is written beside its final place and renamed when complete, so that a reader, a full disk or
 * a kill at any time leaves either the old file or the new one.
 */
struct atomic_file {
    FILE *stream;
    char *path;
    char *temporary_path;
};

int atomic_open(struct atomic_file *out, const char *path);
/** Writes `n` bytes; the first failure is reported by atomic_commit too. */
int atomic_write(struct atomic_file *f, const void *data, size_t n);
/** Flushes to the disk, renames, closes. On failure the temporary file is removed and the old one stays. */
int atomic_commit(struct atomic_file *f);
/** Removes the temporary file; a no-op after atomic_commit. */
void atomic_abort(struct atomic_file *f);

/** atomic_open, atomic_write, atomic_commit in one. */
int file_write_atomic(const char *path, const void *data, size_t n);

#endif
