/** Cores and memory of this process. */
#ifndef PROMPT_BASE_PROCESS_H
#define PROMPT_BASE_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The number of cores that this process can keep busy, at least 1: those in its affinity mask, two threads of
 * a core counted once, limited by the quotas of its control group and of those around it (Linux; elsewhere the
 * machine's processors), and by what Slurm lends, which need not bind a process to it (TaskPlugin=task/none).
 * Ranks of one step on this machine share it.
 */
int64_t process_cores(void);

/** What process_cores follows from. */
struct process_limits {
    int64_t processors;    /* of the machine, that are online; 0: unknown, like the others */
    int64_t allowed;       /* processors in the affinity mask */
    int64_t allowed_cores; /* the same, two threads of a core counted once */
    int64_t quota;         /* the smallest of the control groups', in whole processors; 0: also without one */
    int64_t lent; /* processors of this machine that Slurm lends to the job or step; 0: also without it */
};
void process_find_limits(struct process_limits *out);

/** Seconds that the process's threads have computed, all together. */
double process_cpu_s(void);
/** Seconds that the process's present threads were ready to compute and waited for a processor, all together; 0 where
 * the system does not tell (Linux does). */
double process_delay_s(void);
/** Page faults since the start that needed no disk. */
int64_t process_minor_faults(void);
/** Returns freed memory to the system; costs milliseconds, and the page faults of what is allocated next. */
void process_return_freed(void);
/** The resident size after freed memory is returned to the system; 0 where the system does not tell. */
size_t process_resident_bytes(void);
/** The largest resident size since the start, or since process_reset_peak where the system can reset it. */
size_t process_peak_bytes(void);
/** Returns freed memory to the system and starts a new peak (Linux; elsewhere the old peak stays). */
void process_reset_peak(void);

#ifdef __cplusplus
}
#endif

#endif
