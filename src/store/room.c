/* The size limit: what was not used for longest leaves first. The time of an entry's last use is that of its
 * last modification, which store_get sets: file systems often leave the time of access as it is. */
#include "room.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "prompt/base/dir.h"
#include "prompt/base/path.h"

/* The temporary file of a writer that was killed; a living one is done sooner. */
enum { STALE_S = 3600 };

struct candidate {
    char *path; /* owned */
    uint64_t n_bytes;
    struct timespec used;
};

struct candidates {
    struct candidate *items; /* [n], owned */
    size_t n;
    uint64_t n_bytes; /* of all files of the store, also of those being written */
};

static bool is_being_written(const char *name, const struct stat *info)
{
    return strstr(name, ".tmp.") && info->st_mtim.tv_sec > time(NULL) - STALE_S;
}

/* Foreign files in the folder stay, and do not count. */
static int add(struct candidates *c, const char *dir, const char *name)
{
    struct stat info;
    char *path = path_join(dir, name);
    if (!path)
        return ERR_MEMORY;
    if (!strstr(name, ".safetensors") || lstat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        free(path);
        return OK;
    }
    c->n_bytes += (uint64_t)info.st_size;
    if (is_being_written(name, &info))
        free(path);
    else
        c->items[c->n++] = (struct candidate){path, (uint64_t)info.st_size, info.st_mtim};
    return OK;
}

static int compare_use(const void *a, const void *b)
{
    const struct timespec x = ((const struct candidate *)a)->used, y = ((const struct candidate *)b)->used;
    if (x.tv_sec != y.tv_sec)
        return x.tv_sec < y.tv_sec ? -1 : 1;
    return (x.tv_nsec > y.tv_nsec) - (x.tv_nsec < y.tv_nsec);
}

static int list(struct candidates *out, const char *dir)
{
    struct str_list names = {0};
    int status = dir_list(&names, dir);
    out->items = calloc(names.n + 1, sizeof *out->items);
    if (status == OK && !out->items)
        status = error_out_of_memory();
    for (size_t i = 0; status == OK && i < names.n; i++)
        status = add(out, dir, names.items[i]);
    str_list_free(&names);
    if (status == OK && out->n > 1)
        qsort(out->items, out->n, sizeof *out->items, compare_use);
    return status;
}

int room_make(const struct store *s, uint64_t n_bytes)
{
    struct candidates all = {0};
    int status = list(&all, s->dir);
    for (size_t i = 0; status == OK && i < all.n && all.n_bytes + n_bytes > s->max_bytes; i++)
        if (unlink(all.items[i].path) == 0)
            all.n_bytes -= all.items[i].n_bytes;
    for (size_t i = 0; i < all.n; i++)
        free(all.items[i].path);
    free(all.items);
    return status;
}
