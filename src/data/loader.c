/*
 * Batches that threads make ahead of the caller.
 *
 * An epoch is a sequence of positions. Position p holds item order[p] and belongs to batch p / batch_size. Of
 * several parts each makes its turns: every n_parts-th batch, or a share of the rows of each. A turn has n_rows
 * rows, the last one may have fewer, and is made in slot (turn % n_slots). The pool's pieces are the rows of all
 * turns from the first on, up to n_slots turns ahead of the one lent to the caller. A row depends on its item and
 * the epoch alone, so it does not matter which thread has it.
 *
 * A thread writes its own row of a slot, and its own item's entry of the cache; the caller reads a row after
 * the pool has reported it done, and gives a slot back before its next batch may begin. The pool's mutex
 * orders all of this; the mutex in here guards the size of the cache. Failures are kept with their row: the
 * first one in the order of the epoch is reported, not the first in time.
 */
#include "prompt/data/loader.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/clock.h"
#include "prompt/base/pool.h"
#include "prompt/base/rng.h"
#include "prompt/base/str.h"
#include "turns.h"

enum { CHANNELS = 3 };

struct failure {
    int status; /* OK: the image is there */
    char *message;
    /* of an image that is there: struct image's */
    const char *damage;
    int orientation;
};

struct slot {
    float *pixels;   /* [turns.n_rows, 3, image_px, image_px] */
    int64_t *labels; /* [n_rows] */
    size_t *items;   /* [n_rows] */
    struct failure *failures;
};

struct loader {
    struct loader_options options;
    const struct item_list *list;
    char *image_dir;
    int64_t image_floats; /* 3 * image_px * image_px */
    struct turns turns;
    int64_t n_slots;
    struct slot *slots;
    struct pool *pool;

    /* the epoch; constant while the pool works */
    int64_t epoch;
    size_t *order; /* [list->n] */
    int64_t first_turn;

    struct image *cache; /* [list->n], pixels NULL if not kept */
    bool *is_bad;        /* [list->n], left out before: not read again */
    pthread_mutex_t mutex;
    size_t cache_used_bytes; /* with the mutex */
    bool is_cache_full;      /* with the mutex */

    /* the caller's thread alone */
    int64_t lent_turn; /* the caller has it or waits for it */
    bool has_lent;     /* the caller has it */
    int64_t n_delivered;
    size_t n_skipped;
    char *first_skipped;
    bool *is_counted; /* [list->n], what follows has been counted before */
    size_t n_damaged;
    char *first_damaged;
    size_t n_oriented;
};

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---------------------------------------------------------------- open and close */

static int check_options(const struct loader_options *o, const struct item_list *items)
{
    const int64_t side_max = 1 << 14;
    if (items->n == 0)
        return error_set(ERR_FORMAT, "the caller's list of images is empty, there is nothing to load");
    if (o->input.preprocess.image_px < 1 || o->input.preprocess.image_px > side_max)
        return error_set(ERR_USAGE, "expected images of 1 to %" PRId64 " pixels, found %" PRId64, side_max,
                         o->input.preprocess.image_px);
    if (o->batch_size < 1 || o->batch_size > INT32_MAX)
        return error_set(ERR_USAGE, "expected a batch size from 1, found %" PRId64, o->batch_size);
    if (o->n_parts > 1 && !o->deals_batches && o->n_parts > min_i64(o->batch_size, (int64_t)items->n))
        return error_set(ERR_USAGE, "a batch of %" PRId64 " images cannot be divided into %" PRId64 " parts",
                         min_i64(o->batch_size, (int64_t)items->n), o->n_parts);
    if (o->n_workers < 1 || o->n_workers > 1024)
        return error_set(ERR_USAGE, "expected 1 to 1024 decoding threads, found %" PRId64, o->n_workers);
    if (o->input.augment && !(o->input.crop_scale_min > 0.0 && o->input.crop_scale_min <= 1.0))
        return error_set(ERR_USAGE, "expected a smallest crop above 0 and up to 1, found %g",
                         o->input.crop_scale_min);
    return OK;
}

static int slot_init(struct slot *s, int64_t n_rows, int64_t image_floats)
{
    size_t n = (size_t)n_rows;
    s->pixels = calloc(n, (size_t)image_floats * sizeof *s->pixels); /* refuses a product that overflows */
    s->labels = calloc(n, sizeof *s->labels);
    s->items = calloc(n, sizeof *s->items);
    s->failures = calloc(n, sizeof *s->failures);
    return s->pixels && s->labels && s->items && s->failures ? OK : error_out_of_memory();
}

static void slot_reset(struct slot *s, int64_t n_rows)
{
    for (int64_t row = 0; s->failures && row < n_rows; row++) {
        free(s->failures[row].message);
        s->failures[row] = (struct failure){0};
    }
}

