/* Packing and unpacking: numbers and arrays one after another, as they are in memory. */
#include "parcel.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/array.h"
#include "prompt/base/error.h"

void parcel_clear(struct parcel *p)
{
    for (int64_t i = 0; i < p->n_failures; i++)
        free(p->failures[i].message);
    free(p->failures);
    free(p->items);
    free(p->values);
    free(p->features);
    str_free(&p->damage);
    *p = (struct parcel){0};
}

void parcel_free(struct parcel *p)
{
    parcel_clear(p);
}

/* ---------------------------------------------------------------- filling */

void parcel_add_failure(struct parcel *p, size_t item, const char *message)
{
    char *copy = str_dup(message);
    if (copy && array_grow(&p->failures, (size_t)p->n_failures, sizeof *p->failures) == OK) {
        p->failures[p->n_failures++] = (struct parcel_failure){item, copy};
        return;
    }
    free(copy);
    p->damage.failed = true;
}

/* A copy of n things of `size` bytes, NULL for none; false when out of memory. */
static bool copy_to(void *out, const void *from, int64_t n, size_t size)
{
    void *copy = n > 0 ? malloc((size_t)n * size) : NULL;
    if (copy)
        memcpy(copy, from, (size_t)n * size);
    memcpy(out, &copy, sizeof copy);
    return copy != NULL || n == 0;
}

int parcel_add_images(struct parcel *p, const size_t *items, int64_t n, const float *values, int64_t width)
{
    p->n = n;
    p->n_values = n * width;
    return copy_to(&p->items, items, n, sizeof *items) &&
                   copy_to(&p->values, values, p->n_values, sizeof *values)
               ? OK
               : error_out_of_memory();
}

int parcel_add_features(struct parcel *p, const float *values, int64_t n)
{
    p->n_features = n;
    return copy_to(&p->features, values, n, sizeof *values) ? OK : error_out_of_memory();
}

/* ---------------------------------------------------------------- bytes */

enum { N_NUMBERS = 8 };

static void put_text(struct str *out, const char *text, size_t n)
{
    const int64_t length = (int64_t)n;
    str_append_n(out, (const char *)&length, sizeof length);
    str_append_n(out, text, n);
}

int parcel_pack(struct str *out, const struct parcel *p)
{
    const int64_t numbers[N_NUMBERS] = {p->n,          p->n_values,  p->n_features, p->dtype,
                                        p->n_failures, p->n_damaged, p->n_oriented};
    if (p->damage.failed)
        return error_out_of_memory();
    str_append_n(out, (const char *)numbers, sizeof numbers);
    str_append_n(out, (const char *)p->items, (size_t)p->n * sizeof *p->items);
    str_append_n(out, (const char *)p->values, (size_t)p->n_values * sizeof *p->values);
    str_append_n(out, (const char *)p->features, (size_t)p->n_features * sizeof *p->features);
    for (int64_t i = 0; i < p->n_failures; i++) {
        const struct parcel_failure *f = &p->failures[i];
        str_append_n(out, (const char *)&f->item, sizeof f->item);
        put_text(out, f->message, strlen(f->message));
    }
    put_text(out, str_text(&p->damage), p->damage.len);
    return str_status(out);
}

static const char *take(void *to, const char *at, size_t n)
{
    memcpy(to, at, n);
    return at + n;
}

static const char *take_text(char **out, const char *at)
{
    int64_t n = 0;
    at = take(&n, at, sizeof n);
    *out = calloc((size_t)n + 1, 1);
    if (*out)
        memcpy(*out, at, (size_t)n);
    return at + n;
}

static const char *take_failures(struct parcel *out, const char *at, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        size_t item = 0;
        char *message = NULL;
        at = take(&item, at, sizeof item);
        at = take_text(&message, at);
        parcel_add_failure(out, item, message ? message : "out of memory");
        free(message);
    }
    return at;
}

int parcel_unpack(struct parcel *out, const char *bytes)
{
    int64_t numbers[N_NUMBERS];
    parcel_clear(out);
    const char *at = take(numbers, bytes, sizeof numbers);
    *out = (struct parcel){.n = numbers[0],
                           .n_values = numbers[1],
                           .n_features = numbers[2],
                           .dtype = numbers[3],
                           .n_damaged = numbers[5],
                           .n_oriented = numbers[6]};
    bool is_copied = copy_to(&out->items, at, out->n, sizeof *out->items);
    at += (size_t)out->n * sizeof *out->items;
    is_copied = copy_to(&out->values, at, out->n_values, sizeof *out->values) && is_copied;
    at += (size_t)out->n_values * sizeof *out->values;
    is_copied = copy_to(&out->features, at, out->n_features, sizeof *out->features) && is_copied;
    at += (size_t)out->n_features * sizeof *out->features;
    at = take_failures(out, at, numbers[4]);
    char *damage = NULL;
    (void)take_text(&damage, at);
    str_append(&out->damage, damage ? damage : "");
    const bool is_whole = is_copied && damage && !out->damage.failed;
    free(damage);
    return is_whole ? OK : error_out_of_memory();
}
