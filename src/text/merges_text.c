/* Parses OpenAI's merges file: a header line with "#version", then one merge per line in rank order. */
#include <stdbool.h>
#include <string.h>

#include "merges.h"

/* Cuts the next line off `rest`, without its "\n" or "\r\n". */
static struct merges_span next_line(struct merges_span *rest)
{
    const char *end = memchr(rest->data, '\n', rest->n);
    size_t n = end ? (size_t)(end - rest->data) : rest->n;
    struct merges_span line = {rest->data, n > 0 && rest->data[n - 1] == '\r' ? n - 1 : n};
    size_t used = end ? n + 1 : n;
    rest->data += used;
    rest->n -= used;
    return line;
}

static bool has_version(struct merges_span line)
{
    static const char mark[] = "#version";
    for (size_t i = 0; i + sizeof mark - 1 <= line.n; i++)
        if (memcmp(line.data + i, mark, sizeof mark - 1) == 0)
            return true;
    return false;
}

int merges_split(struct merges_span pair[2], struct merges_span line)
{
    const char *space = memchr(line.data, ' ', line.n);
    pair[0] = (struct merges_span){line.data, space ? (size_t)(space - line.data) : 0};
    pair[1] = (struct merges_span){space ? space + 1 : line.data, space ? line.n - pair[0].n - 1 : 0};
    if (pair[0].n == 0 || pair[1].n == 0 || memchr(pair[1].data, ' ', pair[1].n))
        return merges_refuse("expected two symbols with a space between them", line);
    return OK;
}

static int add_line(struct merges_builder *b, struct merges_span line)
{
    struct merges_span pair[2];
    int status = merges_split(pair, line);
    return status == OK ? merges_add(b, pair[0], pair[1]) : status;
}

int merges_add_text(struct merges_builder *b, struct merges_span text, const char *name)
{
    size_t n_lines = 1;
    struct merges_span header = next_line(&text);
    /* OpenAI's reader drops the first line in any case: a missing header would shift all ids */
    int status = has_version(header) ? OK : merges_refuse("expected a header with \"#version\"", header);
    for (size_t i = 0; status == OK && text.n > 0 && i < MERGES_MAX; i++) {
        n_lines++;
        status = add_line(b, next_line(&text));
    }
    if (status != OK)
        return error_context("%s:%zu", name, n_lines);
    return n_lines > 1 ? OK : error_set(ERR_FORMAT, "%s: expected merges after the header, found none", name);
}

size_t merges_count_lines(struct merges_span text)
{
    size_t n = 1;
    for (size_t i = 0; i < text.n && n < MERGES_MAX; i++)
        n += text.data[i] == '\n';
    return n;
}

int merges_parse(struct merges *out, const char *text, size_t n, const char *name)
{
    *out = (struct merges){0};
    const struct merges_span span = {text, n};
    struct merges_builder *b = NULL;
    int status = merges_begin(&b, merges_count_lines(span));
    if (status == OK)
        status = merges_add_text(b, span, name);
    merges_end(status == OK ? out : NULL, b);
    return status;
}
