/* Thumbnails within a limit of bytes. */
#include "thumbs.h"

#include <stdlib.h>

#include "html.h"
#include "prompt/base/array.h"
#include "prompt/base/pool.h"
#include "prompt/image/transform.h"

enum { SIDE_PX = 112, QUALITY = 85, N_THREADS = 4, CHUNK = 64 };

void thumbs_begin_part(struct thumbs *t)
{
    t->part++;
    t->n_in_part = 0;
}

static int note(struct thumbs *t, const char *file)
{
    int status = array_grow(&t->items, t->n, sizeof *t->items);
    if (status != OK)
        return status;
    t->items[t->n] = (struct thumb){.file = str_dup(file), .part = t->part, .rank = t->n_in_part++};
    return t->items[t->n++].file ? OK : ERR_MEMORY;
}

int thumbs_write(struct str *out, struct thumbs *t, const char *file, const char *alt)
{
    int status = file && !t->is_made ? note(t, file) : OK;
    if (status != OK)
        return status;
    const struct thumb *thumb = file && t->is_made ? &t->items[t->next++] : NULL;
    if (!thumb || thumb->uri.len == 0) { /* no shorter than what surrounds a picture */
        str_append(out, "<span class=\"nopic\" role=\"img\"");
        html_attribute(out, "aria-label", alt);
        str_append(out, "></span>");
        return OK;
    }
    str_appendf(out, "<img decoding=\"async\" src=\"%s\"", str_text(&thumb->uri));
    html_attribute(out, "alt", alt);
    str_append(out, ">");
    return OK;
}

/* ---------------------------------------------------------------- encoding */

/* The longer side becomes SIDE_PX; a smaller picture stays as it is. */
static int shrink(struct image *out, const struct image *in)
{
    const int64_t longest = in->width > in->height ? in->width : in->height;
    const int64_t side = longest < SIDE_PX ? longest : SIDE_PX;
    const int64_t width = in->width * side / longest, height = in->height * side / longest;
    return transform_resize(out, in, (struct crop){.width = in->width, .height = in->height},
                            width > 0 ? width : 1, height > 0 ? height : 1, INTERPOLATION_BICUBIC);
}

static int encode(struct str *uri, const struct image *in)
{
    struct image small = {0};
    uint8_t *bytes = NULL;
    size_t n = 0;
    int status = shrink(&small, in);
    if (status == OK && (status = image_encode_jpeg(&bytes, &n, &small, QUALITY)) == OK) {
        str_append(uri, "data:image/jpeg;base64,");
        html_base64(uri, bytes, n);
        status = str_status(uri);
    }
    free(bytes);
    image_free(&small);
    return status;
}

struct chunk {
    struct thumb **items;
    size_t first;
};

/* An unreadable picture is counted, not an error. */
static int make_one(void *context, int64_t piece)
{
    const struct chunk *chunk = context;
    struct thumb *thumb = chunk->items[chunk->first + (size_t)piece];
    struct image image = {0};
    int status = image_read(&image, thumb->file);
    if (status == OK)
        status = encode(&thumb->uri, &image);
    image_free(&image);
    thumb->is_unreadable = status != OK;
    return status == ERR_MEMORY ? status : OK;
}

/* The first picture of each part, then the second of each, ... */
static int compare(const void *a, const void *b)
{
    const struct thumb *x = *(struct thumb *const *)a, *y = *(struct thumb *const *)b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->part < y->part ? -1 : x->part > y->part;
}

/* Keeps those of a chunk that fit. */
static void keep(struct thumbs *t, const struct chunk *chunk, size_t n, size_t *left)
{
    for (size_t i = 0; i < n; i++) {
        struct thumb *thumb = chunk->items[chunk->first + i];
        if (thumb->uri.len > *left) {
            str_free(&thumb->uri);
            t->n_left_out++;
        }
        *left -= thumb->uri.len;
        t->n_unreadable += thumb->is_unreadable;
    }
}

static int make_all(struct thumbs *t, struct thumb **order, struct pool *pool, size_t left)
{
    int status = OK;
    size_t done = 0;
    while (status == OK && done < t->n && t->n_left_out == 0 && left > 0) {
        struct chunk chunk = {.items = order, .first = done};
        const size_t n = t->n - done < CHUNK ? t->n - done : CHUNK;
        pool_start(pool, make_one, &chunk, (int64_t)n);
        if ((status = pool_wait(pool)) == OK)
            keep(t, &chunk, n, &left);
        done += n;
    }
    t->n_left_out += t->n - done;
    return status;
}

int thumbs_make(struct thumbs *t, size_t max_bytes)
{
    struct pool *pool = NULL;
    struct thumb **order = malloc((t->n + 1) * sizeof *order);
    int status = order ? pool_open(&pool, N_THREADS) : error_out_of_memory();
    for (size_t i = 0; status == OK && i < t->n; i++)
        order[i] = &t->items[i];
    if (status == OK) {
        qsort(order, t->n, sizeof(struct thumb *), compare);
        status = make_all(t, order, pool, max_bytes);
    }
    pool_close(pool);
    free(order);
    t->is_made = true;
    return status;
}

void thumbs_free(struct thumbs *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->items[i].file);
        str_free(&t->items[i].uri);
    }
    free(t->items);
    *t = (struct thumbs){0};
}
