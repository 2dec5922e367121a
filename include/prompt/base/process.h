/** What this process has used, and may use, of the machine. */
#ifndef PROMPT_BASE_PROCESS_H
#define PROMPT_BASE_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Cores that this process may keep busy, at least 1: those it may run on, two threads of one core counted
 * once, and no more than its control group has time for (Linux; elsewhere the machine's processors).
 */
int64_t process_cores(void);
/** Pages that were given to the process without reading a disk, since its start. */
int64_t process_minor_faults(void);
/** What is resident after freed memory was returned to the system; 0 where the system does not tell. */
size_t process_resident_bytes(void);
/** The largest resident size since the start, or since process_reset_peak where the system can reset it. */
size_t process_peak_bytes(void);
/** Returns freed memory to the system and starts a new peak (Linux; elsewhere the old one stands). */
void process_reset_peak(void);

#ifdef __cplusplus
}
#endif

#endif
