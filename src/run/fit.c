/* Training of methods that are fitted to features: encode the pictures, fit, save. It is one step. */
#include "fit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/json_write.h"
#include "prompt/methods/fit.h"

/* Features of the training and the validation pictures, owned. */
struct fitting {
    struct training *training;
    float *features, *val_features;
    int64_t *labels, *val_labels;
    int64_t next_view; /* which the loader gives next, its epoch */
    double start_s;
};

/* Views in the cache: one, of pictures that are not augmented, if none is asked for. */
static int64_t n_cached(const struct config *c)
{
    return c->views_count > 0 ? c->views_count : 1;
}

/* Views that the training of Tip-Adapter-F's keys encodes besides. */
static int64_t n_fresh(const struct config *c)
{
    const bool has_fresh = c->method == METHOD_TIP_ADAPTER && c->tip_adapter_train_keys && c->views_fresh;
    return has_fresh ? c->epochs : 0;
}

int64_t fit_n_views(const struct config *c)
{
    return n_cached(c) + n_fresh(c);
}

/* ---------------------------------------------------------------- pictures as they are */

/* Receives the rows of a list. */
struct rows {
    float *values; /* [n,d] */
    size_t d;
    char *failure; /* of the first picture that cannot be read, owned */
};

static int take_row(void *context, size_t item, const float *values)
{
    struct rows *rows = context;
    memcpy(rows->values + item * rows->d, values, rows->d * sizeof *values);
    return OK;
}

static void take_failure(void *context, size_t item, const char *message)
{
    struct rows *rows = context;
    (void)item; /* the message names the file */
    if (!rows->failure)
        rows->failure = str_dup(message);
}

/* x^0 of a list [n,d], from the store or into it. Every picture must be readable. */
static int encode_list(float *out, const struct training *t, const struct item_list *items)
{
    struct session *s = t->session;
    struct rows rows = {.values = out, .d = (size_t)s->clip->dims.embed_dim};
    struct predict_result result = {0};
    const struct feature_source source = {.model = s->clip};
    const struct predict_options options = {
        .on_picture = take_row, .on_failure = take_failure, .context = &rows};
    int status = predict_features(&result, s, &source, items, t->dataset->image_dir, &options);
    if (status == OK && result.n_failed > 0)
        status = error_set(ERR_IO, "%s", rows.failure ? rows.failure : "a picture cannot be read");
    if (status == OK)
        session_warn_damaged(s, (size_t)result.n_damaged, result.first_damaged);
    predict_result_free(&result);
    free(rows.failure);
    return status;
}

/* ---------------------------------------------------------------- augmented views */

static void show_progress(const struct fitting *f, int64_t view, int64_t n_done)
{
    const struct training *t = f->training;
    const int64_t n = (int64_t)t->items.n, n_views = fit_n_views(t->session->config);
    const double elapsed_s = clock_s() - f->start_s, done = (double)(view * n + n_done);
    char left[32];
    format_duration(left, sizeof left, elapsed_s / done * ((double)(n_views * n) - done));
    log_progress(t->session->log, view + 1 == n_views && n_done == n,
                 "view %" PRId64 "/%" PRId64 ", %" PRId64 "/%" PRId64 " images, %.2f a second, %s left",
                 view + 1, n_views, n_done, n, done / elapsed_s, left);
}

/* The next augmented view of all training pictures, [N,d]; its pixels depend on seed and view alone. */
static int encode_view(void *context, float *out)
{
    struct fitting *f = context;
    struct training *t = f->training;
    struct session *s = t->session;
    const struct feature_source source = {.model = s->clip};
    const int64_t view = f->next_view++, d = s->clip->dims.embed_dim;
    int64_t n_done = 0;
    int status = loader_start(t->loader, view, 0);
    while (status == OK && n_done < (int64_t)t->items.n) {
        struct batch batch;
        if ((status = loader_next(&batch, t->loader)) != OK ||
            (status = batch_features(out + n_done * d, s->scope, &source, NULL, &batch, &t->items, NULL)) !=
                OK)
            break;
        n_done += batch.n;
        show_progress(f, view, n_done);
        if (interrupt_requested())
            status = interrupt_check_begin();
    }
    return status;
}

/* ---------------------------------------------------------------- the data of the fit */

static int64_t *labels_of(const struct item_list *items)
{
    int64_t *labels = malloc((items->n + 1) * sizeof *labels);
    for (size_t i = 0; labels && i < items->n; i++)
        labels[i] = items->items[i].label;
    return labels;
}

static int open_data(struct fitting *f)
{
    const struct training *t = f->training;
    const size_t d = (size_t)t->session->clip->dims.embed_dim;
    const size_t n_views = (size_t)n_cached(t->session->config);
    f->features = malloc(n_views * t->items.n * d * sizeof *f->features);
    f->val_features = malloc((t->val.n * d + 1) * sizeof *f->val_features);
    f->labels = labels_of(&t->items);
    f->val_labels = labels_of(&t->val);
    return f->features && f->val_features && f->labels && f->val_labels ? OK : error_out_of_memory();
}

static int encode(struct fitting *f)
{
    struct training *t = f->training;
    const int64_t n_views = t->session->config->views_count;
    const size_t size = t->items.n * (size_t)t->session->clip->dims.embed_dim;
    int status = t->val.n > 0 ? encode_list(f->val_features, t, &t->val) : OK;
    if (status == OK && n_views == 0)
        status = encode_list(f->features, t, &t->items);
    f->start_s = clock_s();
    for (int64_t v = 0; status == OK && v < n_views; v++)
        status = encode_view(f, f->features + (size_t)v * size);
    return status;
}

