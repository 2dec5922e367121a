/* The evaluation loop. */
#include "prompt/run/eval.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "dealt.h"
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

/* The state of the evaluation loop. */
struct loop {
    struct session *session;
    const struct method *method;
    const struct class_texts *texts;
    const tensor *fixed_text; /* or NULL */
    struct dealt *dealt;
    struct image_features features;
    const struct item_list *items;
    int64_t n_per_image; /* (N+1) K */
    int64_t n_done;      /* images that were added up */
    struct eval_options options;
};

static bool keeps_anything(const struct loop *loop)
{
    return loop->options.keep_logits || loop->options.keep_predictions;
}

static void keep_predictions(struct eval_result *out, const struct loop *loop,
                             const struct dealt_batch *batch)
{
    const int64_t n_rows = out->metrics.n_iterations + 1, K = out->metrics.n_classes;
    for (int64_t row = 0; row < batch->n * n_rows; row++) {
        const float *logits = batch->values + row * K;
        const int64_t predicted = metrics_predict(logits, K);
        out->predictions[loop->n_done * n_rows + row] = (struct prediction){
            .class_idx = predicted,
            .confidence = metrics_probability(logits, K, predicted),
            .label_confidence = metrics_probability(logits, K, batch->labels[row / n_rows]),
        };
    }
}

static int compute(void *context, float *logits, const struct batch *batch)
{
    struct loop *loop = context;
    const double start_s = clock_s();
    int status = batch_logits(logits, loop->session->scope, loop->method, loop->texts, loop->fixed_text,
                              batch, loop->items, &loop->features);
    session_note_work(loop->session, clock_s() - start_s, batch->n);
    return status;
}

static void keep_batch(struct eval_result *out, const struct loop *loop, const struct dealt_batch *batch)
{
    const size_t at = (size_t)loop->n_done, n = (size_t)batch->n, width = (size_t)loop->n_per_image;
    if (loop->options.keep_logits)
        memcpy(out->logits + at * width, batch->values, n * width * sizeof *out->logits);
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

static void add_batch(struct eval_result *out, struct loop *loop, const struct dealt_batch *batch,
                      double start_s)
{
    metrics_add(&out->metrics, batch->values, batch->labels, batch->n);
    if (keeps_anything(loop) && batch->n > 0)
        keep_batch(out, loop, batch);
    loop->n_done += batch->n;
    if (!loop->options.is_quiet && batch->n > 0)
        show_progress(loop->session, out, loop, loop->items->n, start_s);
}

static int run_batches(struct eval_result *out, const struct class_list *classes, struct loop *loop)
{
    const struct item_list *items = loop->items;
    const double start_s = clock_s();
    scope *fixed = scope_open(loop->session->scope, SCOPE_GRAD_OFF);
    loop->fixed_text = method_fixed_text(fixed, loop->method, &classes->texts);
    int status = scope_status(fixed);
    while (status == OK) {
        struct dealt_batch batch;
        status = dealt_next(&batch, loop->dealt);
        if (status != OK || batch.is_over)
            break;
        add_batch(out, loop, &batch, start_s);
        const int64_t n_done = dealt_facts(loop->dealt).n_done;
        if (dealt_is_stopped(loop->dealt) && (size_t)n_done < items->n)
            status = error_set(
                ERR_INTERRUPTED,
                "interrupted after %" PRId64 " of %zu %s of the %s classes, which were not recorded", n_done,
                items->n, plural(items->n, "image", "images"), class_subset_names[classes->subset]);
    }
    log_finish(loop->session->log);
    scope_close(fixed);
    out->seconds = clock_s() - start_s;
    return status;
}

static int allocate(struct eval_result *out, const struct loop *loop)
{
    const size_t width = (size_t)loop->n_per_image, n_images = loop->items->n;
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

/* What was wrong with pictures, now or when their features were computed. */
static int report_pictures(struct eval_result *out, const struct loop *loop)
{
    const struct dealt_facts f = dealt_facts(loop->dealt);
    if (loop->n_done == 0 && f.n_skipped > 0)
        return error_set(ERR_FORMAT, "none of %zu %s can be read; the first: %s", loop->items->n,
                         plural(loop->items->n, "image", "images"), f.first_skipped);
    session_warn_skipped(loop->session, (size_t)f.n_skipped, f.first_skipped);
    out->n_skipped = f.n_skipped;
    out->n_damaged = f.n_damaged;
    out->first_damaged = str_dup(f.first_damaged);
    return out->first_damaged ? OK : ERR_MEMORY;
}

static int run(struct eval_result *out, const struct class_list *classes, struct loop *loop,
               const struct dealt_source *source)
{
    int status = dealt_open(&loop->dealt, source);
    if (status != OK)
        return status;
    if ((status = run_batches(out, classes, loop)) == OK)
        status = report_pictures(out, loop);
    status = dealt_end(loop->dealt, status);
    dealt_close(loop->dealt);
    return status;
}

int eval_run(struct eval_result *out, struct session *s, const struct method *m,
             const struct class_list *classes, const struct item_list *items, struct eval_options options)
{
    *out = (struct eval_result){0};
    const int64_t N = m->options.n_iterations;
    struct loop loop = {.session = s,
                        .method = m,
                        .texts = &classes->texts,
                        .n_per_image = (N + 1) * classes->n,
                        .items = items,
                        .options = options};
    const struct dealt_source dealt = {.session = s,
                                       .items = items,
                                       .image_dir = classes->dataset->image_dir,
                                       .loading = session_loader_options(s, s->config->eval_batch_size),
                                       .method = m,
                                       .texts = &classes->texts,
                                       .features = &loop.features,
                                       .needs_pixels = method_needs_pixels(m),
                                       .width = loop.n_per_image,
                                       .compute = compute,
                                       .context = &loop};
    const struct image_source source = {
        .items = items, .image_dir = dealt.image_dir, .batch_size = dealt.loading.batch_size};
    int status = OK;
    if ((status = metrics_create(&out->metrics, N, classes->n)) == OK &&
        (status = allocate(out, &loop)) == OK &&
        (status = image_features_open(&loop.features, s, &source)) == OK &&
        (status = run(out, classes, &loop, &dealt)) == OK && out->n_skipped == 0)
        status = image_features_keep(&loop.features, s, &source, out->n_damaged, out->first_damaged);
    image_features_close(&loop.features);
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
