/**
 * A folder of arrays that cost more to compute than to read. Each is found again by a key, a text that names
 * everything on which it depends.
 *
 * An entry is a safetensors file that is there whole or not at all. It holds its key and a digest, so neither
 * damage nor a renamed file gives other numbers. Many processes may use a folder at once.
 */
#ifndef PROMPT_STORE_STORE_H
#define PROMPT_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/base/digest.h"
#include "prompt/base/str.h"
#include "prompt/safetensors/header.h"

struct store {
    char *dir;          /* owned; absolute */
    uint64_t max_bytes; /* of all entries together */
};

/** The user's cache folder of this program, owned: $XDG_CACHE_HOME/prompt, or ~/.cache/prompt; NULL if the
 * environment names neither, or when out of memory. */
char *store_user_dir(void);

/**
 * Neither makes nor reads the folder: store_put makes it.
 * @param out  owned: store_close frees it
 * @param dir  absolute
 * @return OK; ERR_MEMORY
 */
int store_open(struct store **out, const char *dir, uint64_t max_bytes);
void store_close(struct store *s);

/** An entry in memory. */
struct store_entry {
    char *file; /* owned: the whole file; NULL: not found */
    size_t n_bytes;
    struct safetensors_header header;
};

/**
 * Reads the entry of a key and makes it the last one to be removed.
 * @param out  owned: store_entry_free frees it; `file` is NULL if there is no such entry
 * @return OK also if there is none; ERR_FORMAT for a damaged entry or one of another key, which is removed;
 *         ERR_IO; ERR_MEMORY
 */
int store_get(struct store_entry *out, const struct store *s, const char *key);
/** The values of an array, borrowed; NULL if there is none of this name, type and shape. */
const void *store_entry_array(const struct store_entry *e, const char *name, enum dtype dtype,
                              const int64_t *dims, size_t n_dims);
void store_entry_free(struct store_entry *e);

/**
 * Writes the entry of a key, and first removes those that were not used for longest until it fits. Does
 * nothing if it is larger than the limit, or if another process has locked the folder for two seconds.
 * @param arrays  [n], whose offsets are ignored
 * @param data    [n], the values of each
 * @param notes   texts beside the arrays, read from the entry's header.metadata; may be NULL
 * @return OK; ERR_IO; ERR_MEMORY
 */
int store_put(const struct store *s, const char *key, const struct safetensors_entry *arrays,
              const void *const *data, size_t n, const struct metadata *notes);

/* ---------------------------------------------------------------- files that keys depend on */

/**
 * Appends what changes with a file's content: size, times of the last change, inode.
 * @param is_settled  becomes false if the file changed less than two seconds ago, when another change may
 *                    leave the same times; is never set to true
 * @return OK; ERR_IO
 */
int store_stamp(struct str *out, bool *is_settled, const char *path);
/** SHA-256 of a file; that of an unchanged one is read from the store. `s` may be NULL. Failures of the store
 * itself are none. */
int store_digest_file(char hex[DIGEST_HEX_SIZE], const struct store *s, const char *path);
/** Whether store_digest_file would not read the file. */
bool store_knows_file(const struct store *s, const char *path);

#endif
