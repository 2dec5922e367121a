/*
 * Pre-training: open, loop, validate, save. What a step computes depends on (recipe, seed, step) alone, so a
 * resumed run ends in the same bytes as an uninterrupted one.
 */
#include "prompt/pretrain/pretrain.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "prompt/base/file.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/json_write.h"
#include "prompt/base/lock.h"
#include "prompt/base/path.h"
#include "prompt/report/folder.h"
#include "prompt/run/eval.h"
#include "prompt/run/saver.h"
#include "prompt/run/train.h"

struct pretraining {
    const struct pretrain_options *options;
    struct session *session; /* its weights are what is trained */
    struct dataset *dataset; /* of the zero-shot accuracy; NULL: none */
    struct pair_source source;
    struct pair_batch batches[2]; /* one is trained on while the other is made */
    struct pair_batch held_out;
    struct adamw optimizer;
    struct pretrain_state state;
    struct event_log events;
    char *checkpoint_path, *model_path;
    int lock;
    struct saver *saver;
    double mean_step_s;
};

/* ---------------------------------------------------------------- opening */

static int open_batches(struct pretraining *t)
{
    const struct config *c = t->session->config;
    int status = OK;
    for (int i = 0; status == OK && i < 2; i++)
        status = pair_batch_create(&t->batches[i], c, c->pretrain_batch_size);
    if (status == OK &&
        (status = pair_batch_create(&t->held_out, c, pair_source_n_validation(&t->source))) == OK)
        status = pair_source_start(&t->source, &t->held_out, -1);
    return status == OK ? pair_source_wait(&t->source) : status;
}

static int describe_state(struct pretraining *t)
{
    struct str recipe = {0};
    int status = config_write_recipe(&recipe, t->session->config);
    t->state.recipe = recipe.data;
    if (status == OK && t->source.table.n > 0)
        status = pairs_digest(t->state.table_digest, &t->source.table);
    return status;
}

static int open_all(struct pretraining *t, struct config *config, struct log *log)
{
    t->checkpoint_path = path_join(t->options->out_dir, RUN_CHECKPOINT_FILE);
    t->model_path = path_join(t->options->out_dir, RUN_MODEL_FILE);
    int status = t->checkpoint_path && t->model_path ? OK : ERR_MEMORY;
    if (status == OK)
        status = folder_check(t->options->out_dir, t->options->resume, t->options->force);
    config->precision = PRECISION_FP32;
    if (status == OK && (status = path_make_absolute(&config->pretrain_captions)) == OK &&
        (status = session_open(&t->session, config, log)) == OK)
        status = pair_source_open(&t->source, config);
    if (status == OK && config->data_dataset[0] != '\0')
        status = session_open_dataset(&t->dataset, t->session, config->data_dataset);
    if (status == OK && (status = pretrain_make_model(t->session)) == OK &&
        (status = pair_source_set_tokenizer(&t->source, t->session->tokenizer)) == OK &&
        (status = adamw_init(&t->optimizer, t->session->scope, &t->session->weights->tensors,
                             config->pretrain_weight_decay)) == OK)
        status = describe_state(t);
    return status == OK ? open_batches(t) : status;
}

static int write_config_file(const struct pretraining *t)
{
    struct str text = {0};
    int status = config_write_pretraining(&text, t->session->config);
    if (status == OK)
        status = folder_write(t->options->out_dir, RUN_CONFIG_FILE, &text);
    str_free(&text);
    return status;
}

static int begin(struct pretraining *t)
{
    const char *dir = t->options->out_dir;
    int status = interrupt_check_begin();
    if (status == OK)
        status = folder_take(&t->lock, dir, t->session->log);
    const bool resume = t->options->resume && file_exists(t->checkpoint_path);
    if (status == OK && resume)
        status = pretrain_load(&t->state, t->checkpoint_path, t->session->weights, &t->optimizer);
    if (status == OK && t->options->force)
        status = folder_clear(dir);
    if (status == OK && !resume)
        status = write_config_file(t);
    char *log_path = path_join(dir, RUN_LOG_FILE);
    if (status == OK)
        status = log_path ? event_log_open(&t->events, log_path, resume ? t->state.step : -1) : ERR_MEMORY;
    free(log_path);
    log_info(t->session->log,
             "model    %" PRId64 " parameters, vocabulary %" PRId64 "%s\npairs    %s, %" PRId64
             " a step, %" PRId64 " held out",
             params_numel(&t->session->weights->tensors), t->session->weights->dims.vocab_size,
             t->session->weights->merges ? " (its own)" : "",
             t->source.table.n > 0 ? t->session->config->pretrain_captions : "the drawn world",
             t->batches[0].n, t->held_out.n);
    if (t->source.table.n_left_out > 0)
        log_info(t->session->log, "         %zu %s of the splits val and test left out",
                 t->source.table.n_left_out, plural(t->source.table.n_left_out, "row", "rows"));
    return status == OK ? saver_open(&t->saver, t->checkpoint_path, t->lock) : status;
}

