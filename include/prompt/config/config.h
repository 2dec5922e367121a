/**
 * The configuration of a run: one table of keys (keys.def), strict JSON files, assignments, and the order in
 * which one source overrides another (config_resolve).
 *
 * Unknown keys (with the nearest known one), wrong types, duplicates and values out of range are errors with
 * file, line and key. Nothing is a warning.
 */
#ifndef PROMPT_CONFIG_CONFIG_H
#define PROMPT_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/base/digest.h"
#include "prompt/base/error.h"
#include "prompt/base/str.h"
#include "prompt/clip/encoder.h"
#include "prompt/data/dataset_open.h"
#include "prompt/methods/options.h"
#include "prompt/nn/schedule.h"

struct json;
struct json_doc;

enum augment { AUGMENT_RANDOM_CROP, AUGMENT_NONE };
extern const char *const augment_names[]; /* ends with NULL */

enum config_type { CONFIG_I64, CONFIG_F64, CONFIG_BOOL, CONFIG_STR, CONFIG_ENUM };
/** See keys.def. */
enum config_kind { CONFIG_RUNTIME, CONFIG_EXPERIMENT, CONFIG_ADDITION, CONFIG_PRETRAINING };
enum config_origin { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_COMMAND_LINE, CONFIG_RUN };
extern const char *const config_origin_names[4]; /* "default", "file", "command line", "run" */

/** One field per key, generated from keys.def. Strings are owned. */
struct config {
#define KEY_I64(field, key, kind, value, min, max, help) int64_t field;
#define KEY_F64(field, key, kind, value, min, max, help) double field;
#define KEY_BOOL(field, key, kind, value, help) bool field;
#define KEY_STR(field, key, kind, value, help) char *field;
#define KEY_ENUM(field, key, kind, value, type, help) enum type field;
#include "prompt/config/keys.def"
    enum config_origin *origins; /* [config_n_keys()], owned; in table order */
};

/** A row of the table, for help, the reference page and --dry-run. */
struct config_key {
    const char *key; /* dotted path, "training.lr"; at most one dot */
    enum config_type type;
    enum config_kind kind;
    bool is_hashed;           /* defines the experiment: part of config_hash, an ADDITION off its default */
    const char *default_text; /* as JSON */
    double min, max;          /* of numbers */
    const char *const *names; /* of an enum, NULL-terminated */
    const char *help;
};
size_t config_n_keys(void);
const struct config_key *config_key(size_t i); /* borrowed from the table, as are its texts */
/** The row of a dotted path; config_n_keys() for an unknown one. */
size_t config_find(const char *key);
/** Appends a description of the key's values: "a whole number
 * from 1 to 16", "one of \"cosine\", \"constant\"". */
void config_describe_values(struct str *out, const struct config_key *key);
/** The known key nearest to an unknown one, borrowed; NULL if none is near enough to be a misspelling. */
const char *config_nearest(const char *key);

int config_init(struct config *c);  /* with the defaults */
void config_free(struct config *c); /* of an initialized or zeroed one; leaves it zeroed */

/* ---------------------------------------------------------------- sources */

/** An assignment of a command line; texts are borrowed. */
struct config_setting {
    const char *option; /* "seed" of --seed, "set" of --set; for messages */
    const char *key;    /* NULL: `text` is KEY=VALUE, with quotes around a string or without */
    const char *text;   /* with a key its value; a string is taken as it is, quotes and all */
};

/** Sources of a configuration, in the order in which each overrides
 * those before it. NULL or 0: no such source. All are borrowed. */
struct config_sources {
    const char *run_file;                /* config.json in the folder of a run */
    const char *run_text;                /* the experiment's keys in the checkpoint of a run, as JSON */
    const char *run_name;                /* of run_text, for messages */
    const char *file;                    /* --config, or a preset; files that it extends come before it */
    const struct str_list *row_sets;     /* KEY=VALUE of an experiment: changes of a row in its preset ... */
    const struct str_list *dataset_sets; /* ... and of the row on one data set */
    const struct str_list *user_sets;    /* KEY=VALUE over every row */
    const struct config_setting *settings; /* [n_settings], the command line; a key twice is an error */
    size_t n_settings;
    const struct str_list *fixed_sets; /* KEY=VALUE of an experiment that the user cannot change */
};

/**
 * Makes the configuration of these sources, over the defaults.
 * @param out  owned; zeroed on failure
 * @return OK; ERR_USAGE with file, line and key, or with the option; ERR_IO; ERR_MEMORY
 */
int config_resolve(struct config *out, const struct config_sources *from);

