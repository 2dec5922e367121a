/*
 * Worker threads that decode ahead of the model into a ring of batches.
 *
 * An epoch is a sequence of places 0 .. n_places - 1; place p holds item order[p], belongs to batch p /
 * batch_size, and that batch lives in slot (batch % n_slots). Workers take places in order, one image at a
 * time, as long as the place's batch is less than n_slots ahead of the one lent to the caller. Whatever a
 * worker computes depends on the place's item and epoch alone, so which worker takes it changes nothing.
 *
 * One mutex guards every field below "shared"; pixels of a place are written by the one worker that took it
 * and read by the caller after all places of the batch are done. Failures stay with their place until the
 * caller's thread reaches the batch: the first failure in the order of the epoch is reported, not the first
 * in time.
 */
#include "prompt/data/loader.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "prompt/base/rng.h"
#include "prompt/base/str.h"
#include "prompt/data/image.h"
#include "prompt/data/transform.h"

enum { CHANNELS = 3 };

struct failure {
    int status; /* OK if the image is there */
    char *message;
};

struct slot {
    float *pixels;   /* [batch_size, 3, image_px, image_px] */
    int64_t *labels; /* [batch_size] */
    size_t *items;   /* [batch_size] */
    struct failure *failures;
    int64_t n_done;
};

struct loader {
    struct loader_options options;
    const struct item_list *list;
    char *image_dir;
    int64_t image_floats; /* 3 * image_px * image_px */
    int64_t n_batches;
    int64_t n_slots;
    struct slot *slots;
    pthread_t *workers;
    int64_t n_started; /* of workers */

    pthread_mutex_t mutex;
    pthread_cond_t work;  /* a place may be taken, or stop */
    pthread_cond_t ready; /* a place is done */
    /* shared */
    bool is_stopping;
    int64_t epoch;
    size_t *order;       /* [list->n]; constant while a place is in work */
    int64_t n_places;    /* of this epoch */
    int64_t next_place;  /* the first that nobody took */
    int64_t n_in_work;   /* taken and not done */
    int64_t lent_batch;  /* the caller has it or waits for it; workers stay below lent_batch + n_slots */
    struct image *cache; /* [list->n], pixels NULL if not kept; an item is in work at most once at a time */
    size_t cache_used_bytes;
    bool is_cache_full;
    bool *is_bad; /* [list->n] skipped before: not read again */

    /* the caller's thread alone */
    bool has_lent; /* lent_batch is in the caller's hands */
    int64_t n_delivered;
    size_t n_skipped;
    char *first_skipped;
};

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---------------------------------------------------------------- workers */

