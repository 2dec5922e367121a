/* Cores, page faults and peak memory of the process. */
#include "prompt/base/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "prompt/base/core_set.h"

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
    struct core_set allowed;
    core_set_allowed(&allowed);
    *out = (struct process_limits){.processors = n > 0 ? n : 0,
                                   .allowed = core_set_count(&allowed),
                                   .allowed_cores = core_set_cores(&allowed)};
#ifdef __linux__
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
