/** Ctrl-C: the first asks the loops to finish their step and save; a second one ends the process at once. */
#ifndef PROMPT_RUN_INTERRUPT_H
#define PROMPT_RUN_INTERRUPT_H

#include <stdbool.h>

/** Takes SIGINT and SIGTERM over. */
void interrupt_install(void);
bool interrupt_requested(void);

#endif
