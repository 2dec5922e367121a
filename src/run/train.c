/*
 * The training loop. A step depends on (configuration, seed, epoch, step) alone, so a resumed run ends in the
 * same bytes as an uninterrupted one.
 */
#include "prompt/run/train.h"

#include <inttypes.h>
#include <stdlib.h>

#include "batch.h"
#include "fit.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/json_write.h"
#include "step.h"
#include "train_ranks.h"

/* ---------------------------------------------------------------- one step */

/* Appends the name of the first trained tensor whose value or gradient is not finite. */
static void name_not_finite(struct str *out, scope *s, const struct method *m)
{
    for (int gradients = 0; gradients < 2; gradients++) {
        for (size_t i = 0; i < m->trained.n; i++) {
            const struct param *p = &m->trained.items[i];
            tensor *t = gradients ? t_grad(s, p->value) : p->value;
            double finite = 1.0;
            if (t && t_item_f64(&finite, s, t_is_finite(s, t)) == OK && finite == 0.0) {
                str_appendf(out, "%s'%s'", gradients ? "the gradient of " : "", p->name);
                return;
            }
        }
    }
    str_append(out, "the loss itself");
}

/* The images of a bad batch, of all ranks: [n], owned. NULL: out of memory. */
static size_t *gather_items(int64_t *n, const struct training *t, const struct batch *batch)
{
    *n = t->share.n_images;
    size_t *items = malloc((size_t)*n * sizeof *items);
    if (!items || division_gather_items(items, &t->division, batch->items) != OK) {
        *n = 0;
        free(items);
        return NULL;
    }
    return items;
}

/* Records all images of a bad batch in the log. */
static int record_failure(struct training *t, const size_t *items, int64_t n)
{
    struct str record = {0};
    json_open(&record, NULL, '{');
    json_put_i64(&record, "step", t->progress.step + 1);
    json_put_i64(&record, "epoch", t->progress.epoch + 1);
    json_put_bool(&record, "failed", true);
    json_open(&record, "images", '[');
    for (int64_t i = 0; i < n; i++)
        json_put_string(&record, NULL, t->items.items[items[i]].path);
    json_close(&record, ']');
    json_close(&record, '}');
    int status = event_log_write(&t->files.events, &record);
    str_free(&record);
    return status;
}

/* The error in one line: step, loss, first tensor, largest gradient, last checkpoint, advice, first
 * images. */
static int not_finite(struct training *t, scope *s, const struct batch *batch,
                      const struct step_numbers *numbers)
{
    enum { MAX_IMAGES = 4 };
    struct str images = {0};
    struct str tensor_name = {0};
    int64_t n = 0;
    size_t *items = gather_items(&n, t, batch);
    for (int64_t i = 0; i < n && i < MAX_IMAGES; i++)
        str_appendf(&images, "%s%s", i > 0 ? ", " : "", t->items.items[items[i]].path);
    if (n > MAX_IMAGES)
        str_appendf(&images, " and %" PRId64 " more (in %s)", n - MAX_IMAGES, RUN_LOG_FILE);
    name_not_finite(&tensor_name, s, t->method);
    if (training_writes(t))
        (void)record_failure(t, items, n); /* the run ends with the error below in any case */
    free(items);
    int status = error_set(
        ERR_NUMERIC,
        "step %" PRId64
        ": the loss (%g) or its gradient (largest %g) is not finite; first tensor that is not: %s; last "
        "good checkpoint: %s; a smaller training.lr%s may help; images: %s",
        t->progress.step + 1, numbers->loss, numbers->largest_gradient, str_text(&tensor_name),
        t->has_checkpoint ? t->files.checkpoint_path : "none",
        t->session->precision == PRECISION_FP32 ? "" : " or --precision fp32", str_text(&images));
    str_free(&images);
    str_free(&tensor_name);
    return status;
}

/* The number of a batch's step in the training, from 1. */
static int64_t step_of(const struct training *t, const struct batch *batch)
{
    return t->progress.epoch * t->steps_per_epoch + batch->index + 1;
}

static struct method_stage stage_of(const struct training *t, int64_t step)
{
    return method_stage_at(t->method, step, t->progress.n_steps);
}