/**
 * Reads a JSON file of nested objects ({"training": {"lr": 0.008}}) over `c`; origin CONFIG_FILE. A member
 * "extends" names another file, relative to this one, that is read first: a preset is its differences.
 */
int config_read_file(struct config *c, const char *path);
/** The same from text. `origin` is that of every key in it. On failure `c` may hold some of its keys. */
int config_read_text(struct config *c, const char *text, size_t n, const char *name,
                     enum config_origin origin);
/** The same from an object of a parsed document. */
int config_read_json(struct config *c, const struct json_doc *doc, const struct json *object,
                     enum config_origin origin);
/** Sets "training.lr=0.004"; strings and enums unquoted or quoted. Origin CONFIG_COMMAND_LINE. */
int config_set(struct config *c, const char *assignment);
/** Sets one key; a string is taken as it is, quotes and all. Origin CONFIG_COMMAND_LINE. */
int config_set_key(struct config *c, const char *key, const char *value);

/* ---------------------------------------------------------------- checks */

/** Checks combinations of keys, and that model, data root and data set are given. ERR_USAGE. */
int config_check(const struct config *c);
/** The same for a command that needs no data set. */
int config_check_model(const struct config *c);
/** Sets `iterations` to the value that the method always has. ERR_USAGE if another one was asked for, or a key of
 * another method (lora.rank of CoOp, say). */
int config_settle(struct config *c);
/** Sets keys that a stored run of an older program does not have, to what they were for it: products in bf16. */
void config_settle_stored(struct config *c);
/** Whether the method has prompts to train: not CLIP, and not ProMPT without iterations. */
bool config_trains(const struct config *c);
/** config_check, and ERR_USAGE if there is nothing to train. */
int config_check_training(const struct config *c);
/** Checks that the keys are those of prompt pretrain and
 * fit together: sizes divide, warm-up ends. ERR_USAGE. */
int config_check_pretraining(const struct config *c);

/* ---------------------------------------------------------------- writing, comparing */

/** Appends every key but those of pre-training as nested
 * JSON, in table order, numbers in their shortest form. */
int config_write(struct str *out, const struct config *c);
/** Appends the keys that prompt pretrain reads. */
int config_write_pretraining(struct str *out, const struct config *c);
/** Appends those of these keys that define the model: a recipe. */
int config_write_recipe(struct str *out, const struct config *c);
/** Appends the hashed keys alone, which define the experiment wherever it ran. */
int config_write_experiment(struct str *out, const struct config *c);
/**
 * SHA-256 of config_write_experiment: two runs of equal hash are the same experiment.
 *
 * A key of kind ADDITION is hashed only off its default, so that experiments from before it keep their hash.
 *
 * Keys of kind RUNTIME are not hashed: model.path, model.merges and data.root (records hold digests of
 * the files there), data.workers, data.cache_mib, device, threads and evaluation.batch_size (they change
 * rounding at most), training.check_images (it only prints). The digest of zero_shot_templates_file is
 * hashed in its place. `precision` and `products` are hashed: replace "auto" by the resolved one before.
 */
int config_hash(char hex[DIGEST_HEX_SIZE], const struct config *c);
/**
 * Finds the first key of an experiment or a pre-training in which two configurations differ, and appends both
 * values as JSON.
 * @param except  keys that do not count, NULL-terminated; may be NULL
 * @return its index; config_n_keys() if they do not differ, with nothing appended
 */
size_t config_first_difference(struct str *value_a, struct str *value_b, const struct config *a,
                               const struct config *b, const char *const *except);
/** Whether key `i` has the same value in both. */
bool config_is_same(const struct config *a, const struct config *b, size_t i);
/** Appends the value of key `i` as JSON. */
void config_write_value(struct str *out, const struct config *c, size_t i);

/* ---------------------------------------------------------------- data (dataset.c) */

/** Where data set `name` is; data.split_file and data.image_dir are those
 * of data.dataset alone. The texts are borrowed from `c` and `name`. */
struct dataset_options config_dataset_options(const struct config *c, const char *name);

/**
 * Draws the few-shot sample of a training over all classes,
 * cuts it to the trained ones and looks for every image.
 * @param out      owned; item_list_free frees it, also on failure
 * @param out_val  likewise, of the validation pictures, at most 4 a class; may be empty. NULL: not needed
 * @return OK; ERR_FORMAT for an empty sample; ERR_IO for a missing image
 */
int config_draw_sample(struct item_list *out, struct item_list *out_val, const struct config *c,
                       const struct dataset *d);

#endif