static int allocate(struct loader *l, const char *image_dir)
{
    const struct loader_options *o = &l->options;
    const int64_t n_items = (int64_t)l->list->n;
    if (o->batch_size > n_items)
        l->options.batch_size = n_items;
    if (o->n_parts < 1)
        l->options.n_parts = 1;
    l->image_floats = CHANNELS * o->input.preprocess.image_px * o->input.preprocess.image_px;
    l->turns = turns_of(o, n_items);
    /* one lent, one being filled, one ahead; more if a turn is too small to keep every worker busy */
    l->n_slots = min_i64(l->turns.n, 3 + o->n_workers / l->turns.n_rows);
    l->image_dir = str_dup(image_dir);
    l->order = calloc(l->list->n, sizeof *l->order);
    l->cache = calloc(l->list->n, sizeof *l->cache);
    l->is_bad = calloc(l->list->n, sizeof *l->is_bad);
    l->is_counted = calloc(l->list->n, sizeof *l->is_counted);
    l->slots = calloc((size_t)l->n_slots + 1, sizeof *l->slots); /* a part may have no turn */
    if (!l->image_dir || !l->order || !l->cache || !l->is_bad || !l->is_counted || !l->slots)
        return error_out_of_memory();
    int status = OK;
    for (int64_t i = 0; status == OK && i < l->n_slots; i++)
        status = slot_init(&l->slots[i], l->turns.n_rows, l->image_floats);
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
    pthread_mutex_init(&l->mutex, NULL); /* with default attributes, it cannot fail here */
    if ((status = allocate(l, image_dir)) != OK ||
        (status = pool_open(&l->pool, l->options.n_workers)) != OK) {
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
    pool_close(l->pool);
    pthread_mutex_destroy(&l->mutex);
    for (int64_t i = 0; l->slots && i < l->n_slots; i++) {
        slot_reset(&l->slots[i], l->turns.n_rows);
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
    free(l->is_counted);
    free(l->order);
    free(l->image_dir);
    free(l->first_skipped);
    free(l->first_damaged);
    free(l);
}

/* ---------------------------------------------------------------- the pool's side */

/* Takes room in the cache for the picture; false if there is too little, now and from then on. */
static bool take_room(struct loader *l, const struct image *picture)
{
    const size_t n_bytes = (size_t)(picture->width * picture->height * CHANNELS);
    pthread_mutex_lock(&l->mutex);
    if (n_bytes > l->options.cache_bytes - l->cache_used_bytes)
        l->is_cache_full = true;
    const bool has_room = !l->is_cache_full;
    if (has_room)
        l->cache_used_bytes += n_bytes;
    pthread_mutex_unlock(&l->mutex);
    return has_room;
}

/* The item's input, from the cache or the disk. */
static int read_item(float *pixels, struct failure *facts, struct loader *l, size_t item)
{
    struct image *picture = &l->cache[item];
    const bool is_cached = picture->pixels != NULL;
    char *path = item_file(l->image_dir, &l->list->items[item]);
    const int status =
        path ? input_read(pixels, picture, path, &l->options.input, (uint64_t)l->epoch, item) : ERR_MEMORY;
    free(path);
    facts->damage = picture->damage;
    facts->orientation = picture->orientation;
    if (!is_cached && !(status == OK && take_room(l, picture)))
        image_free(picture);
    return status;
}

/* A piece of the pool: one row. Its failure stays there, for the caller to judge. */
static int fill_row(void *context, int64_t piece)
{
    struct loader *l = context;
    const int64_t turn = l->first_turn + piece / l->turns.n_rows, row = piece % l->turns.n_rows;
    const int64_t batch = turns_batch(&l->turns, turn);
    const size_t item = l->order[batch * l->options.batch_size + turns_rows(&l->turns, batch).first + row];
    struct slot *slot = &l->slots[turn % l->n_slots];
    struct failure *failure = &slot->failures[row];
    slot->labels[row] = l->list->items[item].label;
    slot->items[row] = item;
    if (l->is_bad[item]) {
        failure->status = ERR_FORMAT;
        return OK;
    }
    failure->status = read_item(slot->pixels + row * l->image_floats, failure, l, item);
    if (failure->status != OK)
        failure->message = str_dup(error_message());
    return OK;
}

/* Pieces that may begin: those of the lent turn and of the slots after it. */
static int64_t n_pieces(const struct loader *l)
{
    return turns_n_rows_until(&l->turns, min_i64(l->turns.n, l->lent_turn + l->n_slots)) -
           turns_n_rows_until(&l->turns, l->first_turn);
}

/* ---------------------------------------------------------------- the caller's side */

size_t loader_batch_bytes(const struct loader *l)
{
    return (size_t)(l->n_slots * l->turns.n_rows * l->image_floats) * sizeof *l->slots->pixels;
}

void loader_limit_cache(struct loader *l, size_t cache_bytes)
{
    if (cache_bytes < l->options.cache_bytes)
        l->options.cache_bytes = cache_bytes;
}

int64_t loader_n_batches(const struct loader *l)
{
    return l->turns.n_batches;
}

int loader_start(struct loader *l, int64_t epoch, int64_t first_batch)
{
    if (epoch < 0 || epoch > UINT32_MAX || first_batch < 0)
        return error_set(ERR_USAGE,
                         "expected an epoch and a first batch from 0, found %" PRId64 " and %" PRId64, epoch,
                         first_batch);
    pool_stop(l->pool);
    for (int64_t i = 0; i < l->n_slots; i++)
        slot_reset(&l->slots[i], l->turns.n_rows);
    for (size_t i = 0; i < l->list->n; i++)
        l->order[i] = i;
    if (l->options.shuffle) {
        struct rng rng;
        rng_init(&rng, l->options.input.seed, RNG_ORDER, (uint64_t)epoch, 0);
        rng_shuffle(&rng, l->order, l->list->n);
    }
    l->epoch = epoch;
    l->first_turn = 0;
    while (l->first_turn < l->turns.n && turns_batch(&l->turns, l->first_turn) < first_batch)
        l->first_turn++;
    l->lent_turn = l->first_turn;
    l->has_lent = false;
    l->n_delivered = l->first_turn; /* those before a resume had their images */
    pool_start(l->pool, fill_row, l, n_pieces(l));
    return OK;
}

/* Counts the bad image of a row that is left out, once. */
static void count_skipped(struct loader *l, size_t item, struct failure *failure)
{
    if (l->is_bad[item])
        return;
    l->is_bad[item] = true;
    l->n_skipped++;
    if (l->options.on_skipped)
        l->options.on_skipped(l->options.context, item,
                              failure->message ? failure->message : "out of memory");
    if (!l->first_skipped) {
        l->first_skipped = failure->message;
        failure->message = NULL;
    }
}

/* Counts an image that was read, once, if it is damaged all the same or not upright. */
static int count_facts(struct loader *l, size_t item, const struct failure *facts)
{
    const char *damage = facts->damage;
    if (l->is_counted[item])
        return OK;
    l->is_counted[item] = true;
    l->n_oriented += facts->orientation > 1;
    if (!damage || l->n_damaged++ > 0)
        return OK;
    char *path = item_file(l->image_dir, &l->list->items[item]);
    l->first_damaged = path ? str_format("'%s': %s", path, damage) : NULL;
    free(path);
    return l->first_damaged ? OK : ERR_MEMORY;
}

/* Leaves the good rows of a finished batch together at its front; the first failure if none may be left
 * out. */
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
        int status = count_facts(l, slot->items[row], failure);
        if (status != OK)
            return status;
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

/* Gives the lent turn's slot back to the pool. */
static void release_lent(struct loader *l)
{
    slot_reset(&l->slots[l->lent_turn % l->n_slots], l->turns.n_rows);
    l->lent_turn++;
    l->has_lent = false;
    pool_extend(l->pool, n_pieces(l));
}

static int end_of_epoch(const struct loader *l)
{
    if (l->n_delivered == 0 && l->n_skipped > 0 && l->options.n_parts == 1)
        return error_set(ERR_FORMAT, "none of %zu %s can be read; the first: %s", l->list->n,
                         plural(l->list->n, "image", "images"), loader_first_skipped(l));
    return OK;
}

int loader_next(struct batch *out, struct loader *l)
{
    *out = (struct batch){0};
    const double start_s = clock_s();
    int status = OK;
    int64_t n_good = 0;
    if (l->has_lent)
        release_lent(l);
    while (status == OK && out->n_whole == 0 && l->lent_turn < l->turns.n) {
        struct slot *slot = &l->slots[l->lent_turn % l->n_slots];
        const int64_t batch = turns_batch(&l->turns, l->lent_turn), n = turns_rows(&l->turns, batch).n;
        pool_wait_until(l->pool, turns_n_rows_until(&l->turns, l->lent_turn) + n -
                                     turns_n_rows_until(&l->turns, l->first_turn));
        status = collect(&n_good, l, slot, n);
        if (status == OK && n_good == 0 && !(l->options.n_parts > 1)) {
            release_lent(l);
        } else if (status == OK) {
            *out = (struct batch){.n = n_good,
                                  .n_whole = turns_whole(&l->turns, batch),
                                  .index = batch,
                                  .pixels = slot->pixels,
                                  .labels = slot->labels,
                                  .items = slot->items,
                                  .wait_s = clock_s() - start_s};
            l->has_lent = true;
            l->n_delivered++;
        }
    }
    return status == OK && out->n_whole == 0 ? end_of_epoch(l) : status;
}

size_t loader_n_skipped(const struct loader *l)
{
    return l->n_skipped;
}

const char *loader_first_skipped(const struct loader *l)
{
    return l->first_skipped ? l->first_skipped : "";
}

size_t loader_n_damaged(const struct loader *l)
{
    return l->n_damaged;
}

const char *loader_first_damaged(const struct loader *l)
{
    return l->first_damaged ? l->first_damaged : "";
}

size_t loader_n_oriented(const struct loader *l)
{
    return l->n_oriented;
}
