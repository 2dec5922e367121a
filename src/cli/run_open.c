/* A trained run, or a model alone. */
#include "run_open.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/data/catalog.h"
#include "prompt/report/folder.h"
#include "prompt/run/features.h"

/* ---------------------------------------------------------------- configuration */

static bool is_untrained(const struct open_run *r)
{
    return r->takes_untrained && opt_given(r->v, "untrained");
}

int run_find_checkpoint(char **out, const char *run)
{
    char *path = path_absolute(run);
    *out = NULL;
    if (path)
        *out = str_ends_with(run, ".safetensors") ? str_dup(path) : path_join(path, RUN_CHECKPOINT_FILE);
    free(path);
    return *out ? OK : ERR_MEMORY;
}

static int check_unchanged(const struct config *c, const struct config *trained)
{
    /* keys that may have other values than in the training */
    static const char *const may_differ[] = {
        "data.dataset", "data.skip_bad_images", "precision", "products", "encoder", NULL};
    struct str here = {0};
    struct str there = {0};
    int status = OK;
    const size_t i = config_first_difference(&here, &there, c, trained, may_differ);
    if (i < config_n_keys())
        status = error_set(ERR_USAGE, "%s is %s here, but the run was trained with %s", config_key(i)->key,
                           str_text(&here), str_text(&there));
    str_free(&here);
    str_free(&there);
    return status;
}

static bool is_given(const struct config *c, const char *key)
{
    return c->origins[config_find(key)] == CONFIG_COMMAND_LINE;
}

/* Takes this machine's device or precision if those of the training are not available. */
static int adapt_to_machine(struct open_run *r)
{
    struct config *c = &r->config;
    struct device device;
    int status = OK;
    if (!is_given(c, "device") && device_parse(&device, c->device) != OK) {
        log_info(&r->log, "note: the run was trained on %s, which this machine does not have", c->device);
        status = config_set_key(c, "device", "auto");
    }
    if (status == OK)
        status = device_parse(&device, c->device);
    if (status == OK && !is_given(c, "precision") && c->precision == PRECISION_FP16 &&
        device.kind == DEVICE_CPU) {
        log_info(&r->log, "note: the run was trained in fp16; on a CPU it is used in fp32");
        c->precision = PRECISION_FP32;
    }
    if (!is_given(c, "precision"))
        config_settle_stored(c);
    if (status == OK && !is_given(c, "products") && c->products == PRODUCTS_BF16 &&
        !device_has_bf16(device)) {
        log_info(&r->log,
                 "note: the run was trained with products in bf16, which this processor does not have; "
                 "they are computed in fp32");
        c->products = PRODUCTS_FP32;
    }
    return status;
}

/* The configuration beside the checkpoint, which knows where model and data were in training; NULL if it is
 * not there, or out of memory. Owned. */
static char *find_run_config(int *status, const struct open_run *r)
{
    char *dir = path_dir(r->checkpoint_path);
    char *path = dir ? path_join(dir, RUN_CONFIG_FILE) : NULL;
    *status = path ? OK : ERR_MEMORY;
    free(dir);
    if (path && file_exists(path))
        return path;
    free(path);
    return NULL;
}

static int keep_dataset(struct open_run *r)
{
    r->dataset = str_dup(r->config.data_dataset);
    return r->dataset ? OK : ERR_MEMORY;
}

/* The configuration of the run, with the command line's keys over it. */
static int resolve_trained(struct open_run *r)
{
    char *run_config = NULL;
    struct config trained = {0};
    struct config_sources run = {.run_text = r->provenance.config, .run_name = r->checkpoint_path};
    int status = config_resolve(&trained, &run);
    if (status == OK)
        run_config = find_run_config(&status, r);
    run.run_file = run_config;
    if (status == OK && (status = opt_resolve(&r->config, r->v, &run)) == OK &&
        (status = check_unchanged(&r->config, &trained)) == OK && (status = keep_dataset(r)) == OK)
        /* the run stays one of the data set that it was trained on */
        status = config_set_key(&r->config, "data.dataset", trained.data_dataset);
    config_free(&trained);
    free(run_config);
    return status == OK ? adapt_to_machine(r) : status;
}

static int resolve_from_run(struct open_run *r)
{
    int status = provenance_read(&r->provenance, &r->progress, r->checkpoint_path);
    if (status != OK)
        return status;
    if (!r->run && opt_given(r->v, "config"))
        return error_set(ERR_USAGE, "--run and --config exclude each other: a run carries its configuration");
    if (r->progress.step == 0 && !is_untrained(r))
        return error_set(ERR_USAGE, "'%s' holds prompts that are not trained yet%s", r->checkpoint_path,
                         r->takes_untrained ? "; --untrained evaluates them" : "");
    return resolve_trained(r);
}