static int step(struct step_numbers *out, struct training *t, const struct batch *batch, double lr)
{
    scope *s = scope_open(t->session->scope, SCOPE_GRAD_ON);
    const int64_t number = step_of(t, batch);
    struct step_batch inputs = {
        .step = number,
        .stage_step = number - stage_of(t, number).n_before,
        .ranks = t->session->ranks,
        .weight = t->share.weight,
        .first_image = t->share.first_image,
    };
    batch_upload(&inputs, s, &t->buffers, batch);
    int status = step_train(out, s, t->method, &t->optimizer, &t->classes.texts, inputs, lr);
    if (status == OK && !step_is_finite(out))
        status = not_finite(t, s, batch, out);
    int closed = scope_close(s);
    return status == OK ? closed : status;
}

/* ---------------------------------------------------------------- log and progress */

/* The number of ranks, and what the exchanges of this step cost the first. */
static void record_ranks(struct str *record, struct training *t)
{
    const struct ranks_time now = division_time(&t->division);
    if (!t->session->ranks)
        return;
    json_put_i64(record, "ranks", ranks_size(t->session->ranks));
    json_put_fixed(record, "ranks_wait_s", now.wait_s - t->exchanged.wait_s, 6);
    json_put_fixed(record, "ranks_move_s", now.move_s - t->exchanged.move_s, 6);
    t->exchanged = now;
}

static int record_step(struct training *t, const struct step_numbers *numbers, const struct batch *batch,
                       double lr, double seconds)
{
    const int64_t N = t->method->options.n_iterations;
    struct str record = {0};
    json_open(&record, NULL, '{');
    json_put_i64(&record, "step", t->progress.step);
    json_put_i64(&record, "epoch", t->progress.epoch + 1);
    json_put_f64(&record, "lr", lr);
    json_put_f64(&record, "loss", numbers->loss);
    json_put_f64s(&record, "losses", numbers->losses, (size_t)N);
    json_put_f64s(&record, "accuracies", numbers->accuracies, (size_t)N);
    if (agreement_reads_clip(&t->method->options.regularization) ||
        agreement_reads_teacher(&t->method->options.regularization))
        json_put_f64s(&record, "agreement", numbers->agreement, N_AGREEMENTS);
    json_put_i64(&record, "images", t->share.n_images);
    json_put_i64(&record, "skipped", t->share.n_skipped);
    json_put_fixed(&record, "seconds", seconds, 6);
    json_put_fixed(&record, "wait_s", batch->wait_s, 6);
    record_ranks(&record, t);
    json_close(&record, '}');
    int status = event_log_write(&t->files.events, &record);
    str_free(&record);
    return status;
}

/* Whether a signal has come; of several ranks, to any of them before the step at hand. */
static bool is_stopped(const struct training *t)
{
    return t->session->ranks ? t->share.wants_stop : interrupt_requested();
}

static void show_progress(struct training *t, const struct step_numbers *numbers, double seconds)
{
    const struct progress *p = &t->progress;
    struct str losses = {0};
    for (int64_t n = 0; n < t->method->options.n_iterations; n++)
        str_appendf(&losses, "%s%.4f", n > 0 ? " " : "", numbers->losses[n]);
    /* an exponential mean forgets the slow first steps */
    t->mean_step_s = t->mean_step_s > 0 ? 0.9 * t->mean_step_s + 0.1 * seconds : seconds;
    char left[32];
    format_duration(left, sizeof left, t->mean_step_s * (double)(p->n_steps - p->step));
    const bool is_last =
        p->step == p->n_steps || run_files_at_limit(&t->files, t->progress.step) || is_stopped(t);
    log_progress(t->session->log, is_last,
                 "epoch %" PRId64 "/%" PRId64 ", step %" PRId64 "/%" PRId64
                 ", loss %s, %.2f images/s, %s left",
                 p->epoch + 1, t->n_epochs, p->step, p->n_steps, str_text(&losses),
                 (double)t->share.n_images / t->mean_step_s, left);
    str_free(&losses);
}

/* ---------------------------------------------------------------- the loop */

