/**
 * The processes, called ranks, that work on one command together: mpirun or srun starts them, MPI carries what
 * they exchange. Free of libtorch, and built without MPI, too; then, and without a launcher, there is one rank.
 *
 * `struct ranks *` may be NULL in every function: one rank, which is the first. Each exchange must be called
 * by all ranks in the same order. A rank that waits for others sleeps most of the time. A failure of MPI
 * itself ends the job.
 */
#ifndef PROMPT_RANKS_RANKS_H
#define PROMPT_RANKS_RANKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/base/dtype.h"
#include "prompt/base/str.h"

struct ranks;

/* ---------------------------------------------------------------- start and end */

/**
 * Starts MPI if a launcher's environment says that this step has more than one process; else `*out` is NULL.
 * @param out  owned: ranks_close frees it
 * @return OK; ERR_USAGE if there are more processes than MPI can join: built without it, started by the
 *         mpirun of another MPI, or by srun without PMIx. Only the first process has a message then
 */
int ranks_open(struct ranks **out);

/** For a command that is one process: ERR_USAGE if a launcher started several. Only the first has a message then. */
int ranks_check_one(const char *command);

/**
 * The end of the command with each rank's status: waits until all have come to it. A rank that fails waits two
 * seconds for the others; one that does not waits without limit, as they may be at work.
 * @return a status that is the same on all ranks that are still there; the first failure's message is the
 *         first rank's, or that of the lowest rank that waited in vain, and then names rank and host; the others
 *         have none
 */
int ranks_end(struct ranks *r, int status);
/** Ends MPI after ranks_end. If a rank was missing there, ends the whole job with this exit code. */
void ranks_close(struct ranks *r, int exit_code);

/* ---------------------------------------------------------------- who they are */

int64_t ranks_size(const struct ranks *r);
int64_t ranks_rank(const struct ranks *r); /* from 0 */
bool ranks_is_first(const struct ranks *r);
int64_t ranks_local_size(const struct ranks *r); /* ranks on this host */
int64_t ranks_local_rank(const struct ranks *r);
/** Cores for this rank's threads: those of its affinity, shared with the ranks of the host that may run on the
 * same ones. */
int64_t ranks_cores(const struct ranks *r);
/** Appends advice if mpirun bound each rank of this host to one of more processors; else nothing. */
void ranks_describe_cores(struct str *out, const struct ranks *r);

/** A group of those ranks that give the same colour, in their order. `out` is owned: ranks_leave frees it; NULL of one
 * rank without a launcher. All ranks call it. ERR_MEMORY. */
int ranks_split(struct ranks **out, const struct ranks *r, int64_t color);
void ranks_leave(struct ranks *group); /* NULL: nothing */

/* ---------------------------------------------------------------- exchanges */

/** Sums over ranks in their order, in place: every rank gets the same bits. F32, F64 or I64. ERR_MEMORY. */
int ranks_sum(struct ranks *r, void *values, size_t n, enum dtype dtype);
/**
 * The same, but each rank gets its own block alone. ERR_MEMORY.
 * @param own     [counts[rank]]
 * @param all     [sum of counts], the blocks of all ranks
 * @param counts  [size]
 */
int ranks_sum_block(struct ranks *r, void *own, const void *all, const size_t *counts, enum dtype dtype);
/** Puts the blocks of all ranks together, in their order: [sum of counts] bytes on every rank. Always OK. */
int ranks_gather(struct ranks *r, void *all, const void *own, const size_t *counts);
/** The same on the first rank alone, with sizes that only their owner knows. `all` is appended to, and
 * `sizes` [size] filled, on the first rank; elsewhere both may be NULL. ERR_MEMORY. */
int ranks_collect(struct ranks *r, struct str *all, size_t *sizes, const void *own, size_t n);
/** The first rank's bytes, on all. Always OK. */
int ranks_broadcast(struct ranks *r, void *bytes, size_t n);
/** The first rank's text replaces that of the others. ERR_MEMORY. */
int ranks_broadcast_text(struct ranks *r, struct str *text);
/** OK if `status` is OK on all ranks. Else all get the first failure, whose message names rank and host unless
 * all failed alike. */
int ranks_agree(struct ranks *r, int status);

/** The first rank's status, with its message, for what it alone does. */
int ranks_follow(struct ranks *r, int status);

/** Seconds that this rank has spent in exchanges so far: waiting until all had come, and moving data. */
struct ranks_time {
    double wait_s, move_s;
};
struct ranks_time ranks_time(const struct ranks *r);

#endif
