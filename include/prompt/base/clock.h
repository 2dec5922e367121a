/** A clock that never goes back. */
#ifndef PROMPT_BASE_CLOCK_H
#define PROMPT_BASE_CLOCK_H

/** Seconds since an arbitrary moment; unaffected by changes of the system time. */
double clock_s(void);

#endif
