/* The thread that saves at a signal. */
#include "prompt/run/saver.h"

#include <stdlib.h>

#include "prompt/base/clock.h"
#include "prompt/base/file.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/lock.h"
#include "prompt/base/thread.h"

/* Copies are INTERVAL_S apart or more, and take at most a tenth of the time. */
static const double INTERVAL_S = 0.3, REST_PER_COPY = 10.0;

struct saver {
    const char *path;
    int lock; /* of the folder */
    pthread_t thread;
    pthread_mutex_t mutex; /* also held while a file is written */
    struct str bytes;      /* empty: everything is on the disk already */
    bool is_closing;
    double begun_s, copied_s, copy_s; /* start, end and duration of the last copy; the loop's own */
};

/* A failure is ignored: the loop ends now and writes its own checkpoint, whose failure is reported. */
static void write_bytes(struct saver *s)
{
    if (s->bytes.len > 0 && !s->bytes.failed)
        (void)file_write_atomic(s->path, s->bytes.data, s->bytes.len);
    str_clear(&s->bytes);
}

static void *run_saver(void *user)
{
    struct saver *s = user;
    bool is_closing = false;
    while (!is_closing) {
        const bool has_come = interrupt_wait();
        pthread_mutex_lock(&s->mutex);
        is_closing = s->is_closing;
        if (has_come && !is_closing) {
            lock_mark_ending(s->lock);
            write_bytes(s);
        }
        pthread_mutex_unlock(&s->mutex);
    }
    return NULL;
}

int saver_open(struct saver **out, const char *path, int lock)
{
    *out = NULL;
    struct saver *s = calloc(1, sizeof *s);
    if (!s)
        return error_out_of_memory();
    s->path = path;
    s->lock = lock;
    s->copied_s = clock_s();
    pthread_mutex_init(&s->mutex, NULL);
    if (thread_start(&s->thread, run_saver, s) != OK) {
        pthread_mutex_destroy(&s->mutex);
        free(s);
        return error_context("the thread that saves at a signal");
    }
    *out = s;
    return OK;
}

bool saver_is_due(const struct saver *s)
{
    const double interval_s = REST_PER_COPY * s->copy_s;
    return clock_s() - s->copied_s >= (interval_s > INTERVAL_S ? interval_s : INTERVAL_S);
}

struct str *saver_begin(struct saver *s)
{
    pthread_mutex_lock(&s->mutex);
    s->begun_s = clock_s();
    str_clear(&s->bytes);
    return &s->bytes;
}

int saver_end(struct saver *s, int status)
{
    if (status != OK)
        str_clear(&s->bytes);
    s->copied_s = clock_s();
    s->copy_s = s->copied_s - s->begun_s;
    pthread_mutex_unlock(&s->mutex);
    return status;
}

void saver_close(struct saver *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->mutex);
    s->is_closing = true;
    pthread_mutex_unlock(&s->mutex);
    interrupt_wake();
    pthread_join(s->thread, NULL);
    pthread_mutex_destroy(&s->mutex);
    str_free(&s->bytes);
    free(s);
}
