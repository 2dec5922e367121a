/* Features of the frozen towers, from the store or into it. */
#include "prompt/run/features.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "feature_key.h"
#include "prompt/store/store.h"

/* ---------------------------------------------------------------- the store of a session */

/* The folder of the store, owned; NULL: none. */
static char *find_folder(struct session *s)
{
    const char *dir = s->config->store_dir;
    if (strcmp(dir, "off") == 0)
        return NULL;
    return strcmp(dir, "auto") == 0 ? store_user_dir() : str_dup(dir);
}

int features_open_store(struct session *s)
{
    char *dir = find_folder(s);
    int status = dir ? store_open(&s->store, dir, (uint64_t)s->config->store_max_mib << 20) : OK;
    free(dir);
    return status;
}

/* Goes on without the store, after one note. */
static void give_up(struct session *s)
{
    log_info(s->log, "note: features are not kept: %s", error_message());
    store_close(s->store);
    s->store = NULL;
}

int features_hash_weights(const struct session *s)
{
    struct weights *w = s->weights;
    char hex[DIGEST_HEX_SIZE];
    if (w->sha256[0] != '\0')
        return OK;
    if (!s->store || !w->path || w->shards.n > 0)
        return weights_hash(w);
    int status = store_digest_file(hex, s->store, w->path);
    if (status == OK)
        weights_accept_hash(w, hex);
    return status;
}

/* Whether the weights' digest is known already, or takes no longer than the features of `n_texts` captions:
 * on two cores a caption takes as long as the digest of 2 MB. */
static bool is_worth_a_digest(const struct session *s, int64_t n_texts)
{
    const int64_t bytes_per_text = 2 << 20;
    struct stat info;
    if (s->weights->sha256[0] != '\0' || store_knows_file(s->store, s->weights->path))
        return true;
    return stat(s->weights->path, &info) == 0 && (int64_t)info.st_size <= n_texts * bytes_per_text;
}

/* Begins a key; false without a store. */
static bool begin_key(struct str *out, struct session *s)
{
    if (!s->store || !s->weights->path)
        return false;
    int status = OK;
    if (s->feature_key.len == 0) {
        status = features_hash_weights(s);
        if (status == OK)
            status = feature_key_begin(&s->feature_key, s);
    }
    if (status != OK)
        give_up(s);
    str_append(out, str_text(&s->feature_key));
    return status == OK;
}

/* The values [n] of an entry with this one array, or NULL. A bad entry is noted. */
static const float *find_values(struct store_entry *out, struct session *s, const char *key,
                                const int64_t *dims)
{
    int status = store_get(out, s->store, key);
    if (status == ERR_FORMAT)
        log_info(s->log, "note: features are computed again, for an entry of the store is damaged: %s",
                 error_message());
    else if (status != OK)
        give_up(s);
    return status == OK && out->file ? store_entry_array(out, "features", DTYPE_F32, dims, 2) : NULL;
}

static void put_values(struct session *s, const char *key, const float *values, const int64_t *dims,
                       const struct metadata *notes)
{
    const struct safetensors_entry array = {
        .name = "features", .dtype = DTYPE_F32, .dims = {dims[0], dims[1]}, .n_dims = 2};
    const void *const data[] = {values};
    if (store_put(s->store, key, &array, data, 1, notes) != OK)
        give_up(s);
}

/* The type that the encoder gave the features; false if the entry does not tell. */
static bool read_dtype(enum dtype *out, const struct store_entry *e)
{
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};
    const char *name = metadata_get(&e->header.metadata, "dtype");
    for (size_t i = 0; name && i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (strcmp(name, dtype_name(dtypes[i])) == 0) {
            *out = dtypes[i];
            return true;
        }
    return false;
}

/* ---------------------------------------------------------------- captions */

static tensor *find_captions(scope *owner, struct session *s, const char *key, int64_t K)
{
    struct store_entry entry = {0};
    enum dtype dtype = DTYPE_F32;
    tensor *z = NULL;
    const int64_t dims[] = {K, s->clip->dims.embed_dim};
    const float *values = find_values(&entry, s, key, dims);
    if (values && read_dtype(&dtype, &entry))
        z = t_from_f32(owner, values, SHAPE(1, dims[0], dims[1]), dtype, s->clip->device);
    store_entry_free(&entry);
    return z;
}

