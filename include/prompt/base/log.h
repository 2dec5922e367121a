/** What a run says: messages and progress on stderr, one JSON record a step in a file. */
#ifndef PROMPT_BASE_LOG_H
#define PROMPT_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "prompt/base/clock.h"
#include "prompt/base/str.h"

/** Messages and progress. On a terminal progress rewrites its line; elsewhere it is a plain line now and
 * then. */
struct log {
    bool quiet;       /* only warnings */
    bool is_terminal; /* stderr */
    bool line_open;   /* a progress line stands unfinished */
    double last_progress_s;
};

void log_init(struct log *log, bool quiet);
void log_info(struct log *log, const char *fmt, ...) PROMPT_PRINTF(2, 3);
void log_warning(struct log *log, const char *fmt, ...)
    PROMPT_PRINTF(2, 3); /* "warning: ..."; also when quiet */
/** `is_last` prints in any case and ends the line. */
void log_progress(struct log *log, bool is_last, const char *fmt, ...) PROMPT_PRINTF(3, 4);
/** Ends an unfinished progress line. */
void log_finish(struct log *log);

/** "2h05m", "3m20s", "12s". */
void format_duration(char *out, size_t n, double seconds);

/* ---------------------------------------------------------------- event file */

/** A JSON-lines file; each record is written whole and flushed. */
struct event_log {
    FILE *stream;
    char *path;
};

/**
 * Opens for appending. What was recorded after step `last_step` (of a run that was killed and is resumed from
 * there) is removed first; a negative one starts an empty file.
 */
int event_log_open(struct event_log *out, const char *path, int64_t last_step);
int event_log_write(struct event_log *log, const struct str *record); /* without the line's end */
void event_log_close(struct event_log *log);

#endif
