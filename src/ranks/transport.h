/* What carries the exchanges of ranks: MPI, or nothing in a build without it. */
#ifndef PROMPT_SRC_RANKS_TRANSPORT_H
#define PROMPT_SRC_RANKS_TRANSPORT_H

#include "launcher.h"

#include <stddef.h>

enum { TRANSPORT_HOST_SIZE = 256 };

struct transport_ops;

/* Processes that exchange. */
struct transport {
    const struct transport_ops *ops;
    int rank, size;
    char host[TRANSPORT_HOST_SIZE];
};

/* Counts are bytes, of any size; blocks are in the order of ranks, one after another, and the caller's. A failure of
 * what carries them ends the job, and so does a wait of some seconds after SIGTERM, with one line. */
struct transport_ops {
    /* Waits until all have come, asleep most of the time; false if `limit_s` passes before. A transport that was
     * waited for in vain is good for `speaks` alone. */
    bool (*arrive)(struct transport *t, double limit_s);
    /* Whether this rank is the lowest of those that have waited in vain at about the same time. Of another rank it
     * takes a second, in which the lowest may end the job. */
    bool (*speaks)(struct transport *t);
    void (*gather)(struct transport *t, void *all, const void *own, const size_t *counts);
    /* to each its block of `from`; `to` has one block from each */
    void (*exchange)(struct transport *t, void *to, const size_t *to_counts, const void *from,
                     const size_t *from_counts);
    /* on the first rank; elsewhere `all` and `counts` are not used */
    void (*collect)(struct transport *t, void *all, const size_t *counts, const void *own, size_t n);
    void (*broadcast)(struct transport *t, int root, void *bytes, size_t n);
    /* `out` is owned: ops->leave frees it; NULL: out of memory. A negative colour: those of this host. */
    void (*split)(struct transport **out, struct transport *t, int color);
    void (*leave)(struct transport *t);
    void (*close)(struct transport *t);
    void (*end_job)(struct transport *t, int exit_code); /* of all ranks, at once */
};

/* The processes that the launcher started, more than one. `out` is owned: ops->close frees it. ERR_USAGE if they
 * cannot be joined; ERR_MEMORY. */
int transport_open(struct transport **out, const struct launcher *launcher);

#endif
