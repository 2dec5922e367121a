/* Cores, page faults and peak memory of the process. */
#ifdef __linux__
#define _GNU_SOURCE /* sched_getaffinity */ // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
#endif
#include "prompt/base/process.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* ---------------------------------------------------------------- cores */

#ifdef __linux__

/* The first line of a system file; "" if there is none. */
static void read_line(char *out, int size, const char *path)
{
    out[0] = '\0';
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    if (!fgets(out, size, f))
        out[0] = '\0';
    fclose(f);
}

/* The first processor on the same core as this one, from a list such as "0-1" or "0,64". */
static size_t first_of_core(size_t processor)
{
    char path[96], line[64], *end;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%zu/topology/thread_siblings_list", processor);
    read_line(line, sizeof line, path);
    const unsigned long first = strtoul(line, &end, 10);
    return end > line && first < CPU_SETSIZE ? first : processor;
}

static void find_allowed(struct process_limits *out)
{
    cpu_set_t allowed, cores;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    CPU_ZERO(&cores);
    for (size_t i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &allowed))
            CPU_SET(first_of_core(i), &cores);
    out->allowed = CPU_COUNT(&allowed);
    out->allowed_cores = CPU_COUNT(&cores);
}

/* The quota of the control group in whole processors, from "200000 100000" or "max 100000"; 0: unlimited. */
static int64_t quota_cores(void)
{
    char line[64], *end;
    read_line(line, sizeof line, "/sys/fs/cgroup/cpu.max");
    const int64_t quota = strtoll(line, &end, 10), period = strtoll(end, NULL, 10);
    if (quota <= 0 || period <= 0)
        return 0;
    return quota < period ? 1 : quota / period;
}

#endif

void process_find_limits(struct process_limits *out)
{
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    *out = (struct process_limits){.processors = n > 0 ? n : 0};
#ifdef __linux__
    find_allowed(out);
    out->quota = quota_cores();
#endif
}

int64_t process_cores(void)
{
    struct process_limits l;
    process_find_limits(&l);
    const int64_t n = l.allowed_cores > 0 ? l.allowed_cores : l.processors;
    const int64_t limited = l.quota > 0 && l.quota < n ? l.quota : n;
    return limited > 0 ? limited : 1;
}

/* ---------------------------------------------------------------- masks */

enum { BITS = 64, N_WORDS = sizeof(struct process_mask) / sizeof(uint64_t) };

void process_find_mask(struct process_mask *out)
{
    *out = (struct process_mask){0};
#ifdef __linux__
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    for (size_t i = 0; i < CPU_SETSIZE && i < (size_t)N_WORDS * BITS; i++)
        if (CPU_ISSET(i, &allowed))
            out->bits[i / BITS] |= UINT64_C(1) << i % BITS;
#endif
}

bool process_masks_overlap(const struct process_mask *a, const struct process_mask *b)
{
    bool found = false;
    for (size_t i = 0; i < N_WORDS; i++)
        found = found || (a->bits[i] & b->bits[i]) != 0;
    return found;
}

void process_mask_add(struct process_mask *sum, const struct process_mask *m)
{
    for (size_t i = 0; i < N_WORDS; i++)
        sum->bits[i] |= m->bits[i];
}

int64_t process_mask_count(const struct process_mask *m)
{
    int64_t n = 0;
    for (size_t i = 0; i < (size_t)N_WORDS * BITS; i++)
        n += (int64_t)(m->bits[i / BITS] >> i % BITS & 1);
    return n;
}

/* ---------------------------------------------------------------- pages */

int64_t process_minor_faults(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_minflt : 0;
}

/* A field of /proc/self/status in bytes, such as "VmHWM:"; 0 if there is none. */
static size_t status_bytes(const char *field)
{
    unsigned long kib = 0;
    FILE *status = fopen("/proc/self/status", "re");
    char line[128];
    while (status && kib == 0 && fgets(line, sizeof line, status))
        if (strncmp(line, field, strlen(field)) == 0)
            kib = strtoul(line + strlen(field), NULL, 10);
    if (status)
        fclose(status);
    return (size_t)kib * 1024;
}

void process_return_freed(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

size_t process_resident_bytes(void)
{
    process_return_freed();
    return status_bytes("VmRSS:");
}

/* clear_refs resets "VmHWM", but not ru_maxrss. */
size_t process_peak_bytes(void)
{
    const size_t bytes = status_bytes("VmHWM:");
    struct rusage usage;
    return bytes == 0 && getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss * 1024 : bytes;
}

void process_reset_peak(void)
{
    process_return_freed();
    FILE *refs = fopen("/proc/self/clear_refs", "we");
    if (!refs)
        return;
    (void)fputs("5", refs);
    fclose(refs);
}
