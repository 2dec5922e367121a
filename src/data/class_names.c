/* Class names that a user gives. */
#include "prompt/data/class_names.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/lines.h"

int class_names_compare(const char *a, const char *b)
{
    for (;; a++, b++) {
        const unsigned char x = *a == '_' ? ' ' : (unsigned char)*a;
        const unsigned char y = *b == '_' ? ' ' : (unsigned char)*b;
        if (x != y || x == '\0')
            return (x > y) - (x < y);
    }
}

/* ---------------------------------------------------------------- names that are there twice */

struct place {
    const char *name;
    size_t idx;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    const int order = class_names_compare(x->name, y->name);
    return order != 0 ? order : (x->idx > y->idx) - (x->idx < y->idx);
}

/* The first name that is the same as an earlier one: names->n if there is none. */
static int find_repeated(size_t *earlier, size_t *later, const struct str_list *names)
{
    struct place *places = calloc(names->n + 1, sizeof *places);
    if (!places)
        return error_out_of_memory();
    for (size_t i = 0; i < names->n; i++)
        places[i] = (struct place){names->items[i], i};
    qsort(places, names->n, sizeof *places, compare_places);
    *earlier = *later = names->n;
    for (size_t i = 1; i < names->n; i++)
        if (places[i].idx < *later && class_names_compare(places[i - 1].name, places[i].name) == 0) {
            *earlier = places[i - 1].idx;
            *later = places[i].idx;
        }
    free(places);
    return OK;
}

/* ---------------------------------------------------------------- on the command line */

/* Adds a part of a text without the white space around it. */
static int add_part(struct str_list *out, const char *text, size_t n)
{
    const size_t n_before = strspn(text, " \t\r");
    size_t end = n;
    while (end > n_before && strchr(" \t\r", text[end - 1]))
        end--;
    char *part = end > n_before ? str_dup_n(text + n_before, end - n_before) : str_dup("");
    int status = part ? str_list_add(out, part) : ERR_MEMORY;
    free(part);
    return status;
}

int class_names_split(struct str_list *out, const char *text)
{
    int status = OK;
    size_t earlier = 0, later = 0;
    for (const char *at = text; status == OK && at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        status = add_part(out, at, strcspn(at, ","));
    if (status == OK)
        status = find_repeated(&earlier, &later, out);
    for (size_t i = 0; status == OK && i < out->n; i++)
        if (out->items[i][0] == '\0')
            status = error_set(ERR_USAGE, "class names \"%.200s\": name %zu is empty", text, i + 1);
    if (status == OK && later < out->n)
        status = error_set(ERR_USAGE, "class names \"%.200s\": '%s' is given twice", text, out->items[later]);
    return status;
}

/* ---------------------------------------------------------------- in a file */

/* Line i + 1 has name i, because empty lines are errors. */
static int add_lines(struct str_list *out, struct lines *lines, const char *path)
{
    int status = OK;
    for (const char *line = NULL; status == OK && (line = lines_next(lines));) {
        if (lines->number != out->n + 1)
            return error_set(ERR_FORMAT, "'%s':%zu: expected the name of a class, found an empty line", path,
                             out->n + 1);
        status = add_part(out, line, strlen(line));
    }
    return status;
}

int class_names_read(struct str_list *out, const char *path)
{
    struct lines lines = {0};
    struct str_list names = {0};
    size_t earlier = 0, later = 0;
    int status = OK;
    if ((status = lines_open(&lines, path)) == OK && (status = add_lines(&names, &lines, path)) == OK)
        status = find_repeated(&earlier, &later, &names);
    if (status == OK && names.n == 0)
        status = error_set(ERR_FORMAT, "'%s': no class name, expected one a line", path);
    if (status == OK && later < names.n)
        status = error_set(ERR_FORMAT, "'%s':%zu: the class '%s' is in line %zu already", path, later + 1,
                           names.items[later], earlier + 1);
    for (size_t i = 0; status == OK && i < names.n; i++)
        status = str_list_add(out, names.items[i]);
    str_list_free(&names);
    lines_close(&lines);
    return status;
}
