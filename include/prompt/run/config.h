/**
 * The configuration of a run: one table of keys (config_keys.def), strict JSON files, overrides.
 *
 * Later sources win: defaults, then the file, then the command line (--set key=value and flags that are keys).
 * Unknown keys (with the nearest known one), wrong types, duplicates and values out of range are errors with
 * file, line and key path. Nothing is a warning.
 */
#ifndef PROMPT_RUN_CONFIG_H
#define PROMPT_RUN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/base/digest.h"
#include "prompt/base/error.h"
#include "prompt/base/str.h"

enum config_type { CONFIG_I64, CONFIG_F64, CONFIG_BOOL, CONFIG_STR, CONFIG_ENUM };
enum config_origin { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_COMMAND_LINE, CONFIG_RUN };
extern const char *const config_origin_names[4]; /* "default", "file", "command line", "run" */

/** One field per key; generated from config_keys.def. Enum keys hold the index of their name. Strings are owned. */
struct config {
#define KEY_I64(field, key, value, min, max, help) int64_t field;
#define KEY_F64(field, key, value, min, max, help) double field;
#define KEY_BOOL(field, key, value, help) bool field;
#define KEY_STR(field, key, value, help) char *field;
#define KEY_ENUM(field, key, value, names, help) int64_t field;
#include "prompt/run/config_keys.def"
    enum config_origin *origins; /* [config_n_keys()], in table order */
};

/** A row of the table, for help, the reference page and --dry-run. */
struct config_key {
    const char *key; /* dotted path, "training.lr" */
    enum config_type type;
    const char *default_text; /* as JSON */
    double min, max;          /* of numbers */
    const char *const *names; /* of an enum, NULL-terminated */
    const char *help;
};
size_t config_n_keys(void);
const struct config_key *config_key(size_t i);

int config_init(struct config *c); /* defaults */
void config_free(struct config *c);

/** Reads a JSON file of nested objects ({"training": {"lr": 0.008}}) over `c`; origin CONFIG_FILE. */
int config_read_file(struct config *c, const char *path);
/** The same from text; `origin` is noted for every key that it sets. */
int config_read_text(struct config *c, const char *text, size_t n, const char *name, enum config_origin origin);
/** "training.lr=0.004"; strings and enums unquoted or quoted. Origin CONFIG_COMMAND_LINE. */
int config_set(struct config *c, const char *assignment);

/** Checks that span keys, and that values needed by training are there. */
int config_check(const struct config *c);

/** Nested JSON, every key, table order, numbers in shortest form: what is stored, hashed and read back. */
int config_write(struct str *out, const struct config *c);
/**
 * SHA-256 of config_write without the keys that cannot change a result (paths, device, threads, workers, cache):
 * two runs of equal hash are the same experiment.
 */
int config_hash(char hex[DIGEST_HEX_SIZE], const struct config *c);
/** The value of key `i` as JSON text, appended. */
void config_write_value(struct str *out, const struct config *c, size_t i);

#endif