/* The item's pixels, from the cache or the disk; `*is_cached` tells whether the cache owns them. */
static int decode_item(struct image *out, bool *is_cached, struct loader *l, size_t item)
{
    pthread_mutex_lock(&l->mutex);
    *out = l->cache[item];
    pthread_mutex_unlock(&l->mutex);
    *is_cached = out->pixels != NULL;
    if (*is_cached)
        return OK;
    char *path = path_join(l->image_dir, l->list->items[item].path);
    int status = path ? image_read(out, path) : ERR_MEMORY;
    free(path);
    if (status != OK)
        return status;
    size_t n_bytes = (size_t)(out->width * out->height * CHANNELS);
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

static int prepare_item(float *pixels, struct loader *l, int64_t epoch, size_t item)
{
    const struct loader_options *o = &l->options;
    struct image decoded = {0};
    struct image input = {0};
    bool is_cached = false;
    int status = decode_item(&decoded, &is_cached, l, item);
    if (status == OK && o->augment) {
        struct rng rng;
        rng_init(&rng, o->seed, RNG_AUGMENT, (uint64_t)epoch, item);
        status = transform_train(&input, &decoded, o->image_px, o->crop_scale_min, &rng);
    } else if (status == OK) {
        status = transform_test(&input, &decoded, o->image_px);
    }
    if (status == OK)
        transform_normalize(pixels, &input);
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
        failure.status = prepare_item(slot->pixels + row * l->image_floats, l, epoch, item);
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

/* Signals are for the caller's thread: Ctrl-C must not interrupt a read in here. Faults stay deliverable. */
static int start_workers(struct loader *l)
{
    sigset_t blocked;
    sigset_t before;
    sigfillset(&blocked);
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int reason = 0;
    while (l->n_started < l->options.n_workers && reason == 0) {
        reason = pthread_create(&l->workers[l->n_started], NULL, run_worker, l);
        l->n_started += reason == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (reason != 0)
        return error_set(ERR_MEMORY, "cannot start decoding thread %lld of %lld: %s",
                         (long long)l->n_started + 1, (long long)l->options.n_workers, strerror(reason));
    return OK;
}

/* ---------------------------------------------------------------- open and close */

static int check_options(const struct loader_options *o, const struct item_list *items)
{
    const int64_t side_max = 1 << 14;
    if (items->n == 0)
        return error_set(ERR_USAGE, "there is no image to load");
    if (o->image_px < 1 || o->image_px > side_max)
        return error_set(ERR_USAGE, "expected images of 1 to %lld pixels, found %lld", (long long)side_max,
                         (long long)o->image_px);
    if (o->batch_size < 1 || o->batch_size > INT32_MAX)
        return error_set(ERR_USAGE, "expected a batch size from 1, found %lld", (long long)o->batch_size);
    if (o->n_workers < 1 || o->n_workers > 1024)
        return error_set(ERR_USAGE, "expected 1 to 1024 decoding threads, found %lld",
                         (long long)o->n_workers);
    if (o->augment && !(o->crop_scale_min > 0.0 && o->crop_scale_min <= 1.0))
        return error_set(ERR_USAGE, "expected a smallest crop above 0 and up to 1, found %g",
                         o->crop_scale_min);
    return OK;
}

static int slot_init(struct slot *s, int64_t batch_size, int64_t image_floats)
{
    size_t n = (size_t)batch_size;
    s->pixels = calloc(n, (size_t)image_floats * sizeof *s->pixels); /* refuses a product that overflows */
    s->labels = calloc(n, sizeof *s->labels);
    s->items = calloc(n, sizeof *s->items);
    s->failures = calloc(n, sizeof *s->failures);
    return s->pixels && s->labels && s->items && s->failures ? OK : error_out_of_memory();
}

static void slot_reset(struct slot *s, int64_t batch_size)
{
    for (int64_t row = 0; s->failures && row < batch_size; row++) {
        free(s->failures[row].message);
        s->failures[row] = (struct failure){0};
    }
    s->n_done = 0;
}

static int allocate(struct loader *l, const char *image_dir)
{
    const struct loader_options *o = &l->options;
    const int64_t n_items = (int64_t)l->list->n;
    if (o->batch_size > n_items)
        l->options.batch_size = n_items;
    l->n_batches = n_items / o->batch_size + (!o->drop_last && n_items % o->batch_size != 0);
    l->image_floats = CHANNELS * o->image_px * o->image_px;
    /* one lent, one being filled, one ahead; more if a batch is too small to keep every worker busy */
    l->n_slots = min_i64(l->n_batches, 3 + o->n_workers / o->batch_size);
    l->image_dir = str_dup(image_dir);
    l->order = calloc(l->list->n, sizeof *l->order);
    l->cache = calloc(l->list->n, sizeof *l->cache);
    l->is_bad = calloc(l->list->n, sizeof *l->is_bad);
    l->workers = calloc((size_t)o->n_workers, sizeof *l->workers);
    l->slots = calloc((size_t)l->n_slots, sizeof *l->slots);
    if (!l->image_dir || !l->order || !l->cache || !l->is_bad || !l->workers || !l->slots)
        return error_out_of_memory();
    int status = OK;
    for (int64_t i = 0; status == OK && i < l->n_slots; i++)
        status = slot_init(&l->slots[i], o->batch_size, l->image_floats);
    return status;
}

int loader_open(struct loader **out, const struct item_list *items, const char *image_dir,
                const struct loader_options *options)
{
    *out = NULL;
    int status = check_options(options, items);
    if (status != OK)
        return status;
    struct loader *l = calloc(1, sizeof *l);
    if (!l)
        return error_out_of_memory();
    l->options = *options;
    l->list = items;
    pthread_mutex_init(&l->mutex, NULL); /* with default attributes, these three cannot fail here */
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->ready, NULL);
    status = allocate(l, image_dir);
    if (status == OK)
        status = start_workers(l);
    if (status != OK) {
        loader_close(l);
        return status;
    }
    *out = l;
    return OK;
}

void loader_close(struct loader *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->mutex);
    l->is_stopping = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mutex);
    for (int64_t i = 0; i < l->n_started; i++)
        pthread_join(l->workers[i], NULL);
    pthread_cond_destroy(&l->ready);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->mutex);
    for (int64_t i = 0; l->slots && i < l->n_slots; i++) {
        slot_reset(&l->slots[i], l->options.batch_size);
        free(l->slots[i].pixels);
        free(l->slots[i].labels);
        free(l->slots[i].items);
        free(l->slots[i].failures);
    }
    for (size_t i = 0; l->cache && i < l->list->n; i++)
        image_free(&l->cache[i]);
    free(l->slots);
    free(l->cache);
    free(l->is_bad);
    free(l->order);
    free(l->workers);
    free(l->image_dir);
    free(l->first_skipped);
    free(l);
}

/* ---------------------------------------------------------------- the caller's side */

int64_t loader_n_batches(const struct loader *l)
{
    return l->n_batches;
}

