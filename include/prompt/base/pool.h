/**
 * Threads that do the numbered pieces of a job while the caller does something else: the pictures of the next
 * batches, say, while the model is busy with this one.
 */
#ifndef PROMPT_BASE_POOL_H
#define PROMPT_BASE_POOL_H

#include <stdint.h>

#include "prompt/base/error.h"

struct pool;

/** Does piece `piece`, in any thread; returns a status with this thread's message. */
typedef int pool_work(void *context, int64_t piece);

/**
 * @param out        owned, for pool_close; NULL after a failure
 * @param n_threads  >= 1
 * @return OK; ERR_MEMORY, also for a thread that the system does not start
 */
int pool_open(struct pool **out, int64_t n_threads);
/** Drops the pieces that have not begun, waits for the others and ends the threads. */
void pool_close(struct pool *p);

/**
 * Begins a job with the pieces 0 .. n-1, in this order. The pool must be idle: new, or after pool_wait or
 * pool_stop.
 * @param context  borrowed until the pool is idle again
 */
void pool_start(struct pool *p, pool_work *work, void *context, int64_t n);
/** Adds pieces to the job, up to n-1; none after a failure. */
void pool_extend(struct pool *p, int64_t n);

/**
 * Waits until the pieces below `end` are done.
 * @return OK, or the failure of the lowest piece that failed, with its message; pieces above it may be undone
 */
int pool_wait_until(struct pool *p, int64_t end);
/** Waits until all pieces are done. Returns as pool_wait_until. */
int pool_wait(struct pool *p);
/** Drops the pieces that have not begun and waits for the others. Returns as pool_wait_until. */
int pool_stop(struct pool *p);

#endif
