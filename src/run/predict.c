/* The prediction loop. */
#include "prompt/run/predict.h"

#include <inttypes.h>
#include <stdlib.h>

#include "batch.h"
#include "prompt/base/interrupt.h"

void predict_result_free(struct predict_result *r)
{
    free(r->first_damaged);
    *r = (struct predict_result){0};
}

/* The state and the buffers of the loop. */
struct loop {
    struct predict_result *out;
    const struct item_list *items;
    const struct predict_options *options;
    struct loader *loader;     /* NULL: no picture needs to be read */
    struct list_batches known; /* without a loader */
    struct image_features x;   /* x^0 of the list; without a key if it is not asked for */
    /* what is computed: logits, or features */
    const struct method *method;         /* NULL: none takes part */
    const struct class_texts *texts;     /* of the method */
    const struct feature_source *source; /* NULL: logits */
    float *values;                       /* of one batch, [B,N+1,K] or [B,d] */
    int64_t n_per_image;                 /* (N+1) K, or d */
};

static void take_failure(void *context, size_t item, const char *message)
{
    struct loop *loop = context;
    loop->out->n_failed++;
    loop->options->on_failure(loop->options->context, item, message);
}

static int hand_over(struct loop *loop, const struct batch *batch)
{
    const struct predict_options *o = loop->options;
    int status = OK;
    for (int64_t i = 0; status == OK && i < batch->n; i++) {
        status = o->on_picture(o->context, batch->items[i], loop->values + i * loop->n_per_image);
        loop->out->n_predicted += status == OK;
    }
    return status == OK && o->on_batch ? o->on_batch(o->context) : status;
}

static int64_t n_done(const struct loop *loop)
{
    return loop->out->n_predicted + loop->out->n_failed;
}

static void show_progress(struct session *s, const struct loop *loop, double start_s)
{
    const double elapsed = clock_s() - start_s;
    const double done = (double)n_done(loop), n = (double)loop->items->n;
    const double rate = elapsed > 0 ? done / elapsed : 0.0;
    char left[32];
    format_duration(left, sizeof left, rate > 0 ? (n - done) / rate : 0.0);
    log_progress(s->log, done >= n, "%s %" PRId64 "/%zu pictures, %.2f a second, %s left",
                 loop->source ? "encoded" : "predicted", n_done(loop), loop->items->n, rate, left);
}

/* The next batch; none after the last, also if no picture of all can be read. */
static int next_batch(struct batch *out, struct loop *loop)
{
    if (!loop->loader) {
        list_batches_next(out, &loop->known);
        return OK;
    }
    int status = loader_next(out, loop->loader);
    const bool failed_all = (size_t)loop->out->n_failed == loop->items->n;
    if (status == OK || !failed_all)
        return status;
    *out = (struct batch){0};
    return OK;
}

static int compute(struct loop *loop, scope *s, const tensor *fixed_text, const struct batch *batch)
{
    return loop->source
               ? batch_features(loop->values, s, loop->source, fixed_text, batch, loop->items, &loop->x)
               : batch_logits(loop->values, s, loop->method, loop->texts, fixed_text, batch, loop->items,
                              NULL);
}

static int run_batches(struct session *s, struct loop *loop)
{
    const double start_s = clock_s();
    scope *fixed = scope_open(s->scope, SCOPE_GRAD_OFF);
    const tensor *fixed_text = loop->method ? method_fixed_text(fixed, loop->method, loop->texts) : NULL;
    int status = scope_status(fixed);
    if (status == OK && loop->loader)
        status = loader_start(loop->loader, 0, 0);
    while (status == OK) {
        struct batch batch;
        if ((status = next_batch(&batch, loop)) != OK || batch.n == 0 ||
            (status = compute(loop, s->scope, fixed_text, &batch)) != OK ||
            (status = hand_over(loop, &batch)) != OK)
            break;
        if (!loop->options->is_quiet)
            show_progress(s, loop, start_s);
        if (interrupt_requested() && (size_t)n_done(loop) < loop->items->n)
            status = error_set(ERR_INTERRUPTED, "interrupted after %" PRId64 " of %zu %s", n_done(loop),
                               loop->items->n, plural(loop->items->n, "picture", "pictures"));
    }
    log_finish(s->log);
    scope_close(fixed);
    loop->out->seconds = clock_s() - start_s;
    return status;
}

