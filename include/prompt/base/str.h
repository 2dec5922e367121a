/** Growing strings, checked number parsing, and the few path operations the program needs. */
#ifndef PROMPT_BASE_STR_H
#define PROMPT_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/base/error.h"

/**
 * A growing, always NUL-terminated string; `{0}` is empty. Appending is sticky: after an allocation failure
 * the string is `failed`, later appends do nothing, and str_status() reports ERR_MEMORY once.
 */
struct str {
    char *data; /* NULL while nothing was appended */
    size_t len;
    size_t capacity;
    bool failed;
};

void str_append(struct str *s, const char *text);
void str_append_n(struct str *s, const char *bytes, size_t n);
void str_append_char(struct str *s, char c);
void str_appendf(struct str *s, const char *fmt, ...) PROMPT_PRINTF(2, 3);
/** The text, "" for an empty string; never NULL. */
const char *str_text(const struct str *s);
int str_status(const struct str *s);
void str_clear(struct str *s); /* keeps the memory */
void str_free(struct str *s);

/** Heap copies; NULL when out of memory (error set). The caller frees them with free(). */
char *str_dup(const char *text);
char *str_dup_n(const char *text, size_t n);
char *str_format(const char *fmt, ...) PROMPT_PRINTF(1, 2);

/** `one` or `many`, as in "%zu %s", n, plural(n, "image", "images"). */
const char *plural(size_t n, const char *one, const char *many);

bool str_starts_with(const char *text, const char *prefix);
bool str_ends_with(const char *text, const char *suffix);

/** Length of the UTF-8 sequence at the start of `bytes` [n] (1..4), 0 if there is none. */
size_t utf8_sequence(const char *bytes, size_t n);

/** A growing list of owned texts; `{0}` is empty. */
struct str_list {
    char **items;
    size_t n;
};

int str_list_add(struct str_list *list, const char *text); /* copies; ERR_MEMORY */
/** Adds the parts of "a,b,c"; empty parts are left out. */
int str_list_split(struct str_list *list, const char *text);
bool str_list_has(const struct str_list *list, const char *text);
/** Bytewise, on every machine and in every locale; equal texts are kept once. */
void str_list_sort_unique(struct str_list *list);
/** The index of `text` in a sorted list. */
bool str_list_find(size_t *idx, const struct str_list *list, const char *text);
void str_list_free(struct str_list *list);

/** The whole of `text` as a number; ERR_USAGE without touching `*out` if it is anything else. */
int str_parse_i64(int64_t *out, const char *text);
int str_parse_f64(double *out, const char *text);

/** Edit distance (insert, delete, replace, swap of neighbours); for "did you mean". */
size_t str_distance(const char *a, const char *b);
/** The candidate nearest to `word`, or NULL if none is near enough to be a misspelling. */
const char *str_nearest(const char *word, const char *const *candidates, size_t n_candidates);

#endif
