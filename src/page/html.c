/* Writing HTML. */
#include "html.h"

#include <math.h>
#include <string.h>

static const char *entity_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default: /* a control character is not allowed in HTML */
        return (unsigned char)c < ' ' && !strchr("\t\n", c) ? "\xef\xbf\xbd" : NULL;
    }
}

void html_text(struct str *out, const char *text)
{
    size_t n = strlen(text);
    for (size_t length; n > 0; text += length, n -= length) {
        const char *entity = entity_of(*text);
        length = utf8_sequence(text, n);
        if (length == 0)
            str_appendf(out, "\\x%02x", (unsigned char)*text);
        else if (entity)
            str_append(out, entity);
        else
            str_append_n(out, text, length);
        length += length == 0;
    }
}

void html_element(struct str *out, const char *tag, const char *text)
{
    str_appendf(out, "<%s>", tag);
    html_text(out, text);
    str_appendf(out, "</%.*s>", (int)strcspn(tag, " "), tag);
}

void html_attribute(struct str *out, const char *name, const char *text)
{
    str_appendf(out, " %s=\"", name);
    html_text(out, text);
    str_append(out, "\"");
}

void html_base64(struct str *out, const unsigned char *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        const unsigned second = i + 1 < n ? bytes[i + 1] : 0U, third = i + 2 < n ? bytes[i + 2] : 0U;
        const unsigned word = (unsigned)bytes[i] << 16 | second << 8 | third;
        const char four[4] = {digits[word >> 18], digits[word >> 12 & 63],
                              i + 1 < n ? digits[word >> 6 & 63] : '=', i + 2 < n ? digits[word & 63] : '='};
        str_append_n(out, four, 4);
    }
}

void html_percent(struct str *out, double percent)
{
    if (isnan(percent))
        str_append(out, "–");
    else
        str_appendf(out, "%.2f", percent);
}
