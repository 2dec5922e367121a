/*
 * The configuration's table, defaults and checks. Reading is in config_read.c, writing and hashing in
 * config_write.c.
 */
#include "prompt/config/config.h"

#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "prompt/data/templates.h"

const char *const augment_names[] = {[AUGMENT_RANDOM_CROP] = "random_crop", [AUGMENT_NONE] = "none", NULL};
const char *const config_origin_names[4] = {"default", "file", "command line", "run"};

/* ---------------------------------------------------------------- the table */

struct row {
    struct config_key key;
    size_t offset; /* of the field in struct config */
};

/* clang-format off */
#define ROW(field, path, kind_, type_, value, min_, max_, names_, help_)                                              \
    {{.key = path, .type = type_, .kind = kind_, .is_hashed = kind_ == CONFIG_EXPERIMENT || kind_ == CONFIG_ADDITION, .default_text = value, .min = min_, .max = max_,  \
      .names = names_, .help = help_}, offsetof(struct config, field)},
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

/* The part behind the last dot. */
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
        if (strcmp(last_part(candidates[i]), last_part(key)) ==
            0) /* "lr" and "optim.lr" mean "training.lr" */
            return candidates[i];
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

/* ---------------------------------------------------------------- defaults */

/* Defaults pass through the reader, so that a default outside its own range cannot exist. */
static int set_default(struct config *c, size_t i)
{
    const char *text = rows[i].key.default_text;
    struct json_doc *doc;
    int status = json_parse(&doc, text, strlen(text), rows[i].key.key);
    if (status == OK)
        status = config_assign(c, i, json_root(doc));
    json_free(doc);
    return status;
}

int config_init(struct config *c)
{
    *c = (struct config){0};
    c->origins = calloc(N_KEYS, sizeof *c->origins);
    if (!c->origins)
        return error_out_of_memory();
    for (size_t i = 0; i < N_KEYS; i++) {
        int status = set_default(c, i);
        if (status != OK) {
            config_free(c);
            return status;
        }
    }
    return OK;
}

void config_free(struct config *c)
{
    for (size_t i = 0; i < N_KEYS; i++)
        if (rows[i].key.type == CONFIG_STR)
            free(*(char **)config_field(c, i));
    free(c->origins);
    *c = (struct config){0};
}

/* ---------------------------------------------------------------- checks that span keys */

static int check_given(const char *value, const char *what, const char *flag, const char *key)
{
    if (value[0] != '\0')
        return OK;
    return error_set(ERR_USAGE, "no %s is given: pass %s, or set the key '%s'", what, flag, key);
}

static int check_template(const char *template)
{
    if (strcmp(template, "dataset") == 0)
        return OK;
    if (template_is_valid(template))
        return OK;
    return error_set(ERR_USAGE,
                     "key 'zero_shot_template': expected \"dataset\" or a sentence with one {}, found \"%s\"",
                     template);
}

const char *const config_pretraining_keys[] = {"seed", "data.dataset", "zero_shot_template", NULL};

/* A key of another command would change nothing; those `used` are this command's, too. */
static int refuse_keys(const struct config *c, bool of_pretraining, const char *const *used,
                       const char *command)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        const struct config_key *key = &rows[i].key;
        bool is_used = of_pretraining ? key->kind != CONFIG_PRETRAINING : !key->is_hashed;
        for (size_t j = 0; used && used[j] && !is_used; j++)
            is_used = strcmp(used[j], key->key) == 0;
        if (!is_used && c->origins[i] != CONFIG_DEFAULT)
            return error_set(ERR_USAGE, "key '%s' means nothing to %s", key->key, command);
    }
    return OK;
}

int config_check(const struct config *c)
{
    int status = refuse_keys(c, true, NULL, "this command, only to prompt pretrain");
    if (status == OK && strcmp(c->data_dataset, "csv") != 0) /* its list says where the images are */
        status = check_given(c->data_root, "data folder", "--data DIR", "data.root");
    if (status == OK &&
        (status = check_given(c->data_dataset, "data set", "--dataset NAME", "data.dataset")) == OK &&
        (status = check_given(c->model_path, "model", "--model FILE", "model.path")) == OK)
        status = check_template(c->zero_shot_template);
    if (status == OK && strcmp(c->model_activation, "") != 0 &&
        strcmp(c->model_activation, "quick_gelu") != 0 && strcmp(c->model_activation, "gelu") != 0)
        status = error_set(ERR_USAGE,
                           "key 'model.activation': expected \"quick_gelu\", \"gelu\" or \"\", found \"%s\"",
                           c->model_activation);
    return status;
}

int config_settle(struct config *c)
{
    const int64_t N = method_fixed_iterations(c->method);
    const enum config_origin origin = c->origins[config_find("iterations")];
    if (N == METHOD_ANY_ITERATIONS || c->n_iterations == N)
        return OK;
    if (origin == CONFIG_FILE || origin == CONFIG_COMMAND_LINE)
        return error_set(ERR_USAGE, "iterations is %lld, but method %s always has %lld",
                         (long long)c->n_iterations, method_kind_names[c->method], (long long)N);
    c->n_iterations = N;
    return OK;
}

bool config_trains(const struct config *c)
{
    return c->method != METHOD_CLIP && c->n_iterations > 0;
}

int config_check_training(const struct config *c)
{
    int status = config_check(c);
    if (status != OK)
        return status;
    if (c->method == METHOD_CLIP)
        return error_set(ERR_USAGE, "method clip trains nothing: evaluate it with prompt eval");
    if (c->n_iterations == 0)
        return error_set(ERR_USAGE, "iterations is 0, which is CLIP itself and trains nothing: "
                                    "evaluate it with prompt eval --config configs/zeroshot.json");
    if (c->warmup_epochs >= c->epochs)
        return error_set(
            ERR_USAGE,
            "training.warmup_epochs (%lld) leaves no epoch of training.epochs (%lld) at the rate "
            "training.lr",
            (long long)c->warmup_epochs, (long long)c->epochs);
    return OK;
}

static int check_tower(const char *name, int64_t width, int64_t heads)
{
    if (width % heads == 0)
        return OK;
    return error_set(ERR_USAGE, "pretrain.%s_width (%lld) is no multiple of pretrain.%s_heads (%lld)", name,
                     (long long)width, name, (long long)heads);
}

int config_check_pretraining(const struct config *c)
{
    int status = refuse_keys(c, false, config_pretraining_keys, "prompt pretrain");
    if (status == OK && c->pretrain_image_px % c->pretrain_patch_px != 0)
        status = error_set(ERR_USAGE, "pretrain.image_px (%lld) is no multiple of pretrain.patch_px (%lld)",
                           (long long)c->pretrain_image_px, (long long)c->pretrain_patch_px);
    if (status == OK &&
        (status = check_tower("vision", c->pretrain_vision_width, c->pretrain_vision_heads)) == OK)
        status = check_tower("text", c->pretrain_text_width, c->pretrain_text_heads);
    if (status == OK && c->pretrain_warmup_steps >= c->pretrain_steps)
        status = error_set(ERR_USAGE, "pretrain.warmup_steps (%lld) leaves no step of pretrain.steps (%lld)",
                           (long long)c->pretrain_warmup_steps, (long long)c->pretrain_steps);
    if (status == OK && c->data_dataset[0] != '\0')
        status = check_given(c->data_root, "data folder", "--data DIR", "data.root");
    return status == OK ? check_template(c->zero_shot_template) : status;
}
