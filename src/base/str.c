/* Growing strings, lists, number parsing, similar words. */
#include "prompt/base/str.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/array.h"

/* ---------------------------------------------------------------- growing string */

static bool reserve(struct str *s, size_t extra)
{
    if (s->failed)
        return false;
    size_t need = s->len + extra + 1;
    if (need <= s->capacity)
        return true;
    size_t capacity = s->capacity ? s->capacity : 64;
    while (capacity < need)
        capacity *= 2;
    char *data = realloc(s->data, capacity);
    if (!data) {
        s->failed = true;
        return false;
    }
    s->data = data;
    s->capacity = capacity;
    return true;
}

void str_append_n(struct str *s, const char *bytes, size_t n)
{
    if (!reserve(s, n))
        return;
    if (n > 0)
        memcpy(s->data + s->len, bytes, n);
    s->len += n;
    s->data[s->len] = '\0';
}

void str_append(struct str *s, const char *text)
{
    str_append_n(s, text, strlen(text));
}

void str_append_char(struct str *s, char c)
{
    str_append_n(s, &c, 1);
}

PROMPT_PRINTF(2, 0)
static void append_formatted(struct str *s, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, fmt, args);
    if (n >= 0 && reserve(s, (size_t)n)) {
        vsnprintf(s->data + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    va_end(again);
}

void str_appendf(struct str *s, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    append_formatted(s, fmt, args);
    va_end(args);
}

const char *str_text(const struct str *s)
{
    return s->data ? s->data : "";
}

int str_status(const struct str *s)
{
    return s->failed ? error_out_of_memory() : OK;
}

void str_clear(struct str *s)
{
    s->len = 0;
    if (s->data)
        s->data[0] = '\0';
}

void str_free(struct str *s)
{
    free(s->data);
    *s = (struct str){0};
}

/* ---------------------------------------------------------------- new texts */

char *str_dup_n(const char *text, size_t n)
{
    char *copy = malloc(n + 1);
    if (!copy) {
        error_out_of_memory();
        return NULL;
    }
    memcpy(copy, text, n);
    copy[n] = '\0';
    return copy;
}

char *str_dup(const char *text)
{
    return str_dup_n(text, strlen(text));
}

char *str_format(const char *fmt, ...)
{
    struct str s = {0};
    va_list args;
    va_start(args, fmt);
    append_formatted(&s, fmt, args);
    va_end(args);
    if (!s.data)
        error_out_of_memory();
    return s.data;
}

/* ---------------------------------------------------------------- lists */

int str_list_add(struct str_list *list, const char *text)
{
    char *copy = array_grow(&list->items, list->n, sizeof *list->items) == OK ? str_dup(text) : NULL;
    if (!copy)
        return ERR_MEMORY;
    list->items[list->n++] = copy;
    return OK;
}

int str_list_split(struct str_list *list, const char *text)
{
    int status = OK;
    while (status == OK && *text != '\0') {
        const size_t n = strcspn(text, ",");
        char *part = n > 0 ? str_dup_n(text, n) : NULL;
        if (n > 0)
            status = part ? str_list_add(list, part) : ERR_MEMORY;
        free(part);
        text += n + (text[n] == ',');
    }
    return status;
}

bool str_list_has(const struct str_list *list, const char *text)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i], text) == 0)
            return true;
    return false;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void str_list_sort_unique(struct str_list *list)
{
    if (list->n == 0)
        return;
    qsort(list->items, list->n, sizeof *list->items, compare_texts);
    size_t n_kept = 1;
    for (size_t i = 1; i < list->n; i++) {
        if (strcmp(list->items[i], list->items[n_kept - 1]) == 0)
            free(list->items[i]);
        else
            list->items[n_kept++] = list->items[i];
    }
    list->n = n_kept;
}

bool str_list_find(size_t *idx, const struct str_list *list, const char *text)
{
    char *const *found =
        list->n > 0 ? bsearch(&text, list->items, list->n, sizeof *list->items, compare_texts) : NULL;
    if (found)
        *idx = (size_t)(found - list->items);
    return found != NULL;
}

void str_list_free(struct str_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct str_list){0};
}

/* ---------------------------------------------------------------- looking at text */

const char *plural(size_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}

bool str_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text);
    size_t m = strlen(suffix);
    return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

size_t utf8_sequence(const char *bytes, size_t n)
{
    const unsigned char *b = (const unsigned char *)bytes;
    if (n == 0)
        return 0;
    if (b[0] < 0x80)
        return 1;
    /* The second byte's range excludes overlong forms, surrogates and code points above U+10FFFF. */
    size_t length = b[0] >= 0xF0 ? 4 : b[0] >= 0xE0 ? 3 : 2;
    if (b[0] < 0xC2 || b[0] > 0xF4 || n < length)
        return 0;
    unsigned low = b[0] == 0xE0 ? 0xA0 : b[0] == 0xF0 ? 0x90 : 0x80;
    unsigned high = b[0] == 0xED ? 0x9F : b[0] == 0xF4 ? 0x8F : 0xBF;
    if (b[1] < low || b[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (b[i] < 0x80 || b[i] > 0xBF)
            return 0;
    return length;
}

int str_parse_i64(int64_t *out, const char *text)
{
    char *end = NULL;
    errno = 0;
    const int64_t value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || text[0] == ' ' || errno == ERANGE)
        return error_set(ERR_USAGE, "expected a whole number, found '%s'", text);
    *out = value;
    return OK;
}

int str_parse_f64(double *out, const char *text)
{
    char *end = NULL;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || text[0] == ' ' || !isfinite(value))
        return error_set(ERR_USAGE, "expected a number, found '%s'", text);
    *out = value;
    return OK;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

enum { DISTANCE_MAX_LEN = 63 };

size_t str_distance(const char *a, const char *b)
{
    size_t n = strlen(a);
    size_t m = strlen(b);
    if (n > DISTANCE_MAX_LEN || m > DISTANCE_MAX_LEN)
        return n > m ? n : m;
    size_t table[DISTANCE_MAX_LEN + 1][DISTANCE_MAX_LEN + 1];
    for (size_t i = 0; i <= n; i++)
        table[i][0] = i;
    for (size_t j = 0; j <= m; j++)
        table[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
            size_t best = min_size(table[i - 1][j] + 1, table[i][j - 1] + 1);
            best = min_size(best, table[i - 1][j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = min_size(best, table[i - 2][j - 2] + 1);
            table[i][j] = best;
        }
    }
    return table[n][m];
}

const char *str_nearest(const char *word, const char *const *candidates, size_t n_candidates)
{
    const char *nearest = NULL;
    size_t best = strlen(word) / 3 + 2; /* at this distance it is another word, not a misspelling */
    for (size_t i = 0; i < n_candidates; i++) {
        size_t distance = str_distance(word, candidates[i]);
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}
