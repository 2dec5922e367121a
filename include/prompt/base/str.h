/** Growing strings and lists of them, checked number parsing, similar words. */
#ifndef PROMPT_BASE_STR_H
#define PROMPT_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/base/error.h"

/**
 * A growing, always NUL-terminated string; `{0}` is empty. Failures are sticky: after the first failed
 * allocation appending does nothing, and str_status() returns ERR_MEMORY, so one check at the end suffices.
 */
struct str {
    char *data; /* owned; NULL before the first append */
    size_t len;
    size_t capacity;
    bool failed;
};

void str_append(struct str *s, const char *text);
void str_append_n(struct str *s, const char *bytes, size_t n);
void str_append_char(struct str *s, char c);
void str_appendf(struct str *s, const char *fmt, ...) PROMPT_PRINTF(2, 3);
/** The text, borrowed until the next change; "" for an empty string, never NULL. */
const char *str_text(const struct str *s);
int str_status(const struct str *s);
void str_clear(struct str *s); /* keeps the memory */
void str_free(struct str *s);

/** New texts, owned; NULL with the error set when out of memory. */
char *str_dup(const char *text);
char *str_dup_n(const char *text, size_t n);
char *str_format(const char *fmt, ...) PROMPT_PRINTF(1, 2);

/** `one` or `many`, borrowed, as in "%zu %s", n, plural(n, "image", "images"). */
const char *plural(size_t n, const char *one, const char *many);

bool str_starts_with(const char *text, const char *prefix);
bool str_ends_with(const char *text, const char *suffix);

/** Length of the UTF-8 sequence at the start of `bytes` [n] (1..4), 0 if there is none. */
size_t utf8_sequence(const char *bytes, size_t n);

/** A growing list of owned texts; `{0}` is empty. */
struct str_list {
    char **items; /* [n], owned, as each text; grown by array_grow */
    size_t n;
};

int str_list_add(struct str_list *list, const char *text); /* copies; ERR_MEMORY */
/** Adds the parts of "a,b,c" that are not empty. ERR_MEMORY. */
int str_list_split(struct str_list *list, const char *text);
bool str_list_has(const struct str_list *list, const char *text);
/** Sorts bytewise, whatever the locale, and keeps one of equal texts. */
void str_list_sort_unique(struct str_list *list);
/** Finds the index of `text` in a sorted list; false if it is not there. */
bool str_list_find(size_t *idx, const struct str_list *list, const char *text);
void str_list_free(struct str_list *list);

/** Parses the whole of `text` as a number; else ERR_USAGE, and `*out` is unchanged. */
int str_parse_i64(int64_t *out, const char *text);
int str_parse_f64(double *out, const char *text);

/** Edit distance (insert, delete, replace, swap of neighbours); for "did you mean". */
size_t str_distance(const char *a, const char *b);
/** The candidate nearest to `word`, borrowed; NULL if none is near enough to be a misspelling. */
const char *str_nearest(const char *word, const char *const *candidates, size_t n_candidates);

#endif
