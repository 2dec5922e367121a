/* Writing the configuration as JSON, and the hash of an experiment. */
#include <inttypes.h>
#include <string.h>

#include "internal.h"
#include "prompt/base/json_write.h"

void config_write_value(struct str *out, const struct config *c, size_t i)
{
    const struct config_key *key = config_key(i);
    const void *value = config_value(c, i);
    switch (key->type) {
    case CONFIG_I64:
        str_appendf(out, "%" PRId64, *(const int64_t *)value);
        return;
    case CONFIG_F64:
        json_write_f64(out, *(const double *)value);
        return;
    case CONFIG_BOOL:
        str_append(out, *(const bool *)value ? "true" : "false");
        return;
    case CONFIG_STR:
        json_write_string(out, *(char *const *)value);
        return;
    case CONFIG_ENUM:
        json_write_string(out, key->names[*(const unsigned *)value]);
        return;
    }
}

/* Length of the section's name in front of a key; 0 at the top level. */
static size_t section_len(const char *key)
{
    const char *dot = strchr(key, '.');
    return dot ? (size_t)(dot - key) : 0;
}

static bool is_same_section(const char *a, const char *b)
{
    return section_len(a) == section_len(b) && strncmp(a, b, section_len(a)) == 0;
}

typedef bool key_filter(const struct config *c, size_t i);

/* An object of keys and sections; sections are contiguous in the table and hold no others. */
static void write_keys(struct str *out, const struct config *c, key_filter *is_written)
{
    const char *before = "";
    bool is_first = true;
    str_append(out, "{");
    for (size_t i = 0; i < config_n_keys(); i++) {
        const char *key = config_key(i)->key;
        if (!is_written(c, i))
            continue;
        size_t n = section_len(key);
        bool is_new_section = !is_same_section(before, key);
        if (is_new_section && section_len(before) > 0)
            str_append(out, "\n  }");
        str_append(out, is_first ? "" : ",");
        if (is_new_section && n > 0)
            str_appendf(out, "\n  \"%.*s\": {", (int)n, key);
        str_appendf(out, "\n  %s\"%s\": ", n > 0 ? "  " : "", n > 0 ? key + n + 1 : key);
        config_write_value(out, c, i);
        before = key;
        is_first = false;
    }
    str_append(out, section_len(before) > 0 ? "\n  }\n}\n" : "\n}\n");
}

static bool is_listed(const char *key, const char *const *keys)
{
    for (; keys && *keys; keys++)
        if (strcmp(*keys, key) == 0)
            return true;
    return false;
}

static bool is_of_experiments(const struct config *c, size_t i)
{
    (void)c;
    return config_key(i)->kind != CONFIG_PRETRAINING;
}

/* Whether key `i` has the value that the table gives it. */
static bool is_default(const struct config *c, size_t i)
{
    const struct config_key *key = config_key(i);
    double number = 0.0;
    if (key->type == CONFIG_F64) /* 1e-5 is written as 1e-05 */
        return str_parse_f64(&number, key->default_text) == OK &&
               number == *(const double *)config_value(c, i);
    struct str value = {0};
    config_write_value(&value, c, i);
    const bool is_same = strcmp(str_text(&value), key->default_text) == 0;
    str_free(&value);
    return is_same;
}

static bool is_hashed(const struct config *c, size_t i)
{
    return config_key(i)->is_hashed && (config_key(i)->kind != CONFIG_ADDITION || !is_default(c, i));
}

static bool is_of_pretraining(const struct config *c, size_t i)
{
    (void)c;
    return !config_key(i)->is_hashed || is_listed(config_key(i)->key, config_pretraining_keys);
}

static bool is_of_recipes(const struct config *c, size_t i)
{
    (void)c;
    return config_key(i)->kind == CONFIG_PRETRAINING || strcmp(config_key(i)->key, "seed") == 0;
}

int config_write(struct str *out, const struct config *c)
{
    write_keys(out, c, is_of_experiments);
    return str_status(out);
}

int config_write_experiment(struct str *out, const struct config *c)
{
    write_keys(out, c, is_hashed);
    return str_status(out);
}

int config_write_pretraining(struct str *out, const struct config *c)
{
    write_keys(out, c, is_of_pretraining);
    return str_status(out);
}

int config_write_recipe(struct str *out, const struct config *c)
{
    write_keys(out, c, is_of_recipes);
    return str_status(out);
}

int config_hash(char hex[DIGEST_HEX_SIZE], const struct config *c)
{
    struct str text = {0};
    int status = config_write_experiment(&text, c);
    if (status == OK)
        status = digest_memory(hex, str_text(&text), text.len);
    str_free(&text);
    return status;
}

size_t config_first_difference(struct str *value_a, struct str *value_b, const struct config *a,
                               const struct config *b, const char *const *except)
{
    for (size_t i = 0; i < config_n_keys(); i++) {
        if (config_key(i)->kind == CONFIG_RUNTIME || is_listed(config_key(i)->key, except) ||
            config_is_same(a, b, i))
            continue;
        config_write_value(value_a, a, i);
        config_write_value(value_b, b, i);
        return i;
    }
    return config_n_keys();
}
