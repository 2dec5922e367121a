/** The sequences of code points that betray mojibake. */
#ifndef PROMPT_SRC_TEXT_MOJIBAKE_RULES_H
#define PROMPT_SRC_TEXT_MOJIBAKE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Whether the text has a sequence that rarely occurs except in mojibake. */
bool mojibake_is_bad(const uint32_t *text, size_t n);

#endif
