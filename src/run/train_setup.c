/* Before the first step: open, check, print the cost, take the run folder. */
#include "train_setup.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit.h"
#include "prompt/base/file.h"
#include "prompt/base/interrupt.h"
#include "prompt/data/catalog.h"
#include "prompt/methods/fit.h"
#include "prompt/nn/exchange.h"
#include "prompt/run/cost.h"
#include "prompt/run/eval.h"
#include "prompt/run/features.h"
#include "train_check.h"
#include "train_ranks.h"

/* ---------------------------------------------------------------- data */

static int fill_provenance(struct training *t)
{
    char sample[DIGEST_HEX_SIZE];
    int status = item_list_digest(sample, &t->items);
    return status == OK ? checkpoint_provenance(&t->provenance, t->session, t->classes.names, t->classes.n,
                                                sample, (int64_t)t->items.n)
                        : status;
}

/* ---------------------------------------------------------------- open */

static int refuse_pipeline(const struct training *t, const struct provenance *stored)
{
    struct str difference = {0};
    pipeline_compare(&difference, &stored->pipeline, &t->provenance.pipeline);
    int status = str_status(&difference);
    if (status == OK && difference.len > 0)
        status = error_set(
            ERR_USAGE,
            "cannot resume '%s': it was trained with another value of %s; start again with --force, or "
            "resume with the program that started it",
            t->options->out_dir, str_text(&difference));
    str_free(&difference);
    return status;
}

/* Explains how the sample of own folders may have changed though the folders have not. */
static const char *hint_of_sample(const struct training *t)
{
    const struct catalog_entry *entry = catalog_get(t->dataset->name);
    return entry && entry->layout == LAYOUT_FOLDER ? "; its folders hold other pictures now, or this program "
                                                     "reads some that an earlier one left out: those in "
                                                     "sub-folders, and of more formats"
                                                   : "";
}

/* ERR_USAGE naming the first difference from the stored run, if there is one. */
static int different_from(const struct training *t, const struct provenance *stored)
{
    const struct {
        const char *what;
        const char *stored;
        const char *here;
    } parts[] = {
        {"the weights of the model", stored->weights_sha256, t->provenance.weights_sha256},
        {"the few-shot sample", stored->sample_digest, t->provenance.sample_digest},
        {"the class names", stored->class_digest, t->provenance.class_digest},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(parts[i].stored, parts[i].here) != 0)
            return error_set(ERR_USAGE,
                             "cannot resume '%s': it was trained with other values of %s (%s, here %s)%s",
                             t->options->out_dir, parts[i].what, parts[i].stored, parts[i].here,
                             parts[i].stored == stored->sample_digest ? hint_of_sample(t) : "");
    return refuse_pipeline(t, stored);
}

/* The optimizer of the method's stage. */
static int open_optimizer(struct training *t)
{
    struct optimizer_options options = session_optimizer_options(t->session->config);
    options.average.n_epochs = t->n_epochs;
    optimizer_deinit(&t->optimizer); /* of the stage before */
    return optimizer_init(&t->optimizer, t->session->scope, method_active(t->method), &options);
}

/* A fit takes no steps. */
static int open_buffers(struct training *t)
{
    const struct session *s = t->session;
    return method_is_fitted(s->config->method)
               ? OK
               : batch_buffers_open(&t->buffers, s->scope, s->clip, s->config->batch_size);
}

int training_begin_stage(struct training *t, int64_t index)
{
    int status = method_begin_stage(t->method, index, &t->classes.texts);
    if (status == OK)
        status = exchange_values(t->session->scope, t->session->ranks, &t->method->trained);
    return status == OK ? open_optimizer(t) : status;
}

/* The stage of the last finished step. */
static int enter_stage(struct training *t, const struct progress *at)
{
    int status = method_enter_stage(t->method, method_stage_at(t->method, at->step, at->n_steps).index);
    return status == OK ? open_optimizer(t) : status;
}

int training_restore(struct training *t, const void *bytes, size_t n_bytes)
{
    int status = enter_stage(t, &t->progress);
    return status == OK ? checkpoint_restore(t->method, &t->optimizer, bytes, n_bytes) : status;
}

