/* What keys say about files. */
#include "prompt/store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Some file systems keep the times of changes in steps of two seconds. */
enum { SETTLED_S = 2 };

static void append_time(struct str *out, bool *is_settled, struct timespec at)
{
    str_appendf(out, " %" PRId64 ".%09ld", (int64_t)at.tv_sec, at.tv_nsec);
    if (at.tv_sec >= time(NULL) - SETTLED_S)
        *is_settled = false;
}

int store_stamp(struct str *out, bool *is_settled, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return error_set(ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    str_appendf(out, "%" PRId64 " %" PRIu64, (int64_t)info.st_size, (uint64_t)info.st_ino);
    append_time(out, is_settled, info.st_mtim);
    append_time(out, is_settled, info.st_ctim);
    return str_status(out);
}

/* The digest that the store has under `key`; "" if there is none. */
static void look_up(char hex[DIGEST_HEX_SIZE], const struct store *s, const char *key)
{
    struct store_entry entry;
    hex[0] = '\0';
    if (store_get(&entry, s, key) != OK)
        return;
    const char *known = metadata_get(&entry.header.metadata, "sha256");
    if (known && strlen(known) + 1 == DIGEST_HEX_SIZE)
        memcpy(hex, known, DIGEST_HEX_SIZE);
    store_entry_free(&entry);
}

static void remember(const struct store *s, const char *key, const char *hex)
{
    struct metadata notes = {0};
    if (metadata_set(&notes, "sha256", hex) == OK)
        (void)store_put(s, key, NULL, NULL, 0, &notes);
    metadata_free(&notes);
}

/* The key of a file's digest; it does not change while the file does not. */
static int write_key(struct str *out, bool *is_settled, const char *path)
{
    char hex[DIGEST_HEX_SIZE]; /* a path need not be text */
    int status = digest_memory(hex, path, strlen(path));
    str_appendf(out, "digest of a file, 1\npath %s\nstamp ", hex);
    return status == OK ? store_stamp(out, is_settled, path) : status;
}

bool store_knows_file(const struct store *s, const char *path)
{
    struct str key = {0};
    bool is_settled = true;
    char hex[DIGEST_HEX_SIZE] = "";
    if (write_key(&key, &is_settled, path) == OK && is_settled)
        look_up(hex, s, str_text(&key));
    str_free(&key);
    return hex[0] != '\0';
}

int store_digest_file(char hex[DIGEST_HEX_SIZE], const struct store *s, const char *path)
{
    struct str before = {0};
    struct str after = {0};
    bool is_settled = true;
    int status = OK;
    hex[0] = '\0';
    if (!s)
        return digest_file(hex, path);
    if ((status = write_key(&before, &is_settled, path)) == OK && is_settled)
        look_up(hex, s, str_text(&before));
    if (status == OK && hex[0] == '\0' && (status = digest_file(hex, path)) == OK &&
        (status = write_key(&after, &is_settled, path)) == OK && is_settled &&
        strcmp(str_text(&before), str_text(&after)) == 0)
        remember(s, str_text(&before), hex);
    str_free(&before);
    str_free(&after);
    return status;
}
