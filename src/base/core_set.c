/* Sets of processors. */
#ifdef __linux__
#define _GNU_SOURCE /* sched_getaffinity */ // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
#endif
#include "prompt/base/core_set.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"

bool core_set_has(const struct core_set *s, size_t processor)
{
    return processor < CORE_SET_SIZE && (s->bits[processor / 64] >> processor % 64 & 1) != 0;
}

static void add(struct core_set *s, size_t processor)
{
    s->bits[processor / 64] |= UINT64_C(1) << processor % 64;
}

/* ---------------------------------------------------------------- text */

/* Reads a number of at most four digits at *text and moves behind it. */
static bool read_number(size_t *out, const char **text)
{
    const size_t n = strspn(*text, "0123456789");
    if (n == 0 || n > 4)
        return false;
    *out = strtoul(*text, NULL, 10);
    *text += n;
    return *out < CORE_SET_SIZE;
}

/* Reads "4" or "0-7". */
static bool read_range(struct core_set *out, const char **text)
{
    size_t first = 0;
    if (!read_number(&first, text))
        return false;
    size_t last = first;
    if (**text == '-') {
        ++*text;
        if (!read_number(&last, text) || last < first)
            return false;
    }
    for (size_t i = first; i <= last; i++)
        add(out, i);
    return true;
}

int core_set_parse(struct core_set *out, const char *text)
{
    const char *at = text;
    bool is_good = false;
    *out = (struct core_set){0};
    while ((is_good = read_range(out, &at)) && *at == '+')
        at++;
    if (is_good && *at == '\0')
        return OK;
    return error_set(ERR_USAGE, "expected processors as in 0-3 or 0-3+8-11, below %d, found '%s'",
                     CORE_SET_SIZE, text);
}

/* ---------------------------------------------------------------- sets */

size_t core_set_first(const struct core_set *a, const struct core_set *b, bool in_b)
{
    size_t i = 0;
    while (i < CORE_SET_SIZE && !(core_set_has(a, i) && core_set_has(b, i) == in_b))
        i++;
    return i;
}

int64_t core_set_count(const struct core_set *s)
{
    int64_t n = 0;
    for (size_t i = 0; i < CORE_SET_SIZE; i++)
        n += core_set_has(s, i);
    return n;
}

/* The first processor on the same core as this one, from a list such as "0-1" or "0,64". */
static size_t first_of_core(size_t processor)
{
    char path[96], line[64], *end = line;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%zu/topology/thread_siblings_list", processor);
    file_first_line(line, sizeof line, path);
    const unsigned long first = strtoul(line, &end, 10);
    return end > line && first < CORE_SET_SIZE ? first : processor;
}

int64_t core_set_cores(const struct core_set *s)
{
    struct core_set cores = {0};
    for (size_t i = 0; i < CORE_SET_SIZE; i++)
        if (core_set_has(s, i))
            add(&cores, first_of_core(i));
    return core_set_count(&cores);
}

/* ---------------------------------------------------------------- the process */

#ifdef __linux__

void core_set_allowed(struct core_set *out, pid_t process)
{
    cpu_set_t allowed;
    *out = (struct core_set){0};
    if (sched_getaffinity(process, sizeof allowed, &allowed) != 0)
        return;
    for (size_t i = 0; i < CORE_SET_SIZE; i++)
        if (CPU_ISSET(i, &allowed))
            add(out, i);
}

bool core_set_apply(const struct core_set *s)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t i = 0; i < CORE_SET_SIZE; i++)
        if (core_set_has(s, i))
            CPU_SET(i, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

#else

void core_set_allowed(struct core_set *out, pid_t process)
{
    (void)process;
    *out = (struct core_set){0};
}

bool core_set_apply(const struct core_set *s)
{
    (void)s;
    return true;
}

#endif