bool training_writes(const struct training *t)
{
    return !t->is_dry && ranks_is_first(t->session->ranks);
}

static int load_checkpoint(struct training *t)
{
    struct provenance stored = {0};
    struct progress at = {0};
    int status = OK;
    if ((status = provenance_read(&stored, &at, t->files.checkpoint_path)) == OK &&
        (status = different_from(t, &stored)) == OK && (status = enter_stage(t, &at)) == OK)
        status = checkpoint_read_tensors(t->method, &t->optimizer, t->files.checkpoint_path);
    if (status == OK && (at.n_steps != t->progress.n_steps || at.step > at.n_steps))
        status =
            error_set(ERR_FORMAT,
                      "'%s': step %" PRId64 " of %" PRId64 " does not fit this training of %" PRId64 " steps",
                      t->files.checkpoint_path, at.step, at.n_steps, t->progress.n_steps);
    if (status == OK && (at.step != at.epoch * t->steps_per_epoch + at.step_in_epoch ||
                         at.step_in_epoch >= t->steps_per_epoch))
        status = error_set(ERR_FORMAT,
                           "'%s': epoch %" PRId64 " and step %" PRId64 " of it do not make step %" PRId64,
                           t->files.checkpoint_path, at.epoch, at.step_in_epoch, at.step);
    if (status == OK) {
        t->progress = at;
        t->has_checkpoint = true;
    }
    provenance_free(&stored);
    return status;
}

/* Of a fit the loader gives views, whole and in order, and every picture must be readable. */
static int open_loader(struct training *t)
{
    const struct config *c = t->session->config;
    const bool is_fitted = method_is_fitted(c->method);
    struct loader_options options =
        session_loader_options(t->session, is_fitted ? c->eval_batch_size : c->batch_size);
    options.input.augment = c->augment == AUGMENT_RANDOM_CROP;
    options.shuffle = c->shuffle && !is_fitted;
    options.drop_last = c->drop_last && !is_fitted;
    options.skip_bad_images = options.skip_bad_images && !is_fitted;
    options.cache_bytes = (size_t)c->data_cache_mib << 20;
    options.part = t->division.group;
    options.n_parts = t->division.n_groups;
    int status = loader_open(&t->loader, &t->items, t->dataset->image_dir, &options);
    if (status != OK)
        return status;
    if (is_fitted) {
        t->steps_per_epoch = t->progress.n_steps = t->n_epochs = 1;
        return OK;
    }
    const int64_t per_epoch = loader_n_batches(t->loader), n_steps = c->steps_per_shot * c->data_shots;
    t->steps_per_epoch = per_epoch;
    t->progress.n_steps = n_steps > 0 ? n_steps : per_epoch * c->epochs;
    t->n_epochs = (t->progress.n_steps + per_epoch - 1) / per_epoch;
    if (c->warmup_epochs * per_epoch >= t->progress.n_steps)
        return error_set(ERR_USAGE,
                         "training.warmup_epochs (%" PRId64 ", of %" PRId64
                         " steps each) leaves none of the %" PRId64 " steps at the rate training.lr",
                         c->warmup_epochs, per_epoch, t->progress.n_steps);
    return OK;
}

/* Prints the facts that reveal a wrong data set, split or template at a glance. */
static void describe_task(const struct training *t)
{
    struct log *log = t->session->log;
    const struct dataset *d = t->dataset;
    log_info(log, "data     %s, %s classes: %" PRId64 " (%s ... %s), %zu training %s, seed %" PRId64, d->name,
             class_subset_names[t->classes.subset], t->classes.n, t->classes.names[0],
             t->classes.names[t->classes.n - 1], t->items.n, plural(t->items.n, "image", "images"),
             t->session->config->seed);
    for (int64_t k = 0; k < t->classes.n && k < 3; k++) {
        char *caption = class_caption(session_template(t->session, t->dataset), t->classes.names[k]);
        log_info(log, "caption  \"%s\"", caption ? caption : "");
        free(caption);
    }
    const int64_t n_views = t->session->config->views_count;
    if (method_is_fitted(t->session->config->method))
        log_info(log, "fit      to features of %" PRId64 " %s of each image; %zu validation %s",
                 fit_n_views(t->session->config),
                 n_views == 0 ? "view, not augmented,"
                              : plural((size_t)n_views, "augmented view", "augmented views"),
                 t->val.n, plural(t->val.n, "image", "images"));
    if (t->session->templates.n > 1)
        log_info(log, "         (the first of %zu templates)", t->session->templates.n);
}