/* The update itself may have overflowed; such values never replace a good checkpoint. */
static int check_trained(struct training *t)
{
    int status = OK;
    scope *s = scope_open(t->session->scope, SCOPE_GRAD_OFF);
    for (size_t i = 0; status == OK && i < t->method->trained.n; i++) {
        const struct param *p = &t->method->trained.items[i];
        double finite = 0.0;
        status = t_item_f64(&finite, s, t_is_finite(s, p->value));
        if (status == OK && finite == 0.0)
            status = error_set(
                ERR_NUMERIC,
                "step %" PRId64 ": '%s' is not finite after the update; last good checkpoint: %s; a "
                "smaller training.lr may help",
                t->progress.step, p->name, t->has_checkpoint ? t->files.checkpoint_path : "none");
    }
    int closed = scope_close(s);
    return status == OK ? closed : status;
}

int training_save(struct training *t)
{
    int status = check_trained(t);
    if (status == OK && training_writes(t)) {
        (void)saver_begin(t->files.saver); /* drops the older copy */
        status = saver_end(t->files.saver, checkpoint_write(t->files.checkpoint_path, t->method,
                                                            &t->optimizer, &t->progress, &t->provenance));
    }
    t->has_saved = t->has_saved || status == OK;
    t->has_checkpoint = t->has_checkpoint || status == OK;
    return status;
}

/* Whether no step of the epoch is left. */
static bool is_at_end(const struct training *t)
{
    return t->progress.step_in_epoch == t->steps_per_epoch || t->progress.step == t->progress.n_steps;
}

/* Keeps a copy that a signal saves during the next step. The last step of an epoch is saved at once. */
static int keep_copy(struct training *t)
{
    struct saver *saver = t->files.saver;
    if (!training_writes(t) || !saver_is_due(saver) || is_at_end(t))
        return OK;
    int status = check_trained(t);
    if (status != OK)
        return status;
    struct str *copy = saver_begin(saver);
    return saver_end(saver, checkpoint_append(copy, t->method, &t->optimizer, &t->progress, &t->provenance));
}

/* The rate of step `number`, whose stage is this one. */
static double rate_of(const struct training *t, struct method_stage stage, int64_t number)
{
    const struct config *c = t->session->config;
    const struct schedule_options schedule = {.schedule = c->schedule,
                                              .lr = c->lr,
                                              .warmup_lr = c->warmup_lr,
                                              .warmup_epochs = c->warmup_epochs,
                                              .n_epochs = t->n_epochs,
                                              .min_lr = c->min_lr,
                                              .n_steps = stage.n_steps};
    return schedule_lr(&schedule, t->progress.epoch + 1, number - stage.n_before);
}

/* Computes the step of a batch, counts and logs it. Its time has begun with the wait for its images. */
static int advance(struct training *t, const struct batch *batch, double start_s)
{
    const struct method_stage stage = stage_of(t, step_of(t, batch));
    const double lr = rate_of(t, stage, step_of(t, batch));
    struct step_numbers numbers = {0};
    int status = stage.index == t->method->stage ? OK : training_begin_stage(t, stage.index);
    if (status == OK)
        status = step(&numbers, t, batch, lr);
    if (status != OK)
        return status;
    t->progress.step_in_epoch = batch->index + 1;
    t->progress.step = step_of(t, batch);
    const double seconds = clock_s() - start_s;
    session_note_work(t->session, seconds - batch->wait_s, t->share.n_images);
    if (training_writes(t))
        status = record_step(t, &numbers, batch, lr, seconds);
    show_progress(t, &numbers, seconds);
    return status == OK ? keep_copy(t) : status;
}

/* The next epoch's beginning, or the end of the training. */
static void end_epoch(struct progress *p, int64_t steps_per_epoch)
{
    const int64_t next = (p->epoch + 1) * steps_per_epoch;
    p->step = next < p->n_steps ? next : p->n_steps;
    p->epoch = p->step / steps_per_epoch;
    p->step_in_epoch = p->step % steps_per_epoch;
}

/* The next batch of which any image can be read, on all ranks. `*is_over`: none is left in the epoch. */
static int next_batch(struct batch *out, bool *is_over, struct training *t)
{
    do {
        int status = loader_next(out, t->loader);
        *is_over = out->n_whole == 0 || step_of(t, out) > t->progress.n_steps;
        if (status != OK || *is_over)
            return status;
        if ((status = train_ranks_share(t, out)) != OK)
            return status;
    } while (t->share.n_images == 0 && !t->share.wants_stop);
    return OK;
}

/* Untrained prompts are not saved. */
static int stop(struct training *t)
{
    return t->progress.step > 0 ? training_save(t) : OK;
}

