/* Page faults and peak memory of the process. */
#include "prompt/base/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

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

static void return_freed(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

size_t process_resident_bytes(void)
{
    return_freed();
    return status_bytes("VmRSS:");
}

/* "VmHWM" follows clear_refs, ru_maxrss does not. */
size_t process_peak_bytes(void)
{
    const size_t bytes = status_bytes("VmHWM:");
    struct rusage usage;
    return bytes == 0 && getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss * 1024 : bytes;
}

void process_reset_peak(void)
{
    return_freed();
    FILE *refs = fopen("/proc/self/clear_refs", "we");
    if (!refs)
        return;
    (void)fputs("5", refs);
    fclose(refs);
}