/* What each rank opens for itself. */
static int open_inputs(struct training *t, struct config *config, const struct str_list *targets,
                       struct log *log)
{
    const enum class_subset subset = config->data_classes;
    const bool is_first = ranks_is_first(t->options->ranks);
    const bool is_fitted = method_is_fitted(config->method);
    int status = interrupt_check_begin();
    if (status != OK || (status = run_files_open(&t->files, t->options, log)) != OK ||
        (status = session_open(&t->session, config, log, t->options->ranks)) != OK ||
        (!t->is_dry && (status = features_open_store(t->session)) != OK) ||
        (status = session_open_dataset(&t->dataset, t->session, config->data_dataset)) != OK ||
        (status = config_draw_sample(&t->items, is_fitted ? &t->val : NULL, config, t->dataset)) != OK ||
        (status = interrupt_check_begin()) != OK || (status = session_open_model(t->session)) != OK ||
        (is_first && (status = train_check(t->session, t->dataset, targets)) != OK) ||
        (status = interrupt_check_begin()) != OK ||
        (status = class_list_open(&t->classes, t->session->scope, t->session, t->session->clip, t->dataset,
                                  subset, (struct class_list_use){config->batch_size, true})) != OK ||
        (status = class_list_add_teacher(&t->classes, t->session->scope, t->session, t->session->clip)) !=
            OK ||
        (status = session_create_method(&t->method, t->session, t->classes.n, (int64_t)t->items.n)) != OK ||
        (is_fitted && (status = method_check_validation(t->method, (int64_t)t->val.n)) != OK) ||
        (status = fill_provenance(t)) != OK)
        return status;
    return interrupt_check_begin();
}

/* A fit is one computation on features. */
static int check_ranks(const struct training *t, const struct config *c)
{
    if (ranks_size(t->options->ranks) == 1 || !method_is_fitted(c->method))
        return OK;
    return error_set(
        ERR_USAGE,
        "method %s is fitted by one process: start it without a launcher; evaluations can have many",
        method_kind_names[c->method]);
}

int training_open(struct training *t, struct config *config, const struct str_list *targets, struct log *log)
{
    int status = check_ranks(t, config);
    if (status != OK)
        return status;
    status = ranks_agree(t->options->ranks, open_inputs(t, config, targets, log));
    if (status != OK || (status = train_ranks_check(t)) != OK || (status = train_ranks_divide(t)) != OK ||
        (status = open_loader(t)) != OK || (status = open_optimizer(t)) != OK ||
        (status = open_buffers(t)) != OK)
        return status;
    describe_task(t);
    const struct cost cost = cost_plan(t->session, t->method, &t->classes,
                                       &(struct cost_options){.batch_size = config->batch_size,
                                                              .n_images = (int64_t)t->items.n,
                                                              .n_steps = t->progress.n_steps,
                                                              .n_epochs = t->n_epochs,
                                                              .n_parts = t->division.n_groups,
                                                              .loader = t->loader});
    cost_print(log, &cost, t->method);
    return ranks_agree(t->options->ranks, interrupt_check_begin());
}

/* ---------------------------------------------------------------- begin */

/* CLIP's own accuracy on some training images, beside that of guesses. */
struct zero_shot {
    size_t n_images;
    double accuracy, chance, deviation; /* deviation: of guesses over these images */
};

