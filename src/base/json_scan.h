/* The strict scanner of JSON text: grammar, UTF-8, numbers, and on which line the n-th value starts. */
#ifndef PROMPT_SRC_BASE_JSON_SCAN_H
#define PROMPT_SRC_BASE_JSON_SCAN_H

#include <stddef.h>

enum { JSON_MAX_DEPTH = 64 }; /* of nested arrays and objects; every file of ours stays below 5 */

/** Length of the UTF-8 sequence at the start of `bytes` (1..4), 0 if it is none. */
size_t utf8_sequence(const char *bytes, size_t n);

/**
 * Checks that `text` is one JSON document and nothing else (RFC 8259, without a byte order mark).
 * Refused beyond the grammar: a NUL character and lone surrogates in strings, which a C string in UTF-8
 * cannot hold, and numbers too large for a double.
 * @return OK, or ERR_FORMAT "name:line: what"
 */
int json_scan_check(const char *text, size_t n, const char *name);

/** The 1-based line of the value number `ordinal` (from 0, a container before its content, keys not counted);
 * 0: none. */
size_t json_scan_line(const char *text, size_t n, size_t ordinal);

#endif
