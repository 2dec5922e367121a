/* Reading and writing entries. */
#include "prompt/store/store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "entry.h"
#include "prompt/base/clock.h"
#include "prompt/base/file.h"
#include "prompt/base/lock.h"
#include "prompt/base/path.h"
#include "room.h"

static const double LONGEST_WAIT_S = 2.0;

char *store_user_dir(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && cache[0] == '/')
        return path_join(cache, "prompt");
    return home && home[0] == '/' ? path_join(home, ".cache/prompt") : NULL;
}

int store_open(struct store **out, const char *dir, uint64_t max_bytes)
{
    *out = NULL;
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return error_out_of_memory();
    *s = (struct store){.dir = str_dup(dir), .max_bytes = max_bytes};
    if (!s->dir) {
        free(s);
        return ERR_MEMORY;
    }
    *out = s;
    return OK;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    free(s->dir);
    free(s);
}

/* The file of a key's entry, owned. */
static int find_path(char **out, const struct store *s, const char *key)
{
    char hex[DIGEST_HEX_SIZE];
    *out = NULL;
    int status = digest_memory(hex, key, strlen(key));
    if (status == OK)
        *out = str_format("%s/%s.safetensors", s->dir, hex);
    return status == OK && !*out ? ERR_MEMORY : status;
}

/* ---------------------------------------------------------------- reading */

/* The whole file is read, not mapped: a file that is cut while it is mapped ends the program. */
static int read_entry(struct store_entry *out, const char *path, const char *key)
{
    char *file = NULL;
    size_t n_bytes = 0;
    int status = file_read_regular(&file, &n_bytes, path);
    if (status != OK)
        return status;
    status = entry_read(out, file, n_bytes, key);
    if (status == OK)
        (void)utimensat(AT_FDCWD, path, NULL, 0); /* used now; a folder that is read-only stays as it is */
    if (status == ERR_FORMAT) {
        (void)unlink(path);
        return error_context("'%s'", path);
    }
    return status;
}

int store_get(struct store_entry *out, const struct store *s, const char *key)
{
    char *path = NULL;
    *out = (struct store_entry){0};
    int status = find_path(&path, s, key);
    if (status == OK && file_exists(path)) {
        status = read_entry(out, path, key);
        if (status == ERR_IO && !file_exists(path)) /* removed by another process since */
            status = OK;
    }
    free(path);
    return status;
}

/* ---------------------------------------------------------------- writing */

/* Locks the folder, for which it waits a while; ERR_BUSY. */
static int lock_store(int *out, const struct store *s)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    const double start_s = clock_s();
    int status = OK;
    while ((status = lock_dir(out, s->dir)) == ERR_BUSY && clock_s() - start_s < LONGEST_WAIT_S)
        nanosleep(&pause, NULL);
    return status;
}

static int write_entry(const char *path, const struct str *header, const struct safetensors_entry *arrays,
                       const void *const *data, size_t n)
{
    struct atomic_file f;
    int status = atomic_open(&f, path);
    if (status == OK)
        status = atomic_write(&f, header->data, header->len);
    for (size_t i = 0; status == OK && i < n; i++)
        status = atomic_write(&f, data[i], entry_array_bytes(&arrays[i]));
    if (status == OK)
        return atomic_commit(&f);
    atomic_abort(&f); /* {0} after a failure of atomic_open */
    return status;
}

static int put_locked(const struct store *s, const char *key, const struct str *header,
                      const struct safetensors_entry *arrays, const void *const *data, size_t n)
{
    char *path = NULL;
    uint64_t n_bytes = header->len;
    for (size_t i = 0; i < n; i++)
        n_bytes += entry_array_bytes(&arrays[i]);
    if (n_bytes > s->max_bytes)
        return OK;
    int status = room_make(s, n_bytes);
    if (status == OK && (status = find_path(&path, s, key)) == OK)
        status = write_entry(path, header, arrays, data, n);
    free(path);
    return status;
}

int store_put(const struct store *s, const char *key, const struct safetensors_entry *arrays,
              const void *const *data, size_t n, const struct metadata *notes)
{
    struct str header = {0};
    int lock = -1;
    int status = OK;
    if ((status = entry_write_header(&header, key, arrays, data, n, notes)) == OK &&
        (status = file_make_dirs(s->dir)) == OK && (status = lock_store(&lock, s)) == OK)
        status = put_locked(s, key, &header, arrays, data, n);
    lock_release(lock);
    str_free(&header);
    return status == ERR_BUSY ? OK : status;
}
