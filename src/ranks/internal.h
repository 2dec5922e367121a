/* What the files of ranks share. */
#ifndef PROMPT_SRC_RANKS_INTERNAL_H
#define PROMPT_SRC_RANKS_INTERNAL_H

#include "prompt/base/core_set.h"
#include "prompt/ranks/ranks.h"
#include "transport.h"

/* A rank's status and what its message begins with. */
struct verdict {
    int status;
    char message[252];
};

struct ranks {
    struct transport *all,
        *end; /* the same ranks; `end` for ranks_end alone, which others may miss; of a group NULL */
    struct verdict *verdicts; /* [size], owned */
    size_t *counts;           /* [size], owned */
    int local_size, local_rank;
    struct core_set *cores; /* [local_size], where this host's ranks may run, owned */
    bool is_broken;         /* a rank was missing at the end */
    struct ranks_time time;
};

/* Waits for all. What follows moves data, until ranks_end_exchange with what this returns. */
double ranks_begin_exchange(struct ranks *r);
void ranks_end_exchange(struct ranks *r, double start_s);
/* The text of `root` on all ranks. ERR_MEMORY. */
int ranks_send_text(struct transport *t, int root, struct str *text);

#endif