static struct fit_data data_of(struct fitting *f)
{
    const struct training *t = f->training;
    const struct config *c = t->session->config;
    return (struct fit_data){.n_views = n_cached(c),
                             .n = (int64_t)t->items.n,
                             .features = f->features,
                             .labels = f->labels,
                             .n_val = (int64_t)t->val.n,
                             .val_features = f->val_features,
                             .val_labels = f->val_labels,
                             .captions = t->classes.texts.caption_features,
                             .seed = (uint64_t)c->seed,
                             .n_epochs = c->epochs,
                             .batch_size = c->batch_size,
                             .lr = c->lr,
                             .next_view = encode_view,
                             .context = f};
}

/* ---------------------------------------------------------------- log */

/* Mean cross-entropy and accuracy of the first view by the fitted method. */
static int measure(double *loss, double *accuracy, struct fitting *f)
{
    const struct training *t = f->training;
    const struct clip *clip = t->session->clip;
    const int64_t n = (int64_t)t->items.n;
    scope *s = scope_open(t->session->scope, SCOPE_GRAD_OFF);
    const tensor *x =
        t_from_f32(s, f->features, SHAPE(n, clip->dims.embed_dim), clip->dtypes.accum, clip->device);
    struct method_output out;
    method_forward(&out, s, t->method, &(struct method_inputs){.classes = &t->classes.texts, .features = x});
    *accuracy = fit_accuracy_of(s, out.logits[1], f->labels);
    int status = t_item_f64(
        loss, s, t_cross_entropy(s, out.logits[1], t_from_i64(s, f->labels, SHAPE(n), clip->device)));
    method_output_free(&out);
    int closed = scope_close(s);
    return status == OK ? closed : status;
}

static int record(struct fitting *f, const struct fit_report *report, double seconds)
{
    struct training *t = f->training;
    double loss = 0.0, accuracy = 0.0;
    int status = measure(&loss, &accuracy, f);
    if (status != OK)
        return status;
    struct str line = {0};
    json_open(&line, NULL, '{');
    json_put_i64(&line, "step", 1);
    json_put_i64(&line, "epoch", 1);
    json_put_f64(&line, "loss", loss);
    json_put_f64s(&line, "losses", &loss, 1);
    json_put_f64s(&line, "accuracies", &accuracy, 1);
    json_put_i64(&line, "images",
                 f->next_view > 0 ? f->next_view * (int64_t)t->items.n : (int64_t)t->items.n);
    json_put_fixed(&line, "seconds", seconds, 6);
    json_open(&line, "fit", '{');
    for (size_t i = 0; i < report->n; i++)
        json_put_f64(&line, report->numbers[i].name, report->numbers[i].value);
    json_close(&line, '}');
    json_close(&line, '}');
    status = event_log_write(&t->files.events, &line);
    str_free(&line);
    return status;
}

static void print(const struct training *t, const struct fit_report *report)
{
    struct str text = {0};
    for (size_t i = 0; i < report->n; i++)
        str_appendf(&text, "%s%s %.6g", i > 0 ? ", " : "", report->numbers[i].name, report->numbers[i].value);
    log_info(t->session->log, "fitted   %s", str_text(&text));
    if (report->warning)
        log_warning(t->session->log, "%s", report->warning);
    str_free(&text);
}

/* ---------------------------------------------------------------- run */

static int fit(struct fitting *f)
{
    struct training *t = f->training;
    struct fit_report report;
    const double start_s = clock_s();
    int status = OK;
    if ((status = open_data(f)) != OK || (status = encode(f)) != OK)
        return status;
    const struct fit_data data = data_of(f);
    status = method_fit(&report, t->method, &data);
    log_finish(t->session->log);
    if (status != OK)
        return status;
    t->progress.epoch = t->progress.step = 1;
    print(t, &report);
    status = record(f, &report, clock_s() - start_s);
    return status == OK ? training_save(t) : status;
}

int fit_run(struct training *t)
{
    struct fitting f = {.training = t};
    int status = t->progress.step == t->progress.n_steps ? OK : fit(&f);
    if (status == ERR_INTERRUPTED)
        status = run_files_end(&t->files, "train", 0, 1, false, interrupt_requested());
    free(f.features);
    free(f.val_features);
    free(f.labels);
    free(f.val_labels);
    session_warn_damaged(t->session, loader_n_damaged(t->loader), loader_first_damaged(t->loader));
    return status;
}

int fit_estimate(struct training *t)
{
    const struct feature_source source = {.model = t->session->clip};
    const int64_t n_batches = loader_n_batches(t->loader) * fit_n_views(t->session->config);
    struct batch batch;
    float *out = NULL;
    double seconds = 0.0;
    int status = loader_start(t->loader, 0, 0);
    if (status == OK && (status = loader_next(&batch, t->loader)) == OK) {
        out = malloc((size_t)(batch.n * t->session->clip->dims.embed_dim) * sizeof *out);
        const double start_s = clock_s();
        status = out ? batch_features(out, t->session->scope, &source, NULL, &batch, &t->items, NULL)
                     : error_out_of_memory();
        seconds = clock_s() - start_s;
    }
    free(out);
    if (status == OK)
        status = interrupt_check_begin();
    if (status != OK)
        return status;
    char duration[32];
    format_duration(duration, sizeof duration, seconds * (double)n_batches);
    log_info(t->session->log, "time     about %s for the features: %.2g s a batch, measured just now",
             duration, seconds);
    return OK;
}
