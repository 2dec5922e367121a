/* Messages, progress and the event file. */
#include "prompt/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prompt/base/file.h"
#include "prompt/base/json.h"

static const double TERMINAL_INTERVAL_S = 0.2;
static const double PLAIN_INTERVAL_S = 10.0;

void format_duration(char *out, size_t n, double seconds)
{
    const int64_t s = seconds > 0 ? (int64_t)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(out, n, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(out, n, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
    else if (s > 0 || seconds <= 0.0)
        snprintf(out, n, "%" PRId64 "s", s);
    else
        snprintf(out, n, "%.1gs", seconds);
}

void log_init(struct log *log, bool quiet)
{
    *log = (struct log){.quiet = quiet, .is_terminal = isatty(STDERR_FILENO) == 1};
}

void log_finish(struct log *log)
{
    if (log->line_open)
        fputc('\n', stderr);
    log->line_open = false;
}

PROMPT_PRINTF(3, 0)
static void print_line(struct log *log, const char *prefix, const char *fmt, va_list args)
{
    if (log->is_silent)
        return;
    log_finish(log);
    fputs(prefix, stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
}

void log_info(struct log *log, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (!log->quiet)
        print_line(log, "", fmt, args);
    va_end(args);
}

void log_warning(struct log *log, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    print_line(log, "warning: ", fmt, args);
    va_end(args);
}

void log_progress(struct log *log, bool is_last, const char *fmt, ...)
{
    double now = clock_s();
    double interval = log->is_terminal ? TERMINAL_INTERVAL_S : PLAIN_INTERVAL_S;
    if (log->quiet || log->is_silent || (!is_last && now - log->last_progress_s < interval))
        return;
    log->last_progress_s = now;
    if (log->is_terminal)
        fputs("\r\033[K", stderr);
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    if (is_last || !log->is_terminal)
        fputc('\n', stderr);
    log->line_open = log->is_terminal && !is_last;
    fflush(stderr);
}

/* ---------------------------------------------------------------- event file */

/* The length of the leading lines with a "step" of at most last_step; a torn last line does not count. */
static size_t kept_length(const char *text, size_t n, int64_t last_step)
{
    size_t kept = 0;
    while (kept < n) {
        const char *end = memchr(text + kept, '\n', n - kept);
        if (!end)
            break;
        struct json_doc *doc = NULL;
        int64_t step = 0;
        bool is_kept = json_parse(&doc, text + kept, (size_t)(end - text) - kept, "log.jsonl") == OK &&
                       json_need_i64(&step, doc, json_root(doc), "step") == OK && step <= last_step;
        json_free(doc);
        if (!is_kept)
            break;
        kept = (size_t)(end - text) + 1;
    }
    error_clear(); /* a line without a record ends them, which is not an error */
    return kept;
}

static int trim(const char *path, int64_t last_step)
{
    char *text = NULL;
    size_t n = 0;
    if (!file_exists(path))
        return OK;
    int status = file_read(&text, &n, path);
    if (status == OK)
        status = file_write_atomic(path, text, last_step < 0 ? 0 : kept_length(text, n, last_step));
    free(text);
    return status;
}

int event_log_open(struct event_log *out, const char *path, int64_t last_step)
{
    *out = (struct event_log){0};
    int status = trim(path, last_step);
    if (status != OK)
        return status;
    out->path = str_dup(path);
    out->stream = out->path ? fopen(path, "ab") : NULL;
    if (!out->stream) {
        status = out->path ? error_set(ERR_IO, "cannot write '%s': %s", path, strerror(errno)) : ERR_MEMORY;
        event_log_close(out);
    }
    return status;
}

int event_log_write(struct event_log *log, const struct str *record)
{
    int status = str_status(record);
    if (status != OK)
        return status;
    if (fprintf(log->stream, "%s\n", str_text(record)) < 0 || fflush(log->stream) != 0)
        return error_set(ERR_IO, "cannot write '%s': %s", log->path, strerror(errno));
    return OK;
}

void event_log_close(struct event_log *log)
{
    if (log->stream)
        fclose(log->stream);
    free(log->path);
    *log = (struct event_log){0};
}
