/* Device, model, tokenizer and data sets, opened as configured. */
#include "prompt/run/session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "precision.h"
#include "prompt/base/path.h"
#include "prompt/data/dataset_open.h"
#include "prompt/data/repeated.h"
#include "prompt/store/store.h"
#include "prompt/text/merges_find.h"

/* ---------------------------------------------------------------- parts */

struct weights_options session_weights_options(const struct config *c)
{
    return (struct weights_options){.vision_heads = c->model_vision_heads,
                                    .text_heads = c->model_text_heads,
                                    .activation = c->model_activation,
                                    .norm_eps = c->model_norm_eps,
                                    .image_mean = c->model_image_mean,
                                    .image_std = c->model_image_std,
                                    .interpolation = c->model_interpolation,
                                    .resize_mode = c->model_resize_mode,
                                    .accept_unknown = c->model_accept_unknown};
}

static int open_model(struct session *s)
{
    const struct config *c = s->config;
    if (c->model_path[0] == '\0')
        return error_set(ERR_USAGE, "no model: give --model FILE (key model.path)");
    const struct weights_options options = session_weights_options(c);
    int status = weights_open(&s->weights, s->scope, c->model_path, &options);
    for (size_t i = 0; status == OK && i < s->weights->notes.n; i++)
        log_info(s->log, "model: %s", s->weights->notes.items[i]);
    if (status == OK)
        status = clip_create(&s->clip, s->scope, s->weights, s->device, precision_dtypes(c), c->encoder);
    for (size_t i = 0; status == OK && i < s->weights->accepted.n; i++)
        log_warning(s->log, "the model's '%s' is unknown here, and accepted by model.accept_unknown",
                    s->weights->accepted.items[i]);
    return status;
}

static int open_tokenizer(struct session *s)
{
    const struct weights *w = s->weights;
    char *merges = NULL;
    int status = OK;
    if (w->merges) {
        status = tokenizer_parse_small(&s->tokenizer, w->merges, w->words, w->path);
    } else {
        status = merges_find_file(&merges, s->config->model_merges, w->path, s->config->data_root);
        if (status == OK)
            status = tokenizer_open(&s->tokenizer, merges);
    }
    free(merges);
    if (status == OK && tokenizer_vocab_size(s->tokenizer) != s->clip->dims.vocab_size)
        status = error_set(ERR_FORMAT, "the merges give %" PRId64 " tokens, but the model '%s' has %" PRId64,
                           tokenizer_vocab_size(s->tokenizer), s->weights->path, s->clip->dims.vocab_size);
    return status == OK ? prompt_start_tokens(&s->start_tokens, s->tokenizer) : status;
}

/* Warns of another split than the published one: it gives other numbers, without any other sign. */
static int warn_of_differences(struct session *s, const struct dataset *d)
{
    struct str text = {0};
    int status = dataset_compare_known(&text, d);
    if (status == OK && text.len > 0)
        log_warning(s->log, "data set '%s' differs from the published split: %s", d->name, str_text(&text));
    str_free(&text);
    return status;
}

/* Warns of repeated images: one in both train and test inflates the accuracy, one in two classes is wrong in
 * one of them. */
static int warn_of_repeated(struct session *s, const struct dataset *d)
{
    struct repeated_images repeated;
    struct str text = {0};
    int status = repeated_find(&repeated, d);
    if (status == OK && repeated.n > 0) {
        repeated_describe(&text, &repeated, d);
        log_warning(s->log, "data set '%s': %s", d->name, str_text(&text));
    }
    str_free(&text);
    return status;
}

/* Reads the templates of the file, whose digest represents it in the experiment, or takes those that the template's
 * key names. */
static int open_templates(struct session *s)
{
    struct config *c = s->config;
    const char *known = c->zero_shot_templates_sha256;
    if (c->zero_shot_templates_file[0] == '\0' && known[0] != '\0')
        return error_set(ERR_USAGE,
                         "the templates of SHA-256 %.16s... are missing: give their file by the key "
                         "'zero_shot_templates_file'",
                         known);
    if (c->zero_shot_templates_file[0] == '\0')
        return strcmp(c->zero_shot_template, TEMPLATES_IMAGENET_SEVEN) == 0
                   ? templates_imagenet_seven(&s->templates)
                   : OK;
    int status = path_make_absolute(&c->zero_shot_templates_file);
    if (status == OK)
        status = templates_read(&s->templates, c->zero_shot_templates_file);
    if (status != OK)
        return error_context("key 'zero_shot_templates_file'");
    if (known[0] != '\0' && strcmp(known, s->templates.sha256) != 0)
        return error_set(ERR_USAGE, "'%s' holds other templates (SHA-256 %.16s..., expected %.16s...)",
                         c->zero_shot_templates_file, s->templates.sha256, known);
    char *digest = str_dup(s->templates.sha256);
    if (!digest)
        return ERR_MEMORY;
    free(c->zero_shot_templates_sha256);
    c->zero_shot_templates_sha256 = digest;
    return OK;
}

