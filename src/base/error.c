/* The thread-local message of the last failure: one fixed buffer, so that reporting never allocates. */
#include "prompt/base/error.h"

#include <stdio.h>
#include <string.h>

enum { MESSAGE_SIZE = 2048 };

struct last_error {
    int status;
    char message[MESSAGE_SIZE];
};

static _Thread_local struct last_error tl_error;

/* Turns line breaks, as in libtorch's texts, into spaces. Other control characters, which may come from
 * damaged files and would reach the terminal, become question marks. */
static void make_one_line(char *text)
{
    for (char *c = text; *c != '\0'; c++)
        if (*c == '\n' || *c == '\r' || *c == '\t')
            *c = ' ';
        else if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == ' ')
        text[--n] = '\0';
}

/* Appends as much of the text as fits. */
static void append(const char *text)
{
    size_t used = strlen(tl_error.message);
    size_t n = strlen(text);
    size_t room = sizeof tl_error.message - 1 - used;
    if (n > room)
        n = room;
    memcpy(tl_error.message + used, text, n);
    tl_error.message[used + n] = '\0';
}

int error_set(enum status status, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(tl_error.message, sizeof tl_error.message, fmt, args);
    va_end(args);
    make_one_line(tl_error.message);
    tl_error.status = status;
    return status;
}

int error_context(const char *fmt, ...)
{
    char inner[MESSAGE_SIZE];
    memcpy(inner, tl_error.message, sizeof inner);

    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(tl_error.message, sizeof tl_error.message, fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof tl_error.message) {
        append(": ");
        append(inner);
    }
    make_one_line(tl_error.message);
    return tl_error.status;
}

int error_out_of_memory(void)
{
    return error_set(ERR_MEMORY, "out of memory");
}

const char *error_message(void)
{
    return tl_error.message;
}

void error_clear(void)
{
    tl_error.status = OK;
    tl_error.message[0] = '\0';
}

int error_exit_code(int status)
{
    switch (status) {
    case OK:
        return 0;
    case ERR_USAGE:
        return 2;
    case ERR_BUSY:
        return 75; /* EX_TEMPFAIL: the same command will work later */
    case ERR_INTERRUPTED:
        return 130;
    default:
        return 1;
    }
}
