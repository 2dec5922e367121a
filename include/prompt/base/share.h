/** Things in a row that several take a share of. */
#ifndef PROMPT_BASE_SHARE_H
#define PROMPT_BASE_SHARE_H

#include <stdint.h>

struct share {
    int64_t first, n;
};

/** Share `part` of n things: the first n mod n_parts shares have one more than the others. More things never make a
 * share smaller. */
struct share share_of(int64_t n, int64_t part, int64_t n_parts);

#endif
