/* Templates from a file. */
#include <stdlib.h>
#include <string.h>

#include "prompt/base/lines.h"
#include "prompt/data/templates.h"

bool template_is_valid(const char *template)
{
    const char *hole = strstr(template, "{}");
    return hole && !strstr(hole + 2, "{}");
}

/* Ends the line at `line` and returns the one behind it, NULL after the last. */
static char *cut_line(char *line)
{
    char *end = strchr(line, '\n');
    char *next = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    const size_t n = strlen(line);
    if (n > 0 && line[n - 1] == '\r')
        line[n - 1] = '\0';
    return next;
}

static int split(struct templates *out, const char *path)
{
    int64_t line_no = 1;
    for (char *line = out->text, *next = NULL; line; line = next, line_no++) {
        next = cut_line(line);
        if (line[strspn(line, " \t")] == '\0')
            continue;
        if (!template_is_valid(line))
            return error_set(ERR_FORMAT, "'%s':%lld: expected a sentence with one {}, found \"%.200s\"", path,
                             (long long)line_no, line);
        out->items[out->n++] = line;
    }
    return out->n > 0 ? OK : error_set(ERR_FORMAT, "'%s': expected templates, one a line, found none", path);
}

static int hash(struct templates *t)
{
    struct digest *d = NULL;
    int status = digest_open(&d);
    for (size_t i = 0; status == OK && i < t->n; i++) {
        digest_update(d, t->items[i], strlen(t->items[i]));
        digest_update(d, "\n", 1);
    }
    return status == OK ? digest_close(t->sha256, d) : status;
}

int templates_read(struct templates *out, const char *path)
{
    *out = (struct templates){0};
    size_t n_lines = 1;
    int status = lines_read_text(&out->text, path);
    if (status == OK) {
        for (const char *c = out->text; *c != '\0'; c++)
            n_lines += *c == '\n';
        out->items = calloc(n_lines, sizeof *out->items);
        status = out->items ? split(out, path) : error_out_of_memory();
    }
    if (status == OK)
        status = hash(out);
    if (status != OK)
        templates_free(out);
    return status;
}

void templates_free(struct templates *t)
{
    free(t->text);
    free(t->items);
    *t = (struct templates){0};
}
