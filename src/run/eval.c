/* The evaluation loop. */
#include "prompt/run/eval.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/json_write.h"

void eval_result_free(struct eval_result *r)
{
    free(r->first_damaged);
    metrics_free(&r->metrics);
    free(r->logits);
    free(r->predictions);
    free(r->labels);
    free(r->items);
    *r = (struct eval_result){0};
}

/* The state and the buffers of the evaluation loop. */
struct loop {
    struct loader *loader; /* NULL: no picture needs to be read */
    struct image_features features;
    const struct item_list *items;
    struct list_batches known; /* without a loader */
    float *logits;             /* of one batch */
    int64_t n_per_image;       /* (N+1) K */
    int64_t n_done;
    struct eval_options options;
};

static bool keeps_anything(const struct loop *loop)
{
    return loop->options.keep_logits || loop->options.keep_predictions;
}

static void keep_predictions(struct eval_result *out, const struct loop *loop, const struct batch *batch)
{
    const int64_t n_rows = out->metrics.n_iterations + 1, K = out->metrics.n_classes;
    for (int64_t row = 0; row < batch->n * n_rows; row++) {
        const float *logits = loop->logits + row * K;
        const int64_t predicted = metrics_predict(logits, K);
        out->predictions[loop->n_done * n_rows + row] = (struct prediction){
            .class_idx = predicted,
            .confidence = metrics_probability(logits, K, predicted),
            .label_confidence = metrics_probability(logits, K, batch->labels[row / n_rows]),
        };
    }
}

static int next_batch(struct batch *out, struct loop *loop)
{
    if (loop->loader)
        return loader_next(out, loop->loader);
    list_batches_next(out, &loop->known);
    return OK;
}

static void keep_batch(struct eval_result *out, const struct loop *loop, const struct batch *batch)
{
    const size_t at = (size_t)loop->n_done, n = (size_t)batch->n, width = (size_t)loop->n_per_image;
    if (loop->options.keep_logits)
        memcpy(out->logits + at * width, loop->logits, n * width * sizeof *out->logits);
    if (loop->options.keep_predictions)
        keep_predictions(out, loop, batch);
    memcpy(out->labels + at, batch->labels, n * sizeof *out->labels);
    memcpy(out->items + at, batch->items, n * sizeof *out->items);
}

static void show_progress(struct session *s, const struct eval_result *out, const struct loop *loop,
                          size_t n_images, double start_s)
{
    const double elapsed = clock_s() - start_s;
    const double rate = elapsed > 0 ? (double)loop->n_done / elapsed : 0.0;
    char left[32];
    format_duration(left, sizeof left, rate > 0 ? ((double)n_images - (double)loop->n_done) / rate : 0.0);
    const bool is_last = (size_t)loop->n_done == n_images;
    log_progress(s->log, is_last,
                 "evaluated %" PRId64 "/%zu images, accuracy %.2f %%, %.2f images/s, %s left", loop->n_done,
                 n_images, 100.0 * metrics_accuracy(&out->metrics, out->metrics.n_iterations), rate, left);
}

static int run_batches(struct eval_result *out, struct session *s, const struct method *m,
                       const struct class_list *classes, struct loop *loop)
{
    const struct item_list *items = loop->items;
    const double start_s = clock_s();
    scope *fixed = scope_open(s->scope, SCOPE_GRAD_OFF);
    const tensor *fixed_text = method_fixed_text(fixed, m, &classes->texts);
    int status = scope_status(fixed);
    if (status == OK && loop->loader)
        status = loader_start(loop->loader, 0, 0);
    while (status == OK) {
        struct batch batch;
        status = next_batch(&batch, loop);
        if (status != OK || batch.n == 0)
            break;
        status = batch_logits(loop->logits, s->scope, m, &classes->texts, fixed_text, &batch, items,
                              &loop->features);
        if (status != OK)
            break;
        metrics_add(&out->metrics, loop->logits, batch.labels, batch.n);
        if (keeps_anything(loop))
            keep_batch(out, loop, &batch);
        loop->n_done += batch.n;
        if (!loop->options.is_quiet)
            show_progress(s, out, loop, items->n, start_s);
        if (interrupt_requested() && (size_t)loop->n_done < items->n)
            status = error_set(ERR_INTERRUPTED,
                               "interrupted after %" PRId64
                               " of %zu %s of the %s classes, which were not recorded",
                               loop->n_done, items->n, plural(items->n, "image", "images"),
                               class_subset_names[classes->subset]);
    }
    log_finish(s->log);
    scope_close(fixed);
    out->seconds = clock_s() - start_s;
    return status;
}