/* Whether the store's folder is none that a user named. */
static bool is_word(const char *store_dir)
{
    return strcmp(store_dir, "auto") == 0 || strcmp(store_dir, "off") == 0;
}

/* Unless a CUDA device is named, each rank of a host takes the next one. */
static void choose_device(struct session *s)
{
    const bool is_named = strchr(s->config->device, ':') != NULL;
    if (s->device.kind == DEVICE_CUDA && s->ranks && !is_named)
        s->device.index = (int)(ranks_local_rank(s->ranks) % device_count_cuda());
}

/* Threads are set here whatever the launcher and the environment say; a launcher that gives few cores is told of. */
static int open_threads(struct session *s)
{
    struct str note = {0};
    if (s->config->threads == 0)
        ranks_describe_cores(&note, s->ranks);
    if (note.len > 0)
        log_info(s->log, "note: %s", str_text(&note));
    str_free(&note);
    const int64_t wanted = s->config->threads;
    int status = torch_init(wanted > 0 ? wanted : ranks_cores(s->ranks));
    team_open(&s->team, torch_threads(), wanted > 0 || s->ranks || s->device.kind != DEVICE_CPU);
    return status;
}

void session_note_work(struct session *s, double seconds, int64_t n_images)
{
    if (team_note(&s->team, seconds, n_images))
        log_info(s->log,
                 "note: other programs compute on these processors: %" PRId64 " of %" PRId64
                 " threads are used as long as that is faster; results are the same",
                 s->team.n, s->team.n_most);
}

/* Paths become absolute, so that a run is found again from another folder. */
static int open_machine(struct session *s)
{
    struct config *c = s->config;
    int status = OK;
    if ((status = config_settle(c)) == OK && (status = open_templates(s)) == OK &&
        (status = path_make_absolute(&c->model_path)) == OK &&
        (status = path_make_absolute(&c->model_merges)) == OK &&
        (status = path_make_absolute(&c->data_root)) == OK &&
        (status = path_make_absolute(&c->data_split_file)) == OK &&
        (status = path_make_absolute(&c->data_image_dir)) == OK &&
        (is_word(c->store_dir) || (status = path_make_absolute(&c->store_dir)) == OK) &&
        (status = device_parse(&s->device, c->device)) == OK)
        choose_device(s);
    if (status == OK && (status = open_threads(s)) == OK && (status = precision_resolve(s)) == OK)
        s->scope = scope_open(NULL, SCOPE_GRAD_OFF);
    return status;
}

int session_open(struct session **out, struct config *config, struct log *log, struct ranks *ranks)
{
    *out = NULL;
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return error_out_of_memory();
    s->config = config;
    s->log = log;
    s->ranks = ranks;
    int status = open_machine(s);
    if (status != OK) {
        session_close(s);
        return status;
    }
    *out = s;
    return OK;
}

int session_open_model(struct session *s)
{
    int status = open_model(s);
    return status == OK ? open_tokenizer(s) : status;
}

int session_open_dataset(struct dataset **out, struct session *s, const char *name)
{
    const struct dataset_options options = config_dataset_options(s->config, name);
    int status = dataset_open(out, &options);
    if (status == OK && (*out)->layout.len > 0)
        log_info(s->log, "data     %s: %s", name, str_text(&(*out)->layout));
    if (status == OK && (status = warn_of_differences(s, *out)) == OK)
        status = warn_of_repeated(s, *out);
    if (status != OK) {
        dataset_free(*out);
        *out = NULL;
    }
    return status;
}