static int open_batches(struct loop *loop, const char *image_dir, const struct loader_options *loading)
{
    return loop->x.is_found ? list_batches_open(&loop->known, loop->items, loading->batch_size)
                            : loader_open(&loop->loader, loop->items, image_dir, loading);
}

/* What was wrong with pictures, now or when their features were computed. */
static int count_pictures(struct loop *loop)
{
    struct predict_result *out = loop->out;
    const char *first_damaged = loop->x.first_damaged;
    out->n_damaged = loop->x.n_damaged;
    if (loop->loader) {
        out->n_oriented = (int64_t)loader_n_oriented(loop->loader);
        out->n_damaged = (int64_t)loader_n_damaged(loop->loader);
        first_damaged = loader_first_damaged(loop->loader);
    }
    out->first_damaged = str_dup(first_damaged);
    return out->first_damaged ? OK : ERR_MEMORY;
}

static int run(struct loop *loop, struct session *s, const char *image_dir)
{
    struct predict_result *out = loop->out;
    struct loader_options loading = session_loader_options(s, s->config->eval_batch_size);
    *out = (struct predict_result){0};
    loading.input.apply_orientation = loop->options->apply_orientation;
    loading.skip_bad_images = true;
    loading.on_skipped = take_failure;
    loading.context = loop;
    loop->values = malloc((size_t)(loading.batch_size * loop->n_per_image) * sizeof *loop->values);
    const struct image_source source = {.items = loop->items,
                                        .image_dir = image_dir,
                                        .batch_size = loading.batch_size,
                                        .apply_orientation = loading.input.apply_orientation};
    int status = loop->values ? OK : error_out_of_memory();
    if (status == OK && loop->source && !loop->method)
        status = image_features_open(&loop->x, s, &source);
    if (status == OK && (status = open_batches(loop, image_dir, &loading)) == OK &&
        (status = run_batches(s, loop)) == OK && (status = count_pictures(loop)) == OK && out->n_failed == 0)
        status = image_features_keep(&loop->x, s, &source, out->n_damaged, out->first_damaged);
    loader_close(loop->loader);
    list_batches_close(&loop->known);
    image_features_close(&loop->x);
    free(loop->values);
    if (status != OK)
        predict_result_free(out);
    return status;
}

int predict_run(struct predict_result *out, struct session *s, const struct method *m,
                const struct class_list *classes, const struct item_list *items,
                const struct predict_options *options)
{
    struct loop loop = {.out = out,
                        .items = items,
                        .options = options,
                        .method = m,
                        .texts = &classes->texts,
                        .n_per_image = (m->options.n_iterations + 1) * classes->n};
    return run(&loop, s, "");
}

int predict_features(struct predict_result *out, struct session *s, const struct feature_source *source,
                     const struct item_list *items, const char *image_dir,
                     const struct predict_options *options)
{
    struct loop loop = {.out = out,
                        .items = items,
                        .options = options,
                        .method = source->method,
                        .texts = source->texts,
                        .source = source,
                        .n_per_image = source->model->dims.embed_dim};
    return run(&loop, s, image_dir);
}

/* ---------------------------------------------------------------- ranks */

struct ranked {
    float logit;
    int64_t class_idx;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit > y->logit ? -1 : 1;
    return (x->class_idx > y->class_idx) - (x->class_idx < y->class_idx);
}

int predict_rank(int64_t *ranked, int64_t top, const float *logits, int64_t n_classes)
{
    struct ranked *all = calloc((size_t)n_classes, sizeof *all);
    if (!all)
        return error_out_of_memory();
    for (int64_t k = 0; k < n_classes; k++)
        all[k] = (struct ranked){logits[k], k};
    qsort(all, (size_t)n_classes, sizeof *all, compare_ranked);
    for (int64_t i = 0; i < top; i++)
        ranked[i] = all[i].class_idx;
    free(all);
    return OK;
}
