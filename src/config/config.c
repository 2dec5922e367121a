/* The configuration: defaults, and checks that span keys. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "prompt/data/templates.h"

/* ---------------------------------------------------------------- defaults */

/* Defaults pass through the reader, so that a default outside its own range cannot exist. */
static int set_default(struct config *c, size_t i)
{
    const char *text = config_key(i)->default_text;
    struct json_doc *doc;
    int status = json_parse(&doc, text, strlen(text), config_key(i)->key);
    if (status == OK)
        status = config_assign(c, i, json_root(doc));
    json_free(doc);
    return status;
}

int config_init(struct config *c)
{
    *c = (struct config){0};
    c->origins = calloc(config_n_keys(), sizeof *c->origins);
    int status = c->origins ? OK : error_out_of_memory();
    for (size_t i = 0; status == OK && i < config_n_keys(); i++)
        status = set_default(c, i);
    if (status != OK)
        config_free(c);
    return status;
}

void config_free(struct config *c)
{
    for (size_t i = 0; i < config_n_keys(); i++)
        if (config_key(i)->type == CONFIG_STR)
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
    if (strcmp(template, "dataset") == 0 || strcmp(template, TEMPLATES_IMAGENET_SEVEN) == 0 ||
        template_is_valid(template))
        return OK;
    return error_set(ERR_USAGE,
                     "key 'zero_shot_template': expected \"dataset\", \"" TEMPLATES_IMAGENET_SEVEN
                     "\" or a sentence with one {}, found \"%s\"",
                     template);
}

static int check_activation(const char *name)
{
    if (name[0] == '\0' || strcmp(name, "quick_gelu") == 0 || strcmp(name, "gelu") == 0)
        return OK;
    return error_set(ERR_USAGE,
                     "key 'model.activation': expected \"quick_gelu\", \"gelu\" or \"\", found \"%s\"", name);
}

/* ---------------------------------------------------------------- keys that the other command reads */

const char *const config_pretraining_keys[] = {"seed", "data.dataset", "zero_shot_template", NULL};

/* Rejects keys that this command would ignore; it reads those of `used`, too. */
static int refuse_keys(const struct config *c, bool of_pretraining, const char *const *used,
                       const char *command)
{
    for (size_t i = 0; i < config_n_keys(); i++) {
        const struct config_key *key = config_key(i);
        bool is_used = of_pretraining ? key->kind != CONFIG_PRETRAINING : !key->is_hashed;
        for (size_t j = 0; used && used[j] && !is_used; j++)
            is_used = strcmp(used[j], key->key) == 0;
        if (!is_used && c->origins[i] != CONFIG_DEFAULT)
            return error_set(ERR_USAGE, "key '%s' means nothing to %s", key->key, command);
    }
    return OK;
}

int config_check_model(const struct config *c)
{
    int status = OK;
    if ((status = refuse_keys(c, true, NULL, "this command, only to prompt pretrain")) == OK &&
        (status = check_given(c->model_path, "model", "--model FILE", "model.path")) == OK &&
        (status = check_template(c->zero_shot_template)) == OK)
        status = check_activation(c->model_activation);
    return status;
}

int config_check(const struct config *c)
{
    int status = refuse_keys(c, true, NULL, "this command, only to prompt pretrain");
    if (status == OK && strcmp(c->data_dataset, "csv") != 0) /* its list says where the images are */
        status = check_given(c->data_root, "data folder", "--data DIR", "data.root");
    if (status == OK)
        status = check_given(c->data_dataset, "data set", "--dataset NAME", "data.dataset");
    return status == OK ? config_check_model(c) : status;
}

/* Whether somebody asked for the value: no default, and no record of a run. */
static bool is_asked_for(const struct config *c, size_t i)
{
    return c->origins[i] == CONFIG_FILE || c->origins[i] == CONFIG_COMMAND_LINE;
}

static bool has_deep_context(enum method_kind method)
{
    return method == METHOD_IVLP || method == METHOD_PROMPTSRC || method == METHOD_MAPLE;
}