void session_close(struct session *s)
{
    if (!s)
        return;
    store_close(s->store);
    str_free(&s->feature_key);
    templates_free(&s->templates);
    tokens_free(&s->start_tokens);
    tokenizer_free(s->tokenizer);
    clip_free(s->clip);
    weights_close(s->weights);
    if (s->scope)
        scope_close(s->scope);
    free(s);
}

/* ---------------------------------------------------------------- method and classes */

struct method_options session_method_options(const struct config *c)
{
    struct regularization_options regularization = {.text_weight = c->agreement_text_weight,
                                                    .text_distance = c->agreement_text_distance,
                                                    .image_weight = c->agreement_image_weight,
                                                    .logits_weight = c->agreement_logits_weight,
                                                    .templates = c->agreement_templates,
                                                    .average_mean = c->average_mean,
                                                    .average_deviation = c->average_deviation};
    method_settle_regularization(&regularization, c->method);
    return (struct method_options){.kind = c->method,
                                   .n_iterations = c->n_iterations,
                                   .loss_weight = c->loss_weight,
                                   .vision_prompt_count = c->vision_prompt_count,
                                   .vision_prompt_depth = c->vision_prompt_depth,
                                   .text_prompt_count = c->text_prompt_count,
                                   .generator_input = c->generator_input,
                                   .detach_iterations = c->detach_iterations,
                                   .covers_sos = c->covers_sos,
                                   .filter = c->filter,
                                   .vision_generator = c->vision_generator,
                                   .text_generator = c->text_generator,
                                   .context_count = c->context_count,
                                   .context_init = c->context_init,
                                   .context_class_specific = c->context_class_specific,
                                   .context_position = c->context_position,
                                   .lora_rank = c->lora_rank,
                                   .lora_alpha = c->lora_alpha,
                                   .lora_dropout = c->lora_dropout,
                                   .two_stage_share = c->two_stage_share,
                                   .context_depth = c->context_depth,
                                   .views_fresh = c->views_fresh,
                                   .linear_probe_c = c->linear_probe_c,
                                   .tip_adapter_train_keys = c->tip_adapter_train_keys,
                                   .tip_adapter_alpha = c->tip_adapter_alpha,
                                   .tip_adapter_beta = c->tip_adapter_beta,
                                   .tip_adapter_alpha_max = c->tip_adapter_alpha_max,
                                   .tip_adapter_beta_max = c->tip_adapter_beta_max,
                                   .regularization = regularization};
}

struct optimizer_options session_optimizer_options(const struct config *c)
{
    const struct regularization_options regularization = session_method_options(c).regularization;
    return (struct optimizer_options){
        .kind = c->optimizer,
        .momentum = c->momentum,
        .weight_decay = c->weight_decay,
        .average = {.mean = regularization.average_mean, .deviation = regularization.average_deviation}};
}

int session_create_method(struct method **out, struct session *s, int64_t n_train_classes,
                          int64_t n_train_images)
{
    const struct method_options options = session_method_options(s->config);
    const struct method_init init = {.seed = (uint64_t)s->config->seed,
                                     .n_train_classes = n_train_classes,
                                     .n_train_images = n_train_images,
                                     .start_tokens = &s->start_tokens};
    return method_create(out, s->scope, s->clip, &options, &init);
}

const char *session_template(const struct session *s, const struct dataset *d)
{
    const char *key = s->config->zero_shot_template;
    if (s->templates.n > 0)
        return s->templates.items[0];
    return d && strcmp(key, "dataset") == 0 ? d->template : key;
}

struct loader_options session_loader_options(const struct session *s, int64_t batch_size)
{
    const int64_t n_workers = s->config->data_workers > 0 ? s->config->data_workers : ranks_cores(s->ranks);
    return (struct loader_options){.input = {.preprocess = s->weights->preprocess,
                                             .crop_scale_min = s->config->crop_scale_min,
                                             .seed = (uint64_t)s->config->seed},
                                   .batch_size = batch_size,
                                   .skip_bad_images = s->config->data_skip_bad_images,
                                   .n_workers = n_workers};
}

void session_warn_skipped(const struct session *s, size_t n, const char *first)
{
    if (n > 0)
        log_warning(s->log, "%zu unreadable %s left out; the first: %s", n,
                    plural(n, "image was", "images were"), first);
}

void session_warn_damaged(const struct session *s, size_t n, const char *first)
{
    if (n > 0)
        log_warning(s->log, "%zu %s damaged but could be read; the first: %s", n,
                    plural(n, "image is", "images are"), first);
}
