/**
 * Threads that work on numbered pieces behind the caller's back: the pictures of the next batch, say, while
 * the model is busy with this one.
 */
#ifndef PROMPT_BASE_POOL_H
#define PROMPT_BASE_POOL_H

#include <stdint.h>

#include "prompt/base/error.h"

struct pool;

/** Does piece `piece`, in any thread; returns a status with this thread's message. */
typedef int pool_work(void *context, int64_t piece);

/** @param n_threads  >= 1. ERR_MEMORY. */
int pool_open(struct pool **out, int64_t n_threads);
/** What is not begun is dropped; what is, is waited for. */
void pool_close(struct pool *p);

/** Begins with the pieces 0 .. n-1, in this order. The pool must be idle: new, or waited for. */
void pool_start(struct pool *p, pool_work *work, void *context, int64_t n);
/** Waits until all is done. The failure of the lowest piece that failed; what comes behind it may be undone.
 */
int pool_wait(struct pool *p);

#endif
