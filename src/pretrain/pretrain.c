/*
 * Pre-training: open, loop, validate, save. A step depends on (recipe, seed, step) alone, so a resumed run
 * ends in the same bytes as an uninterrupted one.
 */
#include "prompt/pretrain/pretrain.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"
#include "model.h"
#include "prompt/base/file.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/json_write.h"
#include "prompt/base/path.h"
#include "prompt/run/eval.h"
#include "source.h"
#include "step.h"

struct pretraining {
    const struct run_options *options;
    struct session *session; /* with the weights that are trained */
    struct dataset *dataset; /* of the zero-shot accuracy; NULL: none */
    struct pair_source source;
    struct pair_batch batches[2]; /* training uses one while the other is made */
    struct pair_batch held_out;
    struct adamw optimizer;
    struct pretrain_state state;
    struct run_files files;
    char *model_path;
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
    t->model_path = path_join(t->options->out_dir, RUN_MODEL_FILE);
    int status = t->model_path ? run_files_open(&t->files, t->options, log) : ERR_MEMORY;
    config->precision = PRECISION_FP32;
    if (status == OK && (status = path_make_absolute(&config->pretrain_captions)) == OK &&
        (status = session_open(&t->session, config, log, NULL)) == OK)
        status = pair_source_open(&t->source, config);
    if (status == OK && config->data_dataset[0] != '\0')
        status = session_open_dataset(&t->dataset, t->session, config->data_dataset);
    if (status == OK && (status = pretrain_make_model(t->session)) == OK &&
        (status = pair_source_set_tokenizer(&t->source, t->session->tokenizer)) == OK &&
        (status = adamw_init(&t->optimizer, t->session->scope, &t->session->weights->tensors,
                             &(struct adamw_options){.beta1 = 0.9, /* CLIP's, as is eps */
                                                     .beta2 = 0.98,
                                                     .eps = 1e-6,
                                                     .weight_decay = config->pretrain_weight_decay})) == OK)
        status = describe_state(t);
    return status == OK ? open_batches(t) : status;
}

static int begin(struct pretraining *t)
{
    const char *checkpoint = t->files.checkpoint_path;
    struct str config = {0};
    int status = OK;
    if ((status = interrupt_check_begin()) != OK || (status = run_files_take(&t->files)) != OK)
        return status;
    const bool resume = t->options->resume && file_exists(checkpoint);
    status = resume ? pretrain_load(&t->state, checkpoint, t->session->weights, &t->optimizer)
                    : config_write_pretraining(&config, t->session->config);
    if (status == OK)
        status = run_files_begin(&t->files, resume ? NULL : &config, t->state.step);
    str_free(&config);
    if (status != OK)
        return status;
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
    return OK;
}

static void close_all(struct pretraining *t)
{
    pair_source_close(&t->source); /* before the batches that it may be filling */
    for (int i = 0; i < 2; i++)
        pair_batch_free(&t->batches[i]);
    pair_batch_free(&t->held_out);
    adamw_deinit(&t->optimizer);
    dataset_free(t->dataset);
    session_close(t->session);
    free(t->state.recipe);
    free(t->model_path);
    run_files_close(&t->files);
}

/* ---------------------------------------------------------------- validation */

/* Measures the accuracy of the model so far on all test images of the data set. */
static int zero_shot(double *accuracy, struct pretraining *t)
{
    struct session *session = t->session;
    const struct clip_dtypes fp32 = {.compute = DTYPE_F32, .accum = DTYPE_F32};
    const struct method_options options = {.kind = METHOD_CLIP};
    struct clip *model = NULL;
    struct method *clip = NULL;
    struct class_list classes = {0};
    struct eval_result result = {0};
    scope *s = scope_open(session->scope, SCOPE_GRAD_OFF);
    int status = OK;
    if ((status = clip_create(&model, s, session->weights, session->device, fp32, ENCODER_FAST)) == OK &&
        (status = class_list_open(&classes, s, session, model, t->dataset, CLASS_SUBSET_ALL,
                                  (struct class_list_use){session->config->eval_batch_size, false})) == OK &&
        (status = method_create(&clip, s, model, &options, &(struct method_init){0})) == OK)
        status = eval_run(&result, session, clip, &classes, &t->dataset->test,
                          (struct eval_options){.is_quiet = true});
    if (status == OK)
        *accuracy = metrics_accuracy(&result.metrics, 0);
    eval_result_free(&result);
    method_free(clip);
    class_list_close(&classes);
    clip_free(model);
    int closed = scope_close(s);
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
    status = event_log_write(&t->files.events, &record);
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
    return t->state.step >= t->session->config->pretrain_steps ||
           run_files_at_limit(&t->files, t->state.step) || interrupt_requested();
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
    int status = event_log_write(&t->files.events, &record);
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
    (void)saver_begin(t->files.saver); /* drops the older copy */
    return saver_end(t->files.saver, pretrain_save(t->files.checkpoint_path, t->model_path,
                                                   t->session->weights, &t->optimizer, &t->state));
}

/* Keeps a copy that a signal saves while the next step is computed. */
static int keep_copy(struct pretraining *t)
{
    if (!saver_is_due(t->files.saver))
        return OK;
    struct str *copy = saver_begin(t->files.saver);
    return saver_end(t->files.saver, pretrain_append(copy, t->session->weights, &t->optimizer, &t->state));
}

/* Validates. A signal ends only the validation: the trained weights are saved before the run ends. */
static int validate_or_stop(struct pretraining *t)
{
    const int status = validate(t);
    if (status != ERR_INTERRUPTED || t->state.step == 0)
        return status;
    log_warning(t->session->log, "step %" PRId64 ": a signal ended the validation", t->state.step);
    return OK;
}

/* Waits for the current batch, starts the next one, and computes a step. */
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
        if ((status = advance(t)) == OK && (status = keep_copy(t)) == OK &&
            (t->state.step == c->pretrain_steps || t->state.step % c->pretrain_validation_steps == 0))
            status = validate_or_stop(t);
        if (status == OK && (must_stop(t) || t->state.step % c->pretrain_checkpoint_steps == 0))
            status = save(t);
    }
    log_finish(t->session->log);
    return status;
}

int pretrain_run(struct config *config, const struct run_options *options, struct log *log)
{
    struct pretraining t = {.options = options, .files.lock = -1};
    int status = OK;
    if ((status = open_all(&t, config, log)) == OK && (status = begin(&t)) == OK &&
        (status = run_steps(&t)) == OK &&
        (status = run_files_end(&t.files, "pretrain", t.state.step, config->pretrain_steps, t.state.step > 0,
                                interrupt_requested())) == OK)
        log_info(log, "saved %s", t.model_path);
    close_all(&t);
    return status;
}
