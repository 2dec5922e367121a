/* The tokens of JSON text: the line of each value, and the mistakes that cJSON accepts. */
#ifndef PROMPT_SRC_BASE_JSON_SCAN_H
#define PROMPT_SRC_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum { JSON_MAX_DEPTH = 64 }; /* of nested arrays and objects; our own files stay below 5 */

/**
 * Walks the tokens of a text that cJSON has parsed, and refuses those that RFC 8259 does not allow: numbers
 * such as 01, control characters, bytes that are not UTF-8. Refused beyond the standard: a NUL character and
 * lone surrogates in strings, which a C string in UTF-8 cannot hold, and numbers too large for a double.
 *
 * @param lines     of all values in document order (a container before its content; keys are not counted);
 *                  owned, NULL after a failure
 * @param text      [n], with a NUL after the last byte
 * @param end       the position where cJSON stopped
 * @param is_whole  whether it had a document; if not, the text is wrong at `end` or before
 * @return OK; ERR_FORMAT "name:line: expected ..., found ..."; ERR_MEMORY
 */
int json_scan(int **lines, const char *text, size_t n, size_t end, bool is_whole, const char *name);

#endif
