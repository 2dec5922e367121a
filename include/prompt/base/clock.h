/** The time that only goes forward. */
#ifndef PROMPT_BASE_CLOCK_H
#define PROMPT_BASE_CLOCK_H

/** Seconds since an arbitrary moment; neither the user nor the network sets this clock. */
double clock_s(void);

#endif