static int run_epoch(struct training *t)
{
    const int64_t first_step = t->progress.step;
    int status = loader_start(t->loader, t->progress.epoch, t->progress.step_in_epoch);
    while (status == OK && !is_at_end(t)) {
        struct batch batch;
        bool is_over = false;
        if (run_files_at_limit(&t->files, t->progress.step) || is_stopped(t))
            return stop(t);
        const double start_s = clock_s();
        status = next_batch(&batch, &is_over, t);
        if (status == OK && is_over)
            break; /* the end of the epoch, as unreadable pictures left out its last steps */
        if (status == OK && is_stopped(t))
            return stop(t);
        if (status == OK)
            status = advance(t, &batch, start_s);
    }
    if (status == OK && t->progress.step == first_step && t->progress.step_in_epoch == 0)
        status = error_set(ERR_FORMAT, "none of %zu images can be read", t->items.n);
    if (status != OK)
        return status;
    status = optimizer_end_epoch(&t->optimizer, t->progress.epoch + 1);
    end_epoch(&t->progress, t->steps_per_epoch);
    return status == OK ? training_save(t) : status;
}

static int run_epochs(struct training *t)
{
    int status = OK;
    while (status == OK && t->progress.step < t->progress.n_steps &&
           !run_files_at_limit(&t->files, t->progress.step) && !is_stopped(t))
        status = run_epoch(t);
    log_finish(t->session->log);
    if (status != OK)
        return status;
    status = train_ranks_warn(t);
    return status == OK ? run_files_end(&t->files, "train", t->progress.step, t->progress.n_steps,
                                        t->has_checkpoint, is_stopped(t))
                        : status;
}

/* ---------------------------------------------------------------- a dry run */

/* Times a step whose result is discarded. All ranks get the first one's time: by it they go on or stop alike. */
static int time_step(double *seconds, struct training *t, const struct batch *batch)
{
    struct step_numbers numbers;
    const double start_s = clock_s();
    const int status = step(&numbers, t, batch, 0.0);
    *seconds = clock_s() - start_s;
    return status == OK ? ranks_broadcast(t->session->ranks, seconds, sizeof *seconds) : status;
}

/* The mean of as many steps as there are, or as fill a second: beside other processes they differ much. The first
 * also warms up, so it counts only if it is long. */
static int estimate_step(double *mean_s, struct training *t, const struct batch *batch)
{
    static const double LONG_S = 5.0, ENOUGH_S = 1.0;
    double total_s = 0.0, seconds = 0.0;
    int64_t n = 0;
    int status = time_step(mean_s, t, batch);
    if (*mean_s >= LONG_S)
        return status;
    while (status == OK && n < t->progress.n_steps && total_s < ENOUGH_S) {
        status = time_step(&seconds, t, batch);
        total_s += seconds;
        *mean_s = total_s / (double)++n;
    }
    return status;
}

static int estimate_time(struct training *t)
{
    struct batch batch;
    double seconds = 0.0;
    int status = loader_start(t->loader, 0, 0);
    if (status == OK)
        status = loader_next(&batch, t->loader);
    if (status == OK)
        status = train_ranks_share(t, &batch);
    if (status == OK)
        status = estimate_step(&seconds, t, &batch);
    if (status == OK)
        status = ranks_agree(t->session->ranks, interrupt_check_begin());
    if (status != OK)
        return status;
    char duration[32];
    format_duration(duration, sizeof duration, seconds * (double)t->progress.n_steps);
    log_info(t->session->log, "time     about %s: %.2g s a step, measured just now", duration, seconds);
    return OK;
}

int train_run(struct config *config, const struct train_options *options, struct log *log)
{
    struct training t = {.options = &options->run, .is_dry = options->dry_run, .files.lock = -1};
    int status = training_open(&t, config, options->targets, log);
    const bool is_fitted = method_is_fitted(config->method);
    if (status == OK && options->dry_run)
        status = is_fitted ? fit_estimate(&t) : estimate_time(&t);
    else if (status == OK && (status = training_begin(&t)) == OK &&
             (status = is_fitted ? fit_run(&t) : run_epochs(&t)) == OK && t.has_saved)
        log_info(log, "saved %s", t.files.checkpoint_path);
    training_close(&t);
    return status;
}
