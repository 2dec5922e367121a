/* Text for LaTeX. */
#include "tex.h"

#include <string.h>

void tex_append(struct str *out, const char *text)
{
    static const char lambda[] = "λ";
    while (*text != '\0') {
        const bool special = strchr("&%$#_{}", *text) != NULL;
        const bool is_power = text[1] == '^' && text[2] != '\0';
        if (is_power) /* G^V */
            str_appendf(out, "$%.3s$", text);
        else if (str_starts_with(text, lambda))
            str_append(out, "$\\lambda$");
        else if (*text == '^')
            str_append(out, "\\^{}");
        else
            str_appendf(out, "%s%c", special ? "\\" : "", *text);
        text += is_power ? 3 : str_starts_with(text, lambda) ? sizeof lambda - 1 : 1;
    }
}
