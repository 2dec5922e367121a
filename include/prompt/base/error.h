/**
 * Status codes and the one-line message of the last failure.
 *
 * A function that can fail returns `int`: OK or a negative `enum status`. The function that detects a failure
 * calls error_set() and returns its value; callers may prepend the file or item with error_context(). The
 * message is kept in one fixed thread-local buffer, so the error path never allocates. Only cli/ prints it.
 */
#ifndef PROMPT_BASE_ERROR_H
#define PROMPT_BASE_ERROR_H

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

enum status {
    OK = 0,
    ERR_USAGE = -1,       /* a wrong flag, key or value; exit status 2 */
    ERR_IO = -2,          /* cannot open, read or write */
    ERR_FORMAT = -3,      /* a file has wrong content */
    ERR_SHAPE = -4,       /* a tensor has a wrong shape or type */
    ERR_MEMORY = -5,      /* out of memory */
    ERR_TORCH = -6,       /* libtorch threw */
    ERR_NUMERIC = -7,     /* a loss or weight is NaN or infinite */
    ERR_INTERRUPTED = -8, /* a signal came; everything is saved */
    ERR_BUSY = -9,        /* another process uses the folder */
};

#if defined(__GNUC__)
#define PROMPT_PRINTF(fmt_idx, arg_idx) __attribute__((format(printf, fmt_idx, arg_idx)))
#else
#define PROMPT_PRINTF(fmt_idx, arg_idx)
#endif

/** Sets this thread's message and returns `status`: `return error_set(ERR_FORMAT, "...")`. */
int error_set(enum status status, const char *fmt, ...) PROMPT_PRINTF(2, 3);

/** Prepends "context: " to this thread's message and returns its status: `return error_context("...")`. */
int error_context(const char *fmt, ...) PROMPT_PRINTF(1, 2);

/** Sets the standard out-of-memory message; never allocates. */
int error_out_of_memory(void);

/** The message of this thread's last failure, "" without one; borrowed until the next error_set(). */
const char *error_message(void);

/** Clears this thread's failure. */
void error_clear(void);

/** The exit status of the process for `status`: 0, 2 for ERR_USAGE, 75 for ERR_BUSY, 130 for ERR_INTERRUPTED,
 * else 1. */
int error_exit_code(int status);

#ifdef __cplusplus
}
#endif

#endif
