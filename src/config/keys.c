/* The table of keys, and its look-ups. */
#include <string.h>

#include "internal.h"
#include "prompt/base/json_write.h"

const char *const augment_names[] = {[AUGMENT_RANDOM_CROP] = "random_crop", [AUGMENT_NONE] = "none", NULL};
const char *const config_origin_names[4] = {"default", "file", "command line", "run"};

struct row {
    struct config_key key;
    size_t offset; /* of the field in struct config */
};

/* clang-format off */
#define ROW(field, path, kind_, type_, value, min_, max_, names_, help_)                                     \
    {{.key = path, .type = type_, .kind = kind_,                                                             \
      .is_hashed = kind_ == CONFIG_EXPERIMENT || kind_ == CONFIG_ADDITION, .default_text = value,            \
      .min = min_, .max = max_, .names = names_, .help = help_}, offsetof(struct config, field)},
#define KEY_I64(field, path, kind, value, min, max, help) ROW(field, path, CONFIG_##kind, CONFIG_I64, #value, min, max, NULL, help)
#define KEY_F64(field, path, kind, value, min, max, help) ROW(field, path, CONFIG_##kind, CONFIG_F64, #value, min, max, NULL, help)
#define KEY_BOOL(field, path, kind, value, help) ROW(field, path, CONFIG_##kind, CONFIG_BOOL, #value, 0, 0, NULL, help)
#define KEY_STR(field, path, kind, value, help) ROW(field, path, CONFIG_##kind, CONFIG_STR, #value, 0, 0, NULL, help)
#define KEY_ENUM(field, path, kind, value, type, help) ROW(field, path, CONFIG_##kind, CONFIG_ENUM, #value, 0, 0, type##_names, help)
/* clang-format on */

static const struct row rows[] = {
#include "prompt/config/keys.def"
};

enum { N_KEYS = sizeof rows / sizeof rows[0] };
_Static_assert(sizeof(enum method_kind) == sizeof(unsigned), "fields of enums are read and set as unsigned");

size_t config_n_keys(void)
{
    return N_KEYS;
}

const struct config_key *config_key(size_t i)
{
    return &rows[i].key;
}

size_t config_find(const char *key)
{
    for (size_t i = 0; i < N_KEYS; i++)
        if (strcmp(rows[i].key.key, key) == 0)
            return i;
    return N_KEYS;
}

/* The part after the last dot. */
static const char *last_part(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

const char *config_nearest(const char *key)
{
    const char *candidates[N_KEYS];
    for (size_t i = 0; i < N_KEYS; i++) {
        candidates[i] = rows[i].key.key;
        if (strcmp(last_part(candidates[i]), last_part(key)) == 0)
            return candidates[i]; /* "lr" and "optim.lr" mean "training.lr" */
    }
    return str_nearest(key, candidates, N_KEYS);
}

void *config_field(struct config *c, size_t i)
{
    return (char *)c + rows[i].offset;
}

const void *config_value(const struct config *c, size_t i)
{
    return (const char *)c + rows[i].offset;
}

void config_describe_values(struct str *out, const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_I64:
    case CONFIG_F64:
        str_append(out, key->type == CONFIG_I64 ? "a whole number from " : "a number from ");
        json_write_f64(out, key->min);
        str_append(out, " to ");
        json_write_f64(out, key->max);
        return;
    case CONFIG_BOOL:
        str_append(out, "true or false");
        return;
    case CONFIG_STR:
        str_append(out, "a string");
        return;
    case CONFIG_ENUM:
        str_append(out, key->names[1] ? "one of " : "");
        for (size_t i = 0; key->names[i]; i++)
            str_appendf(out, "%s\"%s\"", i > 0 ? ", " : "", key->names[i]);
        return;
    }
}

bool config_is_same(const struct config *a, const struct config *b, size_t i)
{
    const void *x = config_value(a, i), *y = config_value(b, i);
    switch (config_key(i)->type) {
    case CONFIG_BOOL:
        return *(const bool *)x == *(const bool *)y;
    case CONFIG_STR:
        return strcmp(*(char *const *)x, *(char *const *)y) == 0;
    case CONFIG_ENUM:
        return *(const unsigned *)x == *(const unsigned *)y;
    case CONFIG_I64:
    case CONFIG_F64: /* as written: -0 is not 0 */
        return memcmp(x, y, sizeof(int64_t)) == 0;
    }
    return false;
}
