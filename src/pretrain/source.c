/* Pairs of picture and caption: drawn, or read from a table, by threads ahead of the model. */
#include "source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/process.h"
#include "prompt/data/input.h"
#include "prompt/image/transform.h"
#include "prompt/text/tokenizer.h"
#include "prompt/world/world.h"

/* The first of the stream's pictures that training never reaches. */
static const uint64_t HELD_OUT = UINT64_C(1) << 48;
static const uint64_t VALIDATION_EPOCH = UINT32_MAX; /* its shuffle chooses the held-out rows */

/* ---------------------------------------------------------------- batches */

int pair_batch_create(struct pair_batch *out, const struct config *config, int64_t n)
{
    const size_t size = (size_t)n, px = (size_t)config->pretrain_image_px;
    *out = (struct pair_batch){.n = n,
                               .pixels = malloc(size * 3 * px * px * sizeof(float)),
                               .ids = malloc(size * (size_t)config->pretrain_context * sizeof(int64_t)),
                               .ends = malloc(size * sizeof(int64_t)),
                               .indices = malloc(size * sizeof(uint64_t))};
    if (out->pixels && out->ids && out->ends && out->indices)
        return OK;
    pair_batch_free(out);
    return error_out_of_memory();
}

void pair_batch_free(struct pair_batch *b)
{
    free(b->pixels);
    free(b->ids);
    free(b->ends);
    free(b->indices);
    *b = (struct pair_batch){0};
}

/* ---------------------------------------------------------------- one pair */

/* Encodes the caption between start and end token, padded. */
static int encode_caption(int64_t *ids, int64_t *end, const struct pair_source *s, const char *caption)
{
    const int64_t context = s->config->pretrain_context;
    struct tokens t = {0};
    int status = tokenizer_encode(&t, s->tokenizer, caption);
    if (status == OK && (int64_t)t.n + 2 > context)
        status = error_set(ERR_FORMAT,
                           "the caption \"%.60s%s\" takes %zu tokens, but pretrain.context is %" PRId64,
                           caption, strlen(caption) > 60 ? "..." : "", t.n + 2, context);
    if (status == OK) {
        memset(ids, 0, (size_t)context * sizeof *ids);
        ids[0] = tokenizer_start(s->tokenizer);
        memcpy(ids + 1, t.ids, t.n * sizeof *ids);
        ids[t.n + 1] = tokenizer_end(s->tokenizer);
        *end = (int64_t)t.n + 1;
    }
    tokens_free(&t);
    return status;
}

/* The pixels of row `row` of the batch. */
static float *pixels_of(const struct pair_source *s, int64_t row)
{
    const int64_t px = s->config->pretrain_image_px;
    return s->batch->pixels + row * 3 * px * px;
}

static int draw_pair(struct pair_source *s, int64_t row)
{
    const int64_t px = s->config->pretrain_image_px;
    const struct preprocess preprocess = preprocess_default(px);
    struct image picture = {.pixels = malloc((size_t)(3 * px * px)), .width = px, .height = px};
    struct str caption = {0};
    struct pair_batch *b = s->batch;
    int status = picture.pixels ? OK : error_out_of_memory();
    if (status == OK)
        status = world_sample(picture.pixels, &caption, (uint64_t)s->config->seed, b->indices[row], px);
    if (status == OK) {
        transform_normalize(pixels_of(s, row), &picture, &preprocess);
        status =
            encode_caption(b->ids + row * s->config->pretrain_context, &b->ends[row], s, str_text(&caption));
    }
    str_free(&caption);
    free(picture.pixels);
    return status;
}

static int read_pair(struct pair_source *s, int64_t row)
{
    const struct config *c = s->config;
    const struct input_options options = {.preprocess = preprocess_default(c->pretrain_image_px),
                                          .augment = s->augment,
                                          .crop_scale_min = c->pretrain_crop_scale_min,
                                          .seed = (uint64_t)c->seed};
    const uint64_t item = s->batch->indices[row];
    const struct pair *p = &s->table.items[item];
    struct image picture = {0};
    int status = input_read(pixels_of(s, row), &picture, p->path, &options, s->augment_epoch, item);
    image_free(&picture);
    if (status == OK)
        status =
            encode_caption(s->batch->ids + row * c->pretrain_context, &s->batch->ends[row], s, p->caption);
    return status == OK ? OK : error_context("%s:%zu", c->pretrain_captions, p->line);
}

static int make_pair(void *context, int64_t row)
{
    struct pair_source *s = context;
    return s->table.n > 0 ? read_pair(s, row) : draw_pair(s, row);
}

