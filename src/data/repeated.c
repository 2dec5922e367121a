/* Repeated images are found by a hash table of paths: 1.3 million of ImageNet take half a second. */
#include "prompt/data/repeated.h"

#include <stdlib.h>
#include <string.h>

/* Open addressing; a power of two of places, at most half of them taken. */
struct table {
    struct listed_image *places;
    size_t mask;
};

static int table_create(struct table *out, size_t n_images)
{
    size_t n_places = 16;
    while (n_places < 2 * n_images)
        n_places *= 2;
    *out = (struct table){.places = calloc(n_places, sizeof *out->places), .mask = n_places - 1};
    return out->places ? OK : error_out_of_memory();
}

/* FNV-1a */
static uint64_t hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325;
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3;
    return h ^ h >> 32;
}

/* The earlier image of the same path, or NULL after adding this one. */
static const struct listed_image *find_or_add(struct table *t, const struct listed_image *image)
{
    size_t i = (size_t)hash(image->item->path) & t->mask;
    for (; t->places[i].item; i = (i + 1) & t->mask)
        if (strcmp(t->places[i].item->path, image->item->path) == 0)
            return &t->places[i];
    t->places[i] = *image;
    return NULL;
}

int repeated_find(struct repeated_images *out, const struct dataset *d)
{
    const struct {
        const char *name;
        const struct item_list *list;
    } lists[] = {{"train", &d->train}, {"val", &d->val}, {"test", &d->test}};
    *out = (struct repeated_images){0};
    struct table table = {0};
    int status = table_create(&table, d->train.n + d->val.n + d->test.n);
    for (size_t l = 0; status == OK && l < sizeof lists / sizeof lists[0]; l++)
        for (size_t i = 0; i < lists[l].list->n; i++) {
            const struct listed_image image = {&lists[l].list->items[i], lists[l].name};
            const struct listed_image *earlier = find_or_add(&table, &image);
            if (earlier && out->n++ == 0) {
                out->first = *earlier;
                out->second = image;
            }
        }
    free(table.places);
    return status;
}

void repeated_describe(struct str *out, const struct repeated_images *r, const struct dataset *d)
{
    str_appendf(out, "%zu image%s twice in the lists, first: '%s' in %s as '%s', in %s as '%s'", r->n,
                r->n == 1 ? " stands" : "s stand", r->first.item->path, r->first.list,
                d->class_names[r->first.item->label], r->second.list, d->class_names[r->second.item->label]);
}
