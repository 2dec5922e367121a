/** Sets of processors: their text, what this process may use of them, and keeping a process on them. */
#ifndef PROMPT_BASE_CORE_SET_H
#define PROMPT_BASE_CORE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "prompt/base/error.h"

enum { CORE_SET_SIZE = 1024 }; /* processors */

/** Processors by their number in the system; `{0}` is empty. */
struct core_set {
    uint64_t bits[CORE_SET_SIZE / 64];
};

bool core_set_has(const struct core_set *s, size_t processor);
/** Reads "4", "0-7" or "0-3+8-11". ERR_USAGE with the expected form. */
int core_set_parse(struct core_set *out, const char *text);
/** Those that a process may run on, 0: this one; empty where the system does not tell. */
void core_set_allowed(struct core_set *out, pid_t process);
/** The first processor of `a` that `b` has, too (`in_b`), or that it lacks; CORE_SET_SIZE if there is none. */
size_t core_set_first(const struct core_set *a, const struct core_set *b, bool in_b);

int64_t core_set_count(const struct core_set *s);
/** The cores of these processors: two threads of a core count once. */
int64_t core_set_cores(const struct core_set *s);

/** Keeps this process on the set (Linux; elsewhere it does nothing). Async-signal-safe. */
bool core_set_apply(const struct core_set *s);

#endif
