/* Finds repeated images with a hash table of paths: ImageNet's 1.3 million take half a second. */
#include "prompt/data/repeated.h"

#include <stdlib.h>
#include <string.h>

/* An image by its number over all lists, and half of its path's hash, so that few paths are compared. */
struct bucket {
    uint32_t number_1; /* number + 1; 0: free */
    uint32_t tag;
};

/* Open addressing; a power of two of buckets, at most half of them used. */
struct table {
    struct bucket *buckets;
    size_t mask;
    struct listed_image *images; /* by number */
};

static int table_create(struct table *out, size_t n_images)
{
    size_t n_buckets = 16;
    while (n_buckets < 2 * n_images)
        n_buckets *= 2;
    *out = (struct table){.buckets = calloc(n_buckets, sizeof *out->buckets),
                          .mask = n_buckets - 1,
                          .images = malloc((n_images + 1) * sizeof *out->images)};
    return out->buckets && out->images ? OK : error_out_of_memory();
}

static void list_images(struct table *t, const struct dataset *d)
{
    const struct {
        const char *name;
        const struct item_list *list;
    } lists[] = {{"train", &d->train}, {"val", &d->val}, {"test", &d->test}};
    size_t n = 0;
    for (size_t l = 0; l < sizeof lists / sizeof lists[0]; l++)
        for (size_t i = 0; i < lists[l].list->n; i++)
            t->images[n++] = (struct listed_image){&lists[l].list->items[i], lists[l].name};
}

/* Skips "./" and doubled slashes, which name nothing: "./a//b" is "a/b". */
static const char *skip_nothing(const char *path, bool is_name_start)
{
    while (is_name_start && (path[0] == '/' || (path[0] == '.' && path[1] == '/')))
        path += path[0] == '/' ? 1 : 2;
    return path;
}

static const char *next_byte(const char *path)
{
    return skip_nothing(path + 1, *path == '/');
}

static bool are_equal(const char *a, const char *b)
{
    a = skip_nothing(a, true);
    b = skip_nothing(b, true);
    for (; *a != '\0' && *a == *b; b = next_byte(b))
        a = next_byte(a);
    return *a == *b;
}

/* FNV-1a */
static uint64_t hash(const char *path)
{
    uint64_t h = 0xcbf29ce484222325;
    for (path = skip_nothing(path, true); *path != '\0'; path = next_byte(path))
        h = (h ^ (unsigned char)*path) * 0x100000001b3;
    return h ^ h >> 32;
}

/* The earlier image of the same path, or NULL after adding this one. */
static const struct listed_image *find_or_add(struct table *t, size_t number)
{
    const char *path = t->images[number].item->path;
    const uint64_t h = hash(path);
    const uint32_t tag = (uint32_t)(h >> 32);
    size_t i = (size_t)h & t->mask;
    for (; t->buckets[i].number_1 > 0; i = (i + 1) & t->mask) {
        const struct listed_image *earlier = &t->images[t->buckets[i].number_1 - 1];
        if (t->buckets[i].tag == tag && are_equal(earlier->item->path, path))
            return earlier;
    }
    t->buckets[i] = (struct bucket){(uint32_t)number + 1, tag};
    return NULL;
}

int repeated_find(struct repeated_images *out, const struct dataset *d)
{
    const size_t n_images = d->train.n + d->val.n + d->test.n;
    struct table table = {0};
    *out = (struct repeated_images){0};
    int status = n_images < UINT32_MAX ? table_create(&table, n_images) : error_out_of_memory();
    if (status == OK)
        list_images(&table, d);
    for (size_t i = 0; status == OK && i < n_images; i++) {
        const struct listed_image *earlier = find_or_add(&table, i);
        if (earlier && out->n++ == 0) {
            out->first = *earlier;
            out->second = table.images[i];
        }
    }
    free(table.buckets);
    free(table.images);
    return status;
}

void repeated_describe(struct str *out, const struct repeated_images *r, const struct dataset *d)
{
    str_appendf(out, "%zu image%s twice in the lists, first: '%s' in %s as '%s', in %s as '%s'", r->n,
                r->n == 1 ? " occurs" : "s occur", r->first.item->path, r->first.list,
                d->class_names[r->first.item->label], r->second.list, d->class_names[r->second.item->label]);
}
