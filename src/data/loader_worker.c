/* The loader's threads: each takes the next place, decodes or fetches its image, transforms and normalizes
 * it. */
#include <stdlib.h>
#include <string.h>

#include "loader_internal.h"
#include "prompt/base/rng.h"
#include "prompt/base/str.h"
#include "prompt/base/thread.h"
#include "prompt/image/transform.h"

/* The item's pixels, from the cache or the disk; `*is_cached` tells whether the cache owns them. */
static int decode_item(struct image *out, bool *is_cached, struct loader *l, size_t item)
{
    pthread_mutex_lock(&l->mutex);
    *out = l->cache[item];
    pthread_mutex_unlock(&l->mutex);
    *is_cached = out->pixels != NULL;
    if (*is_cached)
        return OK;
    char *path = item_file(l->image_dir, &l->list->items[item]);
    int status = path ? image_read(out, path) : ERR_MEMORY;
    free(path);
    if (status != OK)
        return status;
    size_t n_bytes = (size_t)(out->width * out->height * LOADER_CHANNELS);
    pthread_mutex_lock(&l->mutex);
    if (n_bytes > l->options.cache_bytes - l->cache_used_bytes)
        l->is_cache_full = true;
    if (!l->is_cache_full) {
        l->cache[item] = *out;
        l->cache_used_bytes += n_bytes;
        *is_cached = true;
    }
    pthread_mutex_unlock(&l->mutex);
    return OK;
}

static int prepare_item(float *pixels, const char **damage, struct loader *l, int64_t epoch, size_t item)
{
    const struct loader_options *o = &l->options;
    struct image decoded = {0};
    struct image input = {0};
    bool is_cached = false;
    int status = decode_item(&decoded, &is_cached, l, item);
    if (status == OK && o->augment) {
        struct rng rng;
        rng_init(&rng, o->seed, RNG_AUGMENT, (uint64_t)epoch, item);
        status = transform_train(&input, &decoded, &o->preprocess, o->crop_scale_min, &rng);
    } else if (status == OK) {
        status = transform_test(&input, &decoded, &o->preprocess);
    }
    if (status == OK)
        transform_normalize(pixels, &input, &o->preprocess);
    *damage = decoded.damage;
    image_free(&input);
    if (!is_cached)
        image_free(&decoded);
    return status;
}

static bool may_take(const struct loader *l)
{
    return l->next_place < l->n_places && l->next_place / l->options.batch_size < l->lent_batch + l->n_slots;
}

/* Takes one place, with the mutex held before and after. */
static void work_on_place(struct loader *l)
{
    const int64_t place = l->next_place++;
    const int64_t row = place % l->options.batch_size;
    const int64_t epoch = l->epoch;
    const size_t item = l->order[place];
    const bool is_bad = l->is_bad[item];
    struct slot *slot = &l->slots[place / l->options.batch_size % l->n_slots];
    l->n_in_work++;
    pthread_mutex_unlock(&l->mutex);

    struct failure failure = {0};
    if (is_bad)
        failure.status = ERR_FORMAT;
    else
        failure.status = prepare_item(slot->pixels + row * l->image_floats, &failure.damage, l, epoch, item);
    if (failure.status != OK && !is_bad)
        failure.message = str_dup(error_message());

    pthread_mutex_lock(&l->mutex);
    slot->labels[row] = l->list->items[item].label;
    slot->items[row] = item;
    slot->failures[row] = failure;
    slot->n_done++;
    l->n_in_work--;
    pthread_cond_signal(&l->ready);
}

static void *run_worker(void *user)
{
    struct loader *l = user;
    pthread_mutex_lock(&l->mutex);
    while (!l->is_stopping) {
        if (may_take(l))
            work_on_place(l);
        else
            pthread_cond_wait(&l->work, &l->mutex);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

int loader_start_workers(struct loader *l)
{
    int status = OK;
    while (l->n_started < l->options.n_workers && status == OK) {
        status = thread_start(&l->workers[l->n_started], run_worker, l);
        l->n_started += status == OK;
    }
    return status == OK ? OK
                        : error_context("decoding thread %lld of %lld", (long long)l->n_started + 1,
                                        (long long)l->options.n_workers);
}

void loader_stop_workers(struct loader *l)
{
    pthread_mutex_lock(&l->mutex);
    l->is_stopping = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mutex);
    for (int64_t i = 0; i < l->n_started; i++)
        pthread_join(l->workers[i], NULL);
}
