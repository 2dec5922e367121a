/* Counts the files left out. */
#include "prompt/data/left_out.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/array.h"

int left_out_add(struct left_out *left, const char *what, size_t n)
{
    for (size_t i = 0; i < left->n; i++)
        if (strcmp(left->kinds[i].what, what) == 0) {
            left->kinds[i].n += n;
            return OK;
        }
    char *copy = array_grow(&left->kinds, left->n, sizeof *left->kinds) == OK ? str_dup(what) : NULL;
    if (!copy)
        return ERR_MEMORY;
    left->kinds[left->n++] = (struct left_out_kind){.what = copy, .n = n};
    return OK;
}

enum { ENDING_MAX = 8, KINDS_SHOWN = 8 };

int left_out_count_file(struct left_out *left, const char *name)
{
    char ending[ENDING_MAX + 2] = ".";
    const char *dot = strrchr(name, '.');
    size_t n = dot && dot != name ? strlen(dot + 1) : 0;
    for (size_t i = 0; i < n && n <= ENDING_MAX; i++) {
        if (!isalnum((unsigned char)dot[1 + i]))
            n = 0;
        ending[1 + i] = (char)tolower((unsigned char)dot[1 + i]);
    }
    return left_out_add(left, n > 0 && n <= ENDING_MAX ? ending : LEFT_NO_ENDING, 1);
}

/* Most first. */
static int compare_kinds(const void *a, const void *b)
{
    const struct left_out_kind *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : strcmp(x->what, y->what);
}

static const char *words_for(const struct left_out_kind *kind)
{
    static const struct {
        const char *one, *many;
    } words[] = {
        {LEFT_NO_ENDING, "files without a known ending"}, {LEFT_LOOSE, "images outside of the class folders"},
        {LEFT_LOOP, "links to folders that hold them"},   {LEFT_SPECIAL, "special files"},
        {LEFT_LINK, "links that lead nowhere"},           {LEFT_FOLDER, "folders that are not a class"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(kind->what, words[i].one) == 0)
            return plural(kind->n, words[i].one, words[i].many);
    return kind->what;
}

void left_out_describe(struct str *out, const struct left_out *left)
{
    if (left->n == 0)
        return;
    size_t n_more = 0;
    qsort(left->kinds, left->n, sizeof *left->kinds, compare_kinds);
    for (size_t i = 0; i < left->n; i++) {
        if (i < KINDS_SHOWN)
            str_appendf(out, "%s%zu %s", i > 0 ? ", " : "", left->kinds[i].n, words_for(&left->kinds[i]));
        else
            n_more += left->kinds[i].n;
    }
    if (n_more > 0)
        str_appendf(out, ", %zu of other kinds", n_more);
}

void left_out_free(struct left_out *left)
{
    for (size_t i = 0; i < left->n; i++)
        free(left->kinds[i].what);
    free(left->kinds);
    *left = (struct left_out){0};
}
