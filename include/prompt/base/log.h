/** Messages and progress on stderr, and a file with one JSON record for each step. */
#ifndef PROMPT_BASE_LOG_H
#define PROMPT_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "prompt/base/clock.h"
#include "prompt/base/str.h"

/** Messages and progress. On a terminal progress rewrites its line, elsewhere it prints a line every 10 s. */
struct log {
    bool quiet;       /* only warnings */
    bool is_silent;   /* nothing: another process of several prints */
    bool is_terminal; /* stderr */
    bool line_open;   /* a progress line has no line break yet */
    double last_progress_s;
};

void log_init(struct log *log, bool quiet);
void log_info(struct log *log, const char *fmt, ...) PROMPT_PRINTF(2, 3);
void log_warning(struct log *log, const char *fmt, ...)
    PROMPT_PRINTF(2, 3); /* "warning: ..."; also when quiet */
/** Prints progress if enough time has passed; the last line always. */
void log_progress(struct log *log, bool is_last, const char *fmt, ...) PROMPT_PRINTF(3, 4);
/** Ends an unfinished progress line. */
void log_finish(struct log *log);

/** "2h05m", "3m20s", "12s". */
void format_duration(char *out, size_t n, double seconds);

/* ---------------------------------------------------------------- event file */

/** A JSON-lines file; each record is written whole and flushed. */
struct event_log {
    FILE *stream; /* owned */
    char *path;   /* owned */
};

/**
 * Opens for appending, after removing the records of steps after `last_step`, from which a killed run
 * resumes; a negative `last_step` empties the file. ERR_IO; ERR_MEMORY.
 */
int event_log_open(struct event_log *out, const char *path, int64_t last_step);
int event_log_write(struct event_log *log, const struct str *record); /* without a line break */
void event_log_close(struct event_log *log);

#endif