/* On all ranks the first one's numbers. */
static int measure_zero_shot(struct zero_shot *out, struct training *t, const struct method *clip,
                             int64_t n_images)
{
    struct session *s = t->session;
    struct item_list some = {0};
    struct eval_result result = {0};
    int status = item_list_limit(&some, &t->items, n_images);
    if (status == OK)
        status = eval_run(&result, s, clip, &t->classes, &some, (struct eval_options){0});
    if (status == OK) {
        const double chance = 1.0 / (double)t->classes.n;
        *out = (struct zero_shot){.n_images = some.n,
                                  .accuracy = metrics_accuracy(&result.metrics, 0),
                                  .chance = chance,
                                  .deviation = sqrt(chance * (1.0 - chance) / (double)some.n)};
        status = ranks_broadcast(s->ranks, out, sizeof *out);
    }
    eval_result_free(&result);
    item_list_free(&some);
    return status;
}

static bool is_above_chance(const struct zero_shot *z, double n_deviations)
{
    return z->accuracy >= z->chance + n_deviations * z->deviation;
}

/* A quick check of data, weights and template. 200 images of ViT-B/16 take as many products as nine steps at
 * K = 50: few show an accuracy far above chance, and all that the key allows one that is not. */
static int check_zero_shot(struct training *t)
{
    enum { FEW = 32, CLEARLY = 6, HARDLY = 2 /* deviations */ };
    struct session *s = t->session;
    const int64_t most = s->config->check_images;
    struct method *clip = NULL;
    struct zero_shot z = {0};
    if (most == 0)
        return OK;
    int status = method_create(&clip, s->scope, s->clip, &(struct method_options){.kind = METHOD_CLIP},
                               &(struct method_init){0});
    if (status == OK)
        status = measure_zero_shot(&z, t, clip, most < FEW ? most : FEW);
    if (status == OK && most > FEW && t->items.n > FEW && !is_above_chance(&z, CLEARLY))
        status = measure_zero_shot(&z, t, clip, most);
    if (status == ERR_INTERRUPTED) /* by a signal to any rank */
        status = interrupt_fail_begin();
    if (status == OK)
        log_info(s->log, "zero-shot accuracy on %zu training %s: %.1f %% (chance %.1f %%)", z.n_images,
                 plural(z.n_images, "image", "images"), 100.0 * z.accuracy, 100.0 * z.chance);
    if (status == OK && t->classes.n > 1 && !is_above_chance(&z, HARDLY))
        log_warning(
            s->log,
            "zero-shot accuracy is at chance level: with trained weights this means wrong labels, class "
            "names, template or weights");
    method_free(clip);
    return status;
}

/* Loads the checkpoint of the run, as the last process that had the folder left it. */
static int resume_run(struct training *t)
{
    int status = run_files_take(&t->files);
    if (status != OK || !file_exists(t->files.checkpoint_path))
        return status;
    status = load_checkpoint(t);
    if (status == OK && t->progress.step == t->progress.n_steps)
        log_info(t->session->log, "this run is finished: nothing to do");
    return status;
}

/* The first rank's part, before the run folder is written. */
static int begin_first(struct training *t)
{
    const struct run_options *options = t->options;
    if (!training_writes(t))
        return OK;
    int status = file_check_dirs(options->out_dir); /* before the first picture is read */
    return status == OK && options->resume ? resume_run(t) : status;
}

int training_begin(struct training *t)
{
    struct str config = {0};
    int status = ranks_agree(t->session->ranks, begin_first(t));
    if (status == OK)
        status = train_ranks_begin(t);
    const bool is_new = !t->has_checkpoint;
    if (status == OK && is_new && (status = check_zero_shot(t)) == OK)
        status = config_write(&config, t->session->config);
    if (status == OK)
        status = ranks_agree(t->session->ranks,
                             run_files_begin(&t->files, is_new ? &config : NULL, t->progress.step));
    str_free(&config);
    return status;
}

void training_close(struct training *t)
{
    loader_close(t->loader);
    division_close(&t->division);
    optimizer_deinit(&t->optimizer);
    method_free(t->method);
    class_list_close(&t->classes);
    item_list_free(&t->items);
    item_list_free(&t->val);
    provenance_free(&t->provenance);
    dataset_free(t->dataset);
    session_close(t->session);
    run_files_close(&t->files);
}