static int allocate(struct eval_result *out, struct loop *loop, size_t batch_size)
{
    const size_t width = (size_t)loop->n_per_image, n_images = loop->items->n;
    loop->logits = malloc(batch_size * width * sizeof *loop->logits);
    if (!loop->logits)
        return error_out_of_memory();
    if (!keeps_anything(loop))
        return OK;
    const size_t n_rows = n_images * ((size_t)out->metrics.n_iterations + 1);
    out->labels = malloc(n_images * sizeof *out->labels);
    out->items = malloc(n_images * sizeof *out->items);
    bool is_allocated = out->labels && out->items;
    if (loop->options.keep_logits)
        is_allocated = (out->logits = malloc(n_images * width * sizeof *out->logits)) && is_allocated;
    if (loop->options.keep_predictions)
        is_allocated = (out->predictions = malloc(n_rows * sizeof *out->predictions)) && is_allocated;
    return is_allocated ? OK : error_out_of_memory();
}

/* Pictures are read unless their features are known, and suffice. */
static int open_batches(struct loop *loop, const struct method *m, const char *image_dir,
                        const struct loader_options *loading)
{
    return loop->features.is_found && !method_needs_pixels(m)
               ? list_batches_open(&loop->known, loop->items, loading->batch_size)
               : loader_open(&loop->loader, loop->items, image_dir, loading);
}

/* What was wrong with pictures, now or when their features were computed. */
static int report_pictures(struct eval_result *out, struct session *s, const struct loop *loop)
{
    const char *first_damaged = loop->features.first_damaged;
    out->n_damaged = loop->features.n_damaged;
    if (loop->loader) {
        out->n_skipped = (int64_t)loader_n_skipped(loop->loader);
        session_warn_skipped(s, loader_n_skipped(loop->loader), loader_first_skipped(loop->loader));
        out->n_damaged = (int64_t)loader_n_damaged(loop->loader);
        first_damaged = loader_first_damaged(loop->loader);
    }
    out->first_damaged = str_dup(first_damaged);
    return out->first_damaged ? OK : ERR_MEMORY;
}

int eval_run(struct eval_result *out, struct session *s, const struct method *m,
             const struct class_list *classes, const struct item_list *items, struct eval_options options)
{
    *out = (struct eval_result){0};
    const int64_t N = m->options.n_iterations;
    const struct loader_options loading = session_loader_options(s, s->config->eval_batch_size);
    const struct image_source source = {
        .items = items, .image_dir = classes->dataset->image_dir, .batch_size = loading.batch_size};
    struct loop loop = {.n_per_image = (N + 1) * classes->n, .items = items, .options = options};
    int status = OK;
    if ((status = metrics_create(&out->metrics, N, classes->n)) == OK &&
        (status = allocate(out, &loop, (size_t)loading.batch_size)) == OK &&
        (status = image_features_open(&loop.features, s, &source)) == OK &&
        (status = open_batches(&loop, m, source.image_dir, &loading)) == OK &&
        (status = run_batches(out, s, m, classes, &loop)) == OK &&
        (status = report_pictures(out, s, &loop)) == OK && out->n_skipped == 0)
        status = image_features_keep(&loop.features, s, &source, out->n_damaged, out->first_damaged);
    loader_close(loop.loader);
    image_features_close(&loop.features);
    free(loop.logits);
    list_batches_close(&loop.known);
    if (status != OK)
        eval_result_free(out);
    return status;
}

/* ---------------------------------------------------------------- logits file */

static int paths_json(struct str *out, const struct eval_result *r, const struct item_list *items)
{
    json_open(out, NULL, '[');
    for (int64_t i = 0; i < r->metrics.n_images; i++)
        json_put_string(out, NULL, items->items[r->items[i]].path);
    json_close(out, ']');
    return str_status(out);
}

int eval_save_logits(const char *path, const struct eval_result *r, const struct item_list *items)
{
    const int64_t n = r->metrics.n_images, N = r->metrics.n_iterations, K = r->metrics.n_classes;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct params tensors = {0};
    struct metadata meta = {0};
    struct str paths = {0};
    int status = OK;
    if ((status = params_add(&tensors, "logits",
                             t_from_memory(s, r->logits, DTYPE_F32, SHAPE(n, N + 1, K)))) == OK &&
        (status = params_add(&tensors, "labels", t_from_memory(s, r->labels, DTYPE_I64, SHAPE(n)))) == OK &&
        (status = paths_json(&paths, r, items)) == OK &&
        (status = metadata_set(&meta, "paths", str_text(&paths))) == OK && (status = scope_status(s)) == OK)
        status = safetensors_write(path, &tensors, &meta);
    str_free(&paths);
    metadata_free(&meta);
    params_free(&tensors);
    scope_close(s);
    return status;
}