int run_open_resolve(struct open_run *r)
{
    const char *run = r->run ? r->run : opt_text(r->v, "run");
    int status = run ? run_find_checkpoint(&r->checkpoint_path, run) : OK;
    if (status == OK && r->checkpoint_path)
        return resolve_from_run(r);
    if (status == OK && (status = opt_resolve(&r->config, r->v, NULL)) == OK)
        status = keep_dataset(r);
    if (status == OK && r->defaults_to_clip && r->config.origins[config_find("method")] == CONFIG_DEFAULT)
        status = config_set_key(&r->config, "method", method_kind_names[METHOD_CLIP]);
    if (status == OK && method_is_fitted(r->config.method) && is_untrained(r))
        status = error_set(ERR_USAGE, "--untrained: method '%s' has nothing to evaluate before it is fitted",
                           method_kind_names[r->config.method]);
    if (status == OK && config_trains(&r->config) && !is_untrained(r))
        status = error_set(ERR_USAGE, "method '%s' has prompts to train: give --run DIR%s",
                           method_kind_names[r->config.method],
                           r->takes_untrained ? ", or --untrained to evaluate them as they start" : "");
    return status;
}

int run_open_settle_template(struct open_run *r)
{
    const struct catalog_entry *entry = NULL;
    if (strcmp(r->config.zero_shot_template, "dataset") != 0)
        return OK;
    if (r->dataset[0] == '\0')
        return error_set(ERR_USAGE,
                         "key 'zero_shot_template' asks for the template of a data set, but none is "
                         "given: give a sentence with one {}");
    int status = catalog_find(&entry, r->dataset);
    return status == OK ? config_set_key(&r->config, "zero_shot_template", entry->template) : status;
}

/* ---------------------------------------------------------------- model and method */

int run_open_model(struct open_run *r)
{
    const char *path = r->config.model_path;
    if (r->checkpoint_path && path[0] != '\0' && !is_given(&r->config, "model.path") && !file_exists(path))
        return error_set(ERR_IO, "the model of the run, '%s', is not there any more: give --model FILE",
                         path);
    return session_open_model(r->session);
}

static int check_weights(struct open_run *r)
{
    const struct weights *weights = r->session->weights;
    int status = features_hash_weights(r->session);
    if (status == OK && strcmp(weights->sha256, r->provenance.weights_sha256) != 0)
        status = error_set(ERR_USAGE,
                           "'%s' is another model than the run was trained with (SHA-256 %.16s..., expected "
                           "%.16s...)",
                           weights->path, weights->sha256, r->provenance.weights_sha256);
    return status;
}

/* Other preprocessing is an error, because it makes another model. Another decoder or tokenizer is a
 * warning: pixels and ids are close, and the record holds both. */
static int check_pipeline(struct open_run *r)
{
    const struct pipeline *trained = &r->provenance.pipeline;
    struct pipeline here;
    struct str difference = {0};
    int status = pipeline_of(&here, &r->session->weights->preprocess);
    if (status != OK)
        return status;
    pipeline_compare(&difference, trained, &here);
    status = str_status(&difference);
    if (status == OK && pipeline_preprocess_differs(trained, &here))
        status = error_set(ERR_USAGE, "the run was trained with another value of %s", str_text(&difference));
    else if (status == OK && difference.len > 0)
        log_warning(&r->log,
                    "the run was trained with another value of %s; the numbers may differ from its own",
                    str_text(&difference));
    str_free(&difference);
    pipeline_free(&here);
    return status;
}

int run_open_method(struct open_run *r, int64_t n_classes, const char *consequence)
{
    const bool has_run = r->checkpoint_path != NULL;
    int status = OK;
    if ((!has_run || (status = check_weights(r)) == OK) && (!has_run || (status = check_pipeline(r)) == OK) &&
        (status = session_create_method(&r->method, r->session, has_run ? r->provenance.n_classes : n_classes,
                                        r->provenance.n_images)) == OK &&
        has_run && !is_untrained(r))
        status = checkpoint_read_tensors(r->method, NULL, r->checkpoint_path);
    if (status == OK && !run_open_is_finished(r))
        log_warning(&r->log, "this run stopped after step %" PRId64 " of %" PRId64 "; %s", r->progress.step,
                    r->progress.n_steps, consequence);
    return status;
}

bool run_open_is_finished(const struct open_run *r)
{
    return !r->checkpoint_path || r->progress.step >= r->progress.n_steps;
}

void run_open_close(struct open_run *r)
{
    method_free(r->method);
    session_close(r->session);
    provenance_free(&r->provenance);
    free(r->checkpoint_path);
    free(r->dataset);
    config_free(&r->config);
    *r = (struct open_run){0};
}
