/* The prediction loop. */
#include "prompt/run/predict.h"

#include <inttypes.h>
#include <stdlib.h>

#include "batch.h"
#include "dealt.h"

void predict_result_free(struct predict_result *r)
{
    free(r->first_damaged);
    *r = (struct predict_result){0};
}

/* The state of the loop. */
struct loop {
    struct predict_result *out;
    struct session *session;
    const struct item_list *items;
    const struct predict_options *options;
    struct dealt *dealt;
    struct image_features x; /* x^0 of the list; without a key if it is not asked for */
    /* what is computed: logits, or features */
    const struct method *method;         /* NULL: none takes part */
    const struct class_texts *texts;     /* of the method */
    const tensor *fixed_text;            /* or NULL */
    const struct feature_source *source; /* NULL: logits */
    int64_t n_per_image;                 /* (N+1) K, or d */
};

static void take_failure(void *context, size_t item, const char *message)
{
    struct loop *loop = context;
    loop->out->n_failed++;
    loop->options->on_failure(loop->options->context, item, message);
}

static int hand_over(struct loop *loop, const struct dealt_batch *batch)
{
    const struct predict_options *o = loop->options;
    int status = OK;
    for (int64_t i = 0; status == OK && i < batch->n; i++) {
        status = o->on_picture(o->context, batch->items[i], batch->values + i * loop->n_per_image);
        loop->out->n_predicted += status == OK;
    }
    return status == OK && o->on_batch && batch->n > 0 ? o->on_batch(o->context) : status;
}

static void show_progress(const struct loop *loop, double start_s)
{
    const double elapsed = clock_s() - start_s;
    const int64_t n_done = loop->out->n_predicted + loop->out->n_failed;
    const double done = (double)n_done, n = (double)loop->items->n;
    const double rate = elapsed > 0 ? done / elapsed : 0.0;
    char left[32];
    format_duration(left, sizeof left, rate > 0 ? (n - done) / rate : 0.0);
    log_progress(loop->session->log, done >= n, "%s %" PRId64 "/%zu pictures, %.2f a second, %s left",
                 loop->source ? "encoded" : "predicted", n_done, loop->items->n, rate, left);
}

static int compute(void *context, float *values, const struct batch *batch)
{
    struct loop *loop = context;
    scope *s = loop->session->scope;
    const double start_s = clock_s();
    int status =
        loop->source
            ? batch_features(values, s, loop->source, loop->fixed_text, batch, loop->items, &loop->x)
            : batch_logits(values, s, loop->method, loop->texts, loop->fixed_text, batch, loop->items, NULL);
    session_note_work(loop->session, clock_s() - start_s, batch->n);
    return status;
}

/* The next batch; none after the last, also if no picture of all can be read. */
static int next_batch(struct dealt_batch *out, struct loop *loop)
{
    int status = dealt_next(out, loop->dealt);
    const bool failed_all = (size_t)loop->out->n_failed == loop->items->n;
    if (status == OK || !failed_all)
        return status;
    *out = (struct dealt_batch){.is_over = true};
    return OK;
}

static int run_batches(struct loop *loop)
{
    const double start_s = clock_s();
    scope *fixed = scope_open(loop->session->scope, SCOPE_GRAD_OFF);
    loop->fixed_text = loop->method ? method_fixed_text(fixed, loop->method, loop->texts) : NULL;
    int status = scope_status(fixed);
    while (status == OK) {
        struct dealt_batch batch;
        if ((status = next_batch(&batch, loop)) != OK || batch.is_over ||
            (status = hand_over(loop, &batch)) != OK)
            break;
        if (!loop->options->is_quiet)
            show_progress(loop, start_s);
        const int64_t n_done = dealt_facts(loop->dealt).n_done;
        if (dealt_is_stopped(loop->dealt) && (size_t)n_done < loop->items->n)
            status = error_set(ERR_INTERRUPTED, "interrupted after %" PRId64 " of %zu %s", n_done,
                               loop->items->n, plural(loop->items->n, "picture", "pictures"));
    }
    log_finish(loop->session->log);
    scope_close(fixed);
    loop->out->seconds = clock_s() - start_s;
    return status;
}

