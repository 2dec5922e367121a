/* Cores, time, page faults and peak memory of the process. */
#include "prompt/base/process.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "prompt/base/core_set.h"
#include "prompt/base/file.h"

/* ---------------------------------------------------------------- cores */

#ifdef __linux__

enum { PATH_SIZE = 4096 };

/* A quota in whole processors; 0: none. */
static int64_t whole(int64_t quota, int64_t period)
{
    if (quota <= 0 || period <= 0)
        return 0;
    return quota < period ? 1 : quota / period;
}

/* The quota of one group: cpu.max holds "200000 100000" or "max 100000"; version 1 has two files, -1 is none. */
static int64_t group_quota(const char *folder, bool is_v2)
{
    char path[PATH_SIZE + 32], line[64], *end;
    snprintf(path, sizeof path, "%s/%s", folder, is_v2 ? "cpu.max" : "cpu.cfs_quota_us");
    file_first_line(line, sizeof line, path);
    const int64_t quota = strtoll(line, &end, 10);
    if (!is_v2) {
        snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
        file_first_line(line, sizeof line, path);
        end = line;
    }
    return whole(quota, strtoll(end, NULL, 10));
}

/* The smallest quota of a group and of those around it, up to the mount; in a container the group's own folder
 * may not be visible, but its mount is the container's group. */
static int64_t smallest_quota(const char *mount, const char *group, bool is_v2)
{
    char folder[PATH_SIZE];
    const int n = snprintf(folder, sizeof folder, "%s%s", mount, group);
    int64_t smallest = 0;
    if (n < 0 || (size_t)n >= sizeof folder)
        return group_quota(mount, is_v2);
    for (char *end = folder + n; end >= folder + strlen(mount); end = strrchr(folder, '/')) {
        *end = '\0';
        const int64_t quota = group_quota(folder, is_v2);
        if (quota > 0 && (smallest == 0 || quota < smallest))
            smallest = quota;
    }
    return smallest;
}

/* Whether a list such as "cpu,cpuacct" has "cpu". */
static bool has_cpu(const char *list, size_t n)
{
    static const char cpu[] = "cpu";
    for (const char *at = list; at < list + n; at += strcspn(at, ",:") + 1)
        if (strncmp(at, cpu, 3) == 0 && (at[3] == ',' || at[3] == ':'))
            return true;
    return false;
}

/* The quota of the process's control groups in whole processors; 0: unlimited. Lines are "0::/group" (version
 * 2) and "4:cpu,cpuacct:/group" (version 1). */
static int64_t quota_cores(void)
{
    char line[PATH_SIZE];
    int64_t smallest = 0;
    FILE *f = fopen("/proc/self/cgroup", "re");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        const char *list = strchr(line, ':'), *group = list ? strchr(list + 1, ':') : NULL;
        if (!group)
            continue;
        const bool is_v2 = group == list + 1;
        if (!is_v2 && !has_cpu(list + 1, (size_t)(group - list - 1)))
            continue;
        const int64_t quota =
            smallest_quota(is_v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu", group + 1, is_v2);
        if (quota > 0 && (smallest == 0 || quota < smallest))
            smallest = quota;
    }
    if (f)
        fclose(f);
    return smallest;
}

#endif

void process_find_limits(struct process_limits *out)
{
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    struct core_set allowed;
    core_set_allowed(&allowed, 0);
    *out = (struct process_limits){.processors = n > 0 ? n : 0,
                                   .allowed = core_set_count(&allowed),
                                   .allowed_cores = core_set_cores(&allowed)};
#ifdef __linux__
    out->quota = quota_cores();
#endif
    const char *lent = getenv("SLURM_CPUS_ON_NODE");
    if (lent)
        out->lent = strtoll(lent, NULL, 10);
}

int64_t process_cores(void)
{
    struct process_limits l;
    process_find_limits(&l);
    int64_t n = l.allowed_cores > 0 ? l.allowed_cores : l.processors;
    const int64_t limits[] = {l.quota, l.lent};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        n = limits[i] > 0 && limits[i] < n ? limits[i] : n;
    return n > 0 ? n : 1;
}

double process_cpu_s(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0 ? (double)t.tv_sec + 1e-9 * (double)t.tv_nsec
                                                            : 0.0;
}

/* A thread's schedstat holds ns of computing, ns of waiting for a processor, and a count. */
static double delay_of(const char *thread)
{
    char path[64], line[128], *end;
    snprintf(path, sizeof path, "/proc/self/task/%.20s/schedstat", thread);
    file_first_line(line, sizeof line, path);
    (void)strtoull(line, &end, 10);
    return 1e-9 * (double)strtoull(end, NULL, 10);
}

double process_delay_s(void)
{
    double sum = 0.0;
    DIR *threads = opendir("/proc/self/task");
    for (struct dirent *d; threads && (d = readdir(threads));)
        if (d->d_name[0] != '.')
            sum += delay_of(d->d_name);
    if (threads)
        closedir(threads);
    return sum;
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
