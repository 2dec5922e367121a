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

/* "VmHWM" follows clear_refs, ru_maxrss does not. */
size_t process_peak_bytes(void)
{
    unsigned long kib = 0;
    FILE *status = fopen("/proc/self/status", "re");
    char line[128];
    while (status && kib == 0 && fgets(line, sizeof line, status))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtoul(line + 6, NULL, 10);
    if (status)
        fclose(status);
    struct rusage usage;
    if (kib == 0 && getrusage(RUSAGE_SELF, &usage) == 0)
        kib = (unsigned long)usage.ru_maxrss;
    return (size_t)kib * 1024;
}

void process_reset_peak(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    FILE *refs = fopen("/proc/self/clear_refs", "we");
    if (!refs)
        return;
    (void)fputs("5", refs);
    fclose(refs);
}
