/* Text files line by line. */
#include "prompt/base/lines.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"

int lines_read_text(char **out, const char *path)
{
    size_t n = 0, line = 1;
    int status = file_read(out, &n, path);
    if (status != OK || strlen(*out) == n)
        return status;
    for (const char *c = *out; *c != '\0'; c++)
        line += *c == '\n';
    free(*out);
    *out = NULL;
    return error_set(ERR_FORMAT, "%s:%zu: expected text in UTF-8, found a byte of value 0: is it UTF-16?",
                     path, line);
}

int lines_open(struct lines *out, const char *path)
{
    *out = (struct lines){0};
    int status = lines_read_text(&out->text, path);
    if (status == OK)
        out->next = out->text + (strncmp(out->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
    return status;
}

char *lines_next(struct lines *lines)
{
    while (*lines->next) {
        char *line = lines->next;
        size_t n = strcspn(line, "\n");
        lines->next += n + (line[n] == '\n');
        lines->number++;
        while (n > 0 && strchr(" \t\r", line[n - 1]))
            n--;
        line[n] = '\0';
        if (n > 0)
            return line;
    }
    return NULL;
}

void lines_close(struct lines *lines)
{
    free(lines->text);
    *lines = (struct lines){0};
}