static void close_all(struct pretraining *t)
{
    saver_close(t->saver);
    event_log_close(&t->events);
    pair_source_close(&t->source); /* it may be filling a batch */
    for (int i = 0; i < 2; i++)
        pair_batch_free(&t->batches[i]);
    pair_batch_free(&t->held_out);
    adamw_deinit(&t->optimizer);
    dataset_free(t->dataset);
    session_close(t->session);
    free(t->state.recipe);
    free(t->checkpoint_path);
    free(t->model_path);
    lock_release(t->lock);
}

/* ---------------------------------------------------------------- validation */

/* Accuracy of the model so far on the data set's test images, all classes. */
static int zero_shot(double *accuracy, struct pretraining *t)
{
    struct log quiet = {.quiet = true};
    struct session view = *t->session; /* a session around the model so far */
    const struct method_options options = {.kind = METHOD_CLIP};
    struct method *clip = NULL;
    struct class_list classes = {0};
    struct eval_result result = {0};
    view.scope = scope_open(t->session->scope, SCOPE_GRAD_OFF);
    view.log = &quiet;
    const struct clip_types types = {.products = DTYPE_F32, .master = DTYPE_F32};
    int status = OK;
    if ((status = clip_create(&view.clip, view.scope, view.weights, view.device, types, ENCODER_FAST)) ==
            OK &&
        (status = class_list_open(&classes, &view, t->dataset, CLASS_SUBSET_ALL,
                                  view.config->eval_batch_size)) == OK &&
        (status = method_create(&clip, view.scope, view.clip, &options, &(struct method_init){0})) == OK)
        status = eval_run(&result, &view, clip, &classes, &t->dataset->test, false);
    if (status == OK)
        *accuracy = metrics_accuracy(&result.metrics, 0);
    eval_result_free(&result);
    method_free(clip);
    class_list_close(&classes);
    clip_free(view.clip);
    int closed = scope_close(view.scope);
    return status == OK ? closed : status;
}

static int validate(struct pretraining *t)
{
    struct retrieval r = {0};
    double accuracy = 0.0;
    int status = pretrain_retrieval(&r, t->session, &t->held_out);
    if (status == OK && t->dataset)
        status = zero_shot(&accuracy, t);
    if (status != OK)
        return status;
    struct str record = {0};
    json_open(&record, NULL, '{');
    json_put_i64(&record, "step", t->state.step);
    json_put_f64(&record, "image_to_text", r.image_to_text);
    json_put_f64(&record, "text_to_image", r.text_to_image);
    if (t->dataset) {
        json_put_string(&record, "dataset", t->dataset->name);
        json_put_f64(&record, "zero_shot", accuracy);
    }
    json_close(&record, '}');
    status = event_log_write(&t->events, &record);
    str_free(&record);
    struct str zero_shot_text = {0};
    if (t->dataset)
        str_appendf(&zero_shot_text, "; zero-shot on %s %.1f %%", t->dataset->name, 100.0 * accuracy);
    log_info(t->session->log,
             "step %" PRId64 ": recall@1 among %" PRId64
             " held-out pairs %.1f %% image to text, %.1f %% text to image%s",
             t->state.step, t->held_out.n, 100.0 * r.image_to_text, 100.0 * r.text_to_image,
             str_text(&zero_shot_text));
    str_free(&zero_shot_text);
    return status;
}

/* ---------------------------------------------------------------- the loop */

static bool must_stop(const struct pretraining *t)
{
    const bool at_limit = t->options->max_steps > 0 && t->state.step >= t->options->max_steps;
    return t->state.step >= t->session->config->pretrain_steps || at_limit || interrupt_requested();
}

