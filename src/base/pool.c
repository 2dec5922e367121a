/* A pool of threads; one mutex guards all of it. */
#include "prompt/base/pool.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "prompt/base/str.h"
#include "prompt/base/thread.h"

/* A thread and the piece that it is working on. */
struct pool_thread {
    struct pool *pool;
    pthread_t id;
    int64_t piece; /* NO_PIECE while it waits */
};

static const int64_t NO_PIECE = INT64_MAX;

struct pool {
    struct pool_thread *threads;
    int64_t n_threads; /* that run */
    pthread_mutex_t mutex;
    pthread_cond_t may_begin; /* there is a piece to begin, or the pool closes */
    pthread_cond_t is_done;   /* a piece is done */
    bool is_closing;
    /* the job */
    pool_work *work;
    void *context;
    int64_t next, n; /* the pieces next .. n-1 have not begun */
    /* its failure */
    int64_t failed_piece;
    int status;
    char *message; /* owned; NULL if there was no memory for it */
};

/* Whether a piece below `end` has not begun, or has begun and is not done. */
static bool is_open(const struct pool *p, int64_t end)
{
    bool found = p->next < p->n && p->next < end;
    for (int64_t i = 0; i < p->n_threads && !found; i++)
        found = p->threads[i].piece < end;
    return found;
}

/* Keeps the failure of the lowest piece. No further piece begins; all pieces below this one have begun. */
static void note_failure(struct pool *p, int64_t piece, int status, char *message)
{
    p->n = p->next;
    if (p->status != OK && p->failed_piece < piece) {
        free(message);
        return;
    }
    free(p->message);
    p->failed_piece = piece;
    p->status = status;
    p->message = message;
}

/* Called with the mutex held, which is free while the piece is worked on. */
static void work_on_piece(struct pool *p, struct pool_thread *thread)
{
    const int64_t piece = thread->piece = p->next++;
    pthread_mutex_unlock(&p->mutex);
    const int status = p->work(p->context, piece);
    char *message = status != OK ? str_dup(error_message()) : NULL;
    pthread_mutex_lock(&p->mutex);
    thread->piece = NO_PIECE;
    if (status != OK)
        note_failure(p, piece, status, message);
    pthread_cond_signal(&p->is_done);
}

static void *run_thread(void *user)
{
    struct pool_thread *thread = user;
    struct pool *p = thread->pool;
    pthread_mutex_lock(&p->mutex);
    while (!p->is_closing) {
        if (p->next < p->n)
            work_on_piece(p, thread);
        else
            pthread_cond_wait(&p->may_begin, &p->mutex);
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

int pool_open(struct pool **out, int64_t n_threads)
{
    *out = NULL;
    struct pool *p = calloc(1, sizeof *p);
    struct pool_thread *threads = calloc((size_t)n_threads, sizeof *threads);
    if (!p || !threads) {
        free(p);
        free(threads);
        return error_out_of_memory();
    }
    p->threads = threads;
    pthread_mutex_init(&p->mutex, NULL); /* with default attributes, these three cannot fail here */
    pthread_cond_init(&p->may_begin, NULL);
    pthread_cond_init(&p->is_done, NULL);
    int status = OK;
    while (p->n_threads < n_threads && status == OK) {
        struct pool_thread *thread = &threads[p->n_threads];
        thread->pool = p;
        thread->piece = NO_PIECE;
        status = thread_start(&thread->id, run_thread, thread);
        p->n_threads += status == OK;
    }
    if (status != OK) {
        error_context("thread %" PRId64 " of %" PRId64, p->n_threads + 1, n_threads);
        pool_close(p);
        return status;
    }
    *out = p;
    return OK;
}

void pool_close(struct pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->mutex);
    p->is_closing = true;
    pthread_cond_broadcast(&p->may_begin);
    pthread_mutex_unlock(&p->mutex);
    for (int64_t i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i].id, NULL);
    pthread_cond_destroy(&p->is_done);
    pthread_cond_destroy(&p->may_begin);
    pthread_mutex_destroy(&p->mutex);
    free(p->message);
    free(p->threads);
    free(p);
}

void pool_start(struct pool *p, pool_work *work, void *context, int64_t n)
{
    pthread_mutex_lock(&p->mutex);
    free(p->message);
    p->message = NULL;
    p->status = OK;
    p->work = work;
    p->context = context;
    p->next = 0;
    p->n = n;
    pthread_cond_broadcast(&p->may_begin);
    pthread_mutex_unlock(&p->mutex);
}

void pool_extend(struct pool *p, int64_t n)
{
    pthread_mutex_lock(&p->mutex);
    if (p->status == OK)
        p->n = n;
    pthread_cond_broadcast(&p->may_begin);
    pthread_mutex_unlock(&p->mutex);
}

int pool_wait_until(struct pool *p, int64_t end)
{
    pthread_mutex_lock(&p->mutex);
    while (is_open(p, end))
        pthread_cond_wait(&p->is_done, &p->mutex);
    const int status = p->status;
    if (status != OK && p->message)
        error_set((enum status)status, "%s", p->message);
    else if (status != OK)
        error_out_of_memory();
    pthread_mutex_unlock(&p->mutex);
    return status;
}

int pool_wait(struct pool *p)
{
    return pool_wait_until(p, NO_PIECE);
}

int pool_stop(struct pool *p)
{
    pthread_mutex_lock(&p->mutex);
    p->n = p->next;
    pthread_mutex_unlock(&p->mutex);
    return pool_wait(p);
}