int loader_start(struct loader *l, int64_t epoch, int64_t first_batch)
{
    if (epoch < 0 || epoch > UINT32_MAX || first_batch < 0)
        return error_set(ERR_USAGE, "expected an epoch and a first batch from 0, found %lld and %lld",
                         (long long)epoch, (long long)first_batch);
    pthread_mutex_lock(&l->mutex);
    l->n_places = 0; /* nothing more is taken; what is in work ends within one image */
    while (l->n_in_work > 0)
        pthread_cond_wait(&l->ready, &l->mutex);
    for (int64_t i = 0; i < l->n_slots; i++)
        slot_reset(&l->slots[i], l->options.batch_size);
    for (size_t i = 0; i < l->list->n; i++)
        l->order[i] = i;
    if (l->options.shuffle) {
        struct rng rng;
        rng_init(&rng, l->options.seed, RNG_ORDER, (uint64_t)epoch, 0);
        rng_shuffle(&rng, l->order, l->list->n);
    }
    first_batch = min_i64(first_batch, l->n_batches);
    l->epoch = epoch;
    l->n_places = min_i64((int64_t)l->list->n, l->n_batches * l->options.batch_size);
    l->next_place = first_batch * l->options.batch_size;
    l->lent_batch = first_batch;
    l->has_lent = false;
    l->n_delivered = first_batch; /* batches before a resume had their images */
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mutex);
    return OK;
}

/* Counts the bad image of a row that is left out, once. */
static void count_skipped(struct loader *l, size_t item, struct failure *failure)
{
    if (l->is_bad[item])
        return;
    l->is_bad[item] = true;
    l->n_skipped++;
    if (!l->first_skipped) {
        l->first_skipped = failure->message;
        failure->message = NULL;
    }
}

/* Leaves the good rows of a finished batch together at its front; the first failure if none may be left out.
 */
static int collect(int64_t *n_good, struct loader *l, struct slot *slot, int64_t n)
{
    *n_good = 0;
    for (int64_t row = 0; row < n; row++) {
        struct failure *failure = &slot->failures[row];
        bool is_skipped =
            l->options.skip_bad_images && (failure->status == ERR_IO || failure->status == ERR_FORMAT);
        if (is_skipped) {
            count_skipped(l, slot->items[row], failure);
            continue;
        }
        if (failure->status != OK)
            return error_set((enum status)failure->status, "%s",
                             failure->message ? failure->message : "out of memory");
        if (*n_good < row) {
            memcpy(slot->pixels + *n_good * l->image_floats, slot->pixels + row * l->image_floats,
                   (size_t)l->image_floats * sizeof *slot->pixels);
            slot->labels[*n_good] = slot->labels[row];
            slot->items[*n_good] = slot->items[row];
        }
        ++*n_good;
    }
    return OK;
}

/* Gives the lent batch's slot back to the workers, with the mutex held. */
static void release_lent(struct loader *l)
{
    slot_reset(&l->slots[l->lent_batch % l->n_slots], l->options.batch_size);
    l->lent_batch++;
    l->has_lent = false;
    pthread_cond_broadcast(&l->work);
}

static int end_of_epoch(const struct loader *l)
{
    if (l->n_delivered == 0 && l->n_skipped > 0)
        return error_set(ERR_FORMAT, "none of %zu images can be read; the first: %s", l->list->n,
                         loader_first_skipped(l));
    return OK;
}

int loader_next(struct batch *out, struct loader *l)
{
    *out = (struct batch){0};
    const double start_s = now_s();
    int status = OK;
    int64_t n_good = 0;
    pthread_mutex_lock(&l->mutex);
    if (l->has_lent)
        release_lent(l);
    while (status == OK && n_good == 0 && l->lent_batch * l->options.batch_size < l->n_places) {
        struct slot *slot = &l->slots[l->lent_batch % l->n_slots];
        const int64_t n = min_i64(l->options.batch_size, l->n_places - l->lent_batch * l->options.batch_size);
        while (slot->n_done < n)
            pthread_cond_wait(&l->ready, &l->mutex);
        status = collect(&n_good, l, slot, n);
        if (status == OK && n_good == 0) {
            release_lent(l);
        } else if (status == OK) {
            *out = (struct batch){n_good,       l->lent_batch, slot->pixels,
                                  slot->labels, slot->items,   now_s() - start_s};
            l->has_lent = true;
            l->n_delivered++;
        }
    }
    pthread_mutex_unlock(&l->mutex);
    return status == OK && out->n == 0 ? end_of_epoch(l) : status;
}

size_t loader_n_skipped(const struct loader *l)
{
    return l->n_skipped;
}

const char *loader_first_skipped(const struct loader *l)
{
    return l->first_skipped ? l->first_skipped : "";
}