static void keep_captions(scope *owner, struct session *s, const char *key, const tensor *z)
{
    const int64_t dims[] = {t_size(z, 1), t_size(z, 2)};
    struct metadata notes = {0};
    float *values = scope_ok(owner) ? malloc((size_t)t_numel(z) * sizeof *values) : NULL;
    if (values && t_read_f32(values, (size_t)t_numel(z), owner, z) == OK &&
        metadata_set(&notes, "dtype", dtype_name(t_dtype(z))) == OK)
        put_values(s, key, values, dims, &notes);
    metadata_free(&notes);
    free(values);
}

tensor *features_of_captions(scope *owner, struct session *s, const struct clip *model,
                             const struct token_rows *captions, size_t n_templates, enum template_mean mean)
{
    struct str key = {0};
    tensor *z = NULL;
    const bool has_key = model == s->clip && s->store && s->weights->path &&
                         is_worth_a_digest(s, captions[0].n * (int64_t)n_templates) && begin_key(&key, s) &&
                         feature_key_captions(&key, captions, n_templates, mean) == OK;
    if (has_key)
        z = find_captions(owner, s, str_text(&key), captions[0].n);
    if (!z) {
        z = clip_encode_captions(owner, model, captions, n_templates, mean);
        if (has_key && s->store)
            keep_captions(owner, s, str_text(&key), z);
    }
    str_free(&key);
    return z;
}

/* ---------------------------------------------------------------- images */

/* The key of the pictures' features, owned; NULL if there is no store, or if a picture cannot be found or has
 * just been written. */
static int write_key(char **out, struct session *s, const struct image_source *source)
{
    struct str key = {0};
    bool is_settled = false;
    *out = NULL;
    int status = OK;
    if (begin_key(&key, s))
        status = feature_key_images(&key, &is_settled, s, source);
    if (status == OK && is_settled) {
        *out = key.data;
        return OK;
    }
    str_free(&key);
    return status == ERR_MEMORY ? status : OK; /* the loader will say which picture is not there */
}

static int find_images(struct image_features *f, struct session *s)
{
    struct store_entry entry = {0};
    const int64_t dims[] = {f->n, f->d};
    const float *values = find_values(&entry, s, f->key, dims);
    const char *damaged = metadata_get(&entry.header.metadata, "first_damaged");
    int status = OK;
    if (values && damaged && read_dtype(&f->dtype, &entry) &&
        metadata_get_i64(&f->n_damaged, &entry.header.metadata, "n_damaged") == OK) {
        memcpy(f->values, values, (size_t)(f->n * f->d) * sizeof *values);
        f->first_damaged = str_dup(damaged);
        f->is_found = f->first_damaged != NULL;
        status = f->is_found ? OK : ERR_MEMORY;
    }
    store_entry_free(&entry);
    return status;
}

int image_features_open(struct image_features *out, struct session *s, const struct image_source *source)
{
    *out = (struct image_features){.n = (int64_t)source->items->n};
    int status = write_key(&out->key, s, source);
    if (status != OK || !out->key)
        return status;
    out->d = s->clip->dims.embed_dim;
    out->values = malloc((size_t)(out->n * out->d) * sizeof *out->values);
    status = out->values ? find_images(out, s) : error_out_of_memory();
    if (status != OK)
        image_features_close(out);
    return status;
}

tensor *image_features_rows(scope *s, const struct image_features *f, const struct clip *model,
                            const size_t *items, int64_t n)
{
    const size_t d = (size_t)f->d;
    float *rows = malloc((size_t)n * d * sizeof *rows);
    if (!rows) {
        scope_fail(s, error_out_of_memory());
        return NULL;
    }
    for (int64_t i = 0; i < n; i++)
        memcpy(rows + (size_t)i * d, f->values + items[i] * d, d * sizeof *rows);
    tensor *x = t_from_f32(s, rows, SHAPE(n, f->d), f->dtype, model->device);
    free(rows);
    return x;
}

int image_features_keep(struct image_features *f, struct session *s, const struct image_source *source,
                        int64_t n_damaged, const char *first_damaged)
{
    char *key = NULL;
    struct metadata notes = {0};
    const int64_t dims[] = {f->n, f->d};
    if (!f->key || f->is_found)
        return OK;
    int status = write_key(&key, s, source);
    if (status == OK && key && strcmp(key, f->key) == 0 &&
        (status = metadata_set(&notes, "dtype", dtype_name(f->dtype))) == OK &&
        (status = metadata_set_i64(&notes, "n_damaged", n_damaged)) == OK &&
        (status = metadata_set(&notes, "first_damaged", first_damaged)) == OK)
        put_values(s, key, f->values, dims, &notes);
    metadata_free(&notes);
    free(key);
    return status;
}

void image_features_close(struct image_features *f)
{
    free(f->key);
    free(f->values);
    free(f->first_damaged);
    *f = (struct image_features){0};
}