/* Rejects a key of one method that another one would ignore. The value that it has anyway may be there: config.json of a
 * run has all keys. */
static int refuse_keys_of_others(const struct config *c)
{
    const struct {
        const char *prefix;
        bool is_used;
    } families[] = {
        {"lora.", c->method == METHOD_CLIP_LORA},
        {"two_stage.", c->method == METHOD_TWO_STAGE},
        {"tip_adapter.", c->method == METHOD_TIP_ADAPTER},
        {"linear_probe.", c->method == METHOD_LINEAR_PROBE},
        {"views.", method_is_fitted(c->method)},
        {"context.depth", has_deep_context(c->method)},
    };
    struct config defaults = {0};
    int status = config_init(&defaults);
    for (size_t i = 0; status == OK && i < config_n_keys(); i++)
        for (size_t j = 0; status == OK && j < sizeof families / sizeof families[0]; j++)
            if (!families[j].is_used && str_starts_with(config_key(i)->key, families[j].prefix) &&
                is_asked_for(c, i) && !config_is_same(c, &defaults, i))
                status = error_set(ERR_USAGE, "key '%s' means nothing to method %s", config_key(i)->key,
                                   method_kind_names[c->method]);
    config_free(&defaults);
    return status;
}

int config_settle(struct config *c)
{
    const int64_t N = method_fixed_iterations(c->method);
    int status = refuse_keys_of_others(c);
    if (status != OK)
        return status;
    if (N == METHOD_ANY_ITERATIONS || c->n_iterations == N)
        return OK;
    if (is_asked_for(c, config_find("iterations")))
        return error_set(ERR_USAGE, "iterations is %" PRId64 ", but method %s always has %" PRId64,
                         c->n_iterations, method_kind_names[c->method], N);
    c->n_iterations = N;
    return OK;
}

void config_settle_stored(struct config *c)
{
    if (c->precision == PRECISION_BF16 && c->products == PRODUCTS_AUTO)
        c->products = PRODUCTS_BF16;
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
    if (c->steps_per_shot > 0 && c->data_shots == 0)
        return error_set(ERR_USAGE, "training.steps_per_shot counts shots, but data.shots is 0, all images");
    if (!method_is_fitted(c->method) && c->steps_per_shot == 0 && c->warmup_epochs >= c->epochs)
        return error_set(ERR_USAGE,
                         "training.warmup_epochs (%" PRId64 ") leaves no epoch of training.epochs (%" PRId64
                         ") at the rate training.lr",
                         c->warmup_epochs, c->epochs);
    return OK;
}

static int check_tower(const char *name, int64_t width, int64_t heads)
{
    if (width % heads == 0)
        return OK;
    return error_set(ERR_USAGE,
                     "pretrain.%s_width (%" PRId64 ") is not a multiple of pretrain.%s_heads (%" PRId64 ")",
                     name, width, name, heads);
}

int config_check_pretraining(const struct config *c)
{
    int status = refuse_keys(c, false, config_pretraining_keys, "prompt pretrain");
    if (status == OK && c->pretrain_image_px % c->pretrain_patch_px != 0)
        status = error_set(
            ERR_USAGE, "pretrain.image_px (%" PRId64 ") is not a multiple of pretrain.patch_px (%" PRId64 ")",
            c->pretrain_image_px, c->pretrain_patch_px);
    if (status == OK &&
        (status = check_tower("vision", c->pretrain_vision_width, c->pretrain_vision_heads)) == OK)
        status = check_tower("text", c->pretrain_text_width, c->pretrain_text_heads);
    if (status == OK && c->pretrain_warmup_steps >= c->pretrain_steps)
        status = error_set(
            ERR_USAGE, "pretrain.warmup_steps (%" PRId64 ") leaves no step of pretrain.steps (%" PRId64 ")",
            c->pretrain_warmup_steps, c->pretrain_steps);
    if (status == OK && c->data_dataset[0] != '\0')
        status = check_given(c->data_root, "data folder", "--data DIR", "data.root");
    return status == OK ? check_template(c->zero_shot_template) : status;
}
