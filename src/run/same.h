/** What must be the same on all ranks, compared before they work together. */
#ifndef PROMPT_SRC_RUN_SAME_H
#define PROMPT_SRC_RUN_SAME_H

#include "prompt/run/session.h"

/** A part of what a rank works on; borrowed texts. */
struct same_part {
    const char *what;  /* "the few-shot sample" */
    const char *value; /* a digest, or lines */
};

/**
 * Compares program, machine and these parts with the first rank's. All ranks call it with the same parts.
 * @return OK; ERR_USAGE naming the first part that differs, both ranks and both values
 */
int same_check(const struct session *s, const struct same_part *parts, size_t n);

#endif