static int record_step(struct pretraining *t, const struct pretrain_numbers *n, double seconds, double wait_s)
{
    const struct config *c = t->session->config;
    struct str record = {0};
    json_open(&record, NULL, '{');
    json_put_i64(&record, "step", t->state.step);
    json_put_f64(
        &record, "lr",
        warmup_cosine_lr(c->pretrain_lr, t->state.step, c->pretrain_warmup_steps, c->pretrain_steps));
    json_put_f64(&record, "loss", n->loss);
    json_put_f64(&record, "grad_norm", n->grad_norm);
    json_put_f64(&record, "logit_scale", n->logit_scale);
    json_put_fixed(&record, "seconds", seconds, 6);
    json_put_fixed(&record, "wait_s", wait_s, 6);
    json_close(&record, '}');
    int status = event_log_write(&t->events, &record);
    str_free(&record);

    t->mean_step_s = t->mean_step_s > 0 ? 0.95 * t->mean_step_s + 0.05 * seconds : seconds;
    char left[32];
    format_duration(left, sizeof left, t->mean_step_s * (double)(c->pretrain_steps - t->state.step));
    log_progress(t->session->log, must_stop(t),
                 "step %" PRId64 "/%" PRId64 ", loss %.4f, scale %.1f, %.0f pairs/s, %s left", t->state.step,
                 c->pretrain_steps, n->loss, n->logit_scale, (double)c->pretrain_batch_size / t->mean_step_s,
                 left);
    return status;
}

static int save(struct pretraining *t)
{
    (void)saver_begin(t->saver); /* what it has is older */
    const int status =
        pretrain_save(t->checkpoint_path, t->model_path, t->session->weights, &t->optimizer, &t->state);
    saver_end(t->saver);
    return status;
}

/* What a signal is to save while the next step is computed. */
static int keep_copy(struct pretraining *t)
{
    if (!saver_is_due(t->saver))
        return OK;
    struct str *copy = saver_begin(t->saver);
    const int status = pretrain_append(copy, t->session->weights, &t->optimizer, &t->state);
    if (status != OK)
        str_clear(copy);
    saver_end(t->saver);
    return status;
}

/* A signal ends a validation, not the run: what was trained is saved first. */
static int validate_or_stop(struct pretraining *t)
{
    const int status = validate(t);
    if (status != ERR_INTERRUPTED || t->state.step == 0)
        return status;
    log_warning(t->session->log, "step %" PRId64 ": a signal ended the validation", t->state.step);
    return OK;
}

/* One step on the batch that is being made, while the next one is begun. */
static int advance(struct pretraining *t)
{
    struct pair_batch *batch = &t->batches[t->state.step % 2];
    const double start_s = clock_s();
    int status = pair_source_wait(&t->source);
    const double wait_s = clock_s() - start_s;
    if (status == OK && t->state.step + 1 < t->session->config->pretrain_steps)
        status = pair_source_start(&t->source, &t->batches[(t->state.step + 1) % 2], t->state.step + 1);
    struct pretrain_numbers numbers = {0};
    if (status == OK)
        status = pretrain_step(&numbers, t->session, &t->optimizer, batch, t->state.step);
    if (status != OK)
        return status;
    t->state.step++;
    return record_step(t, &numbers, clock_s() - start_s, wait_s);
}

static int run_steps(struct pretraining *t)
{
    const struct config *c = t->session->config;
    int status = t->state.step == 0 ? validate(t) : OK;
    if (status == OK && !must_stop(t))
        status = pair_source_start(&t->source, &t->batches[t->state.step % 2], t->state.step);
    while (status == OK && !must_stop(t)) {
        status = advance(t);
        const bool is_last = t->state.step == c->pretrain_steps;
        if (status == OK)
            status = keep_copy(t);
        if (status == OK && (is_last || t->state.step % c->pretrain_validation_steps == 0))
            status = validate_or_stop(t);
        if (status == OK && (must_stop(t) || t->state.step % c->pretrain_checkpoint_steps == 0))
            status = save(t);
    }
    log_finish(t->session->log);
    return status;
}

/* What is said when the loop has ended. */
static int conclude(const struct pretraining *t)
{
    const int64_t n_steps = t->session->config->pretrain_steps;
    if (t->state.step < n_steps && interrupt_requested())
        return error_set(ERR_INTERRUPTED,
                         "stopped after step %" PRId64 " of %" PRId64
                         "%s; go on with: prompt pretrain --resume --out %s",
                         t->state.step, n_steps, t->state.step > 0 ? "; saved" : "", t->options->out_dir);
    if (t->state.step < n_steps)
        log_info(t->session->log,
                 "stopped after step %" PRId64 " of %" PRId64 " (--max-steps); go on with --resume",
                 t->state.step, n_steps);
    log_info(t->session->log, "saved %s", t->model_path);
    return OK;
}

int pretrain_run(struct config *config, const struct pretrain_options *options, struct log *log)
{
    struct pretraining t = {.options = options, .lock = -1};
    int status = OK;
    if ((status = open_all(&t, config, log)) == OK && (status = begin(&t)) == OK &&
        (status = run_steps(&t)) == OK)
        status = conclude(&t);
    close_all(&t);
    return status;
}