/* What was wrong with pictures, now or when their features were computed. */
static int count_pictures(struct loop *loop)
{
    struct predict_result *out = loop->out;
    const struct dealt_facts f = dealt_facts(loop->dealt);
    out->n_oriented = f.n_oriented;
    out->n_damaged = f.n_damaged;
    out->first_damaged = str_dup(f.first_damaged);
    return out->first_damaged ? OK : ERR_MEMORY;
}

static int run_dealt(struct loop *loop, const struct dealt_source *source)
{
    int status = dealt_open(&loop->dealt, source);
    if (status != OK)
        return status;
    if ((status = run_batches(loop)) == OK)
        status = count_pictures(loop);
    status = dealt_end(loop->dealt, status);
    dealt_close(loop->dealt);
    return status;
}

static int run(struct loop *loop, const char *image_dir)
{
    struct session *s = loop->session;
    struct predict_result *out = loop->out;
    struct loader_options loading = session_loader_options(s, s->config->eval_batch_size);
    *out = (struct predict_result){0};
    loading.input.apply_orientation = loop->options->apply_orientation;
    loading.skip_bad_images = true;
    loading.on_skipped = take_failure;
    loading.context = loop;
    const struct image_source source = {.items = loop->items,
                                        .image_dir = image_dir,
                                        .batch_size = loading.batch_size,
                                        .apply_orientation = loading.input.apply_orientation};
    const struct dealt_source dealt = {.session = s,
                                       .items = loop->items,
                                       .image_dir = image_dir,
                                       .loading = loading,
                                       .method = loop->method,
                                       .texts = loop->texts,
                                       .features = &loop->x,
                                       .width = loop->n_per_image,
                                       .compute = compute,
                                       .context = loop};
    int status = OK;
    if (loop->source && !loop->method)
        status = image_features_open(&loop->x, s, &source);
    if (status == OK && (status = run_dealt(loop, &dealt)) == OK && out->n_failed == 0)
        status = image_features_keep(&loop->x, s, &source, out->n_damaged, out->first_damaged);
    image_features_close(&loop->x);
    if (status != OK)
        predict_result_free(out);
    return status;
}

int predict_run(struct predict_result *out, struct session *s, const struct method *m,
                const struct class_list *classes, const struct item_list *items,
                const struct predict_options *options)
{
    struct loop loop = {.out = out,
                        .session = s,
                        .items = items,
                        .options = options,
                        .method = m,
                        .texts = &classes->texts,
                        .n_per_image = (m->options.n_iterations + 1) * classes->n};
    return run(&loop, "");
}

int predict_features(struct predict_result *out, struct session *s, const struct feature_source *source,
                     const struct item_list *items, const char *image_dir,
                     const struct predict_options *options)
{
    struct loop loop = {.out = out,
                        .session = s,
                        .items = items,
                        .options = options,
                        .method = source->method,
                        .texts = source->texts,
                        .source = source,
                        .n_per_image = source->model->dims.embed_dim};
    return run(&loop, image_dir);
}

/* ---------------------------------------------------------------- the best classes */

struct candidate {
    float logit;
    int64_t class_idx;
};

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit > y->logit ? -1 : 1;
    return (x->class_idx > y->class_idx) - (x->class_idx < y->class_idx);
}

int predict_best(int64_t *best, int64_t top, const float *logits, int64_t n_classes)
{
    struct candidate *all = calloc((size_t)n_classes, sizeof *all);
    if (!all)
        return error_out_of_memory();
    for (int64_t k = 0; k < n_classes; k++)
        all[k] = (struct candidate){logits[k], k};
    qsort(all, (size_t)n_classes, sizeof *all, compare_candidates);
    for (int64_t i = 0; i < top; i++)
        best[i] = all[i].class_idx;
    free(all);
    return OK;
}
