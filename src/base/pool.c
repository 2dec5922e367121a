/* A pool of threads; one mutex guards all of it. */
#include "prompt/base/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "prompt/base/str.h"
#include "prompt/base/thread.h"

struct pool {
    pthread_t *threads;
    int64_t n_threads; /* that run */
    pthread_mutex_t mutex;
    pthread_cond_t work_there;
    pthread_cond_t work_done;
    bool is_closing;
    /* the work at hand */
    pool_work *work;
    void *context;
    int64_t n, next, n_busy;
    /* its failure */
    int64_t failed_piece;
    int status;
    char *message; /* NULL if there was no memory for it */
};

static bool is_idle(const struct pool *p)
{
    return p->next == p->n && p->n_busy == 0;
}

/* The lowest piece's failure is kept, and no further piece begins. Pieces below it have all begun. */
static void note_failure(struct pool *p, int64_t piece, int status, char *message)
{
    p->next = p->n;
    if (p->status != OK && p->failed_piece < piece) {
        free(message);
        return;
    }
    free(p->message);
    p->failed_piece = piece;
    p->status = status;
    p->message = message;
}

/* With the mutex held before and after. */
static void work_on_piece(struct pool *p)
{
    const int64_t piece = p->next++;
    p->n_busy++;
    pthread_mutex_unlock(&p->mutex);
    const int status = p->work(p->context, piece);
    char *message = status != OK ? str_dup(error_message()) : NULL;
    pthread_mutex_lock(&p->mutex);
    p->n_busy--;
    if (status != OK)
        note_failure(p, piece, status, message);
    if (is_idle(p))
        pthread_cond_signal(&p->work_done);
}

static void *run_thread(void *user)
{
    struct pool *p = user;
    pthread_mutex_lock(&p->mutex);
    while (!p->is_closing) {
        if (p->next < p->n)
            work_on_piece(p);
        else
            pthread_cond_wait(&p->work_there, &p->mutex);
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

int pool_open(struct pool **out, int64_t n_threads)
{
    *out = NULL;
    struct pool *p = calloc(1, sizeof *p);
    pthread_t *threads = calloc((size_t)n_threads, sizeof *threads);
    if (!p || !threads) {
        free(p);
        free(threads);
        return error_out_of_memory();
    }
    p->threads = threads;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->work_there, NULL);
    pthread_cond_init(&p->work_done, NULL);
    int status = OK;
    while (p->n_threads < n_threads && status == OK) {
        status = thread_start(&p->threads[p->n_threads], run_thread, p);
        p->n_threads += status == OK;
    }
    if (status != OK) {
        error_context("thread %lld of %lld", (long long)p->n_threads + 1, (long long)n_threads);
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
    pthread_cond_broadcast(&p->work_there);
    pthread_mutex_unlock(&p->mutex);
    for (int64_t i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->work_done);
    pthread_cond_destroy(&p->work_there);
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
    p->n = n;
    p->next = 0;
    pthread_cond_broadcast(&p->work_there);
    pthread_mutex_unlock(&p->mutex);
}

int pool_wait(struct pool *p)
{
    pthread_mutex_lock(&p->mutex);
    while (!is_idle(p))
        pthread_cond_wait(&p->work_done, &p->mutex);
    const int status = p->status;
    if (status != OK && p->message)
        error_set((enum status)status, "%s", p->message);
    else if (status != OK)
        error_out_of_memory();
    pthread_mutex_unlock(&p->mutex);
    return status;
}