/* ---------------------------------------------------------------- which pairs */

int64_t pair_source_n_validation(const struct pair_source *s)
{
    const int64_t n = s->config->pretrain_validation_pairs;
    if (s->table.n == 0)
        return n;
    return n < (int64_t)s->table.n / 10 ? n : (int64_t)s->table.n / 10;
}

/* Puts the training rows into the order of an epoch. */
static void shuffle_epoch(struct pair_source *s, int64_t epoch)
{
    if (epoch == s->epoch)
        return;
    struct rng rng;
    rng_init(&rng, (uint64_t)s->config->seed, RNG_ORDER, (uint64_t)epoch, 0);
    memcpy(s->shuffled, s->order, (size_t)s->n_train * sizeof *s->shuffled);
    rng_shuffle(&rng, s->shuffled, (size_t)s->n_train);
    s->epoch = epoch;
}

int pair_source_start(struct pair_source *s, struct pair_batch *out, int64_t step)
{
    const int64_t B = out->n;
    s->batch = out;
    s->augment = step >= 0;
    if (s->table.n == 0) {
        for (int64_t i = 0; i < B; i++)
            out->indices[i] = step >= 0 ? (uint64_t)(step * B + i) : HELD_OUT + (uint64_t)i;
    } else if (step >= 0) {
        const int64_t steps_per_epoch = s->n_train / B; /* an incomplete last batch is dropped */
        shuffle_epoch(s, step / steps_per_epoch);
        s->augment_epoch = (uint64_t)s->epoch;
        for (int64_t i = 0; i < B; i++)
            out->indices[i] = s->shuffled[step % steps_per_epoch * B + i];
    } else {
        for (int64_t i = 0; i < B; i++)
            out->indices[i] = s->order[s->n_train + i];
    }
    pool_start(s->pool, make_pair, s, B);
    return OK;
}

int pair_source_wait(struct pair_source *s)
{
    return pool_wait(s->pool);
}

/* ---------------------------------------------------------------- opening */

/* Shuffles the rows once; the last ones are held out. */
static int order_rows(struct pair_source *s)
{
    const size_t n = s->table.n;
    s->order = malloc(n * sizeof *s->order);
    s->shuffled = malloc(n * sizeof *s->shuffled);
    if (!s->order || !s->shuffled)
        return error_out_of_memory();
    for (size_t i = 0; i < n; i++)
        s->order[i] = i;
    struct rng rng;
    rng_init(&rng, (uint64_t)s->config->seed, RNG_ORDER, VALIDATION_EPOCH, 0);
    rng_shuffle(&rng, s->order, n);
    s->n_train = (int64_t)n - pair_source_n_validation(s);
    if (s->n_train < s->config->pretrain_batch_size || pair_source_n_validation(s) < 2)
        return error_set(ERR_USAGE,
                         "'%s' has %zu rows: %" PRId64
                         " to train on, which must be pretrain.batch_size (%" PRId64 ") or more, and %" PRId64
                         " held out, which must be 2 or more",
                         s->config->pretrain_captions, n, s->n_train, s->config->pretrain_batch_size,
                         pair_source_n_validation(s));
    return OK;
}

int pair_source_open(struct pair_source *out, const struct config *config)
{
    *out = (struct pair_source){.config = config, .epoch = -1};
    int status = OK;
    if (config->pretrain_captions[0] != '\0') {
        status = pairs_read(&out->table, config->pretrain_captions);
        if (status == OK)
            status = order_rows(out);
    }
    if (status == OK)
        status = pool_open(&out->pool, config->data_workers > 0 ? config->data_workers : process_cores());
    return status;
}

int pair_source_set_tokenizer(struct pair_source *s, const struct tokenizer *tokenizer)
{
    s->tokenizer = tokenizer;
    int64_t end = 0;
    int64_t *ids = malloc((size_t)s->config->pretrain_context * sizeof *ids);
    int status = ids ? OK : error_out_of_memory();
    for (size_t i = 0; status == OK && i < s->table.n; i++) {
        status = encode_caption(ids, &end, s, s->table.items[i].caption);
        if (status != OK)
            error_context("%s:%zu", s->config->pretrain_captions, s->table.items[i].line);
    }
    free(ids);
    return status;
}

void pair_source_close(struct pair_source *s)
{
    pool_close(s->pool);
    pairs_free(&s->table);
    free(s->order);
    free(s->shuffled);
    *s = (struct pair_source){0};
}
