/*
 * Fits a method to given features, for tests and measurements that have no pictures:
 *
 *   fit_tool IN.safetensors OUT.safetensors THREADS REPEATS KEY=VALUE...
 *
 * IN has features [V,N,d], val_features [M,d] and captions [K,d] (fp32), labels [N] and val_labels [M] (int64), and may
 * have logit_scale [1], which is else 100; the keys are configuration keys. OUT gets the trained tensors as they start
 * ("start.bias") and end, the logits of the validation features [M,K], and in its metadata the numbers of the fit's
 * report. Prints the seconds of each repeat, on the clock and of the processor. Where fresh views are asked for, they are those of IN, in turn.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "prompt/base/log.h"
#include "prompt/methods/fit.h"
#include "prompt/run/session.h"

static const struct device CPU = {DEVICE_CPU, 0};

static void must(int status, const char *what)
{
    if (status == OK)
        return;
    fprintf(stderr, "fit_tool: %s: %s\n", what, error_message());
    exit(1);
}

static tensor *need(const struct safetensors *file, const char *name)
{
    tensor *t = params_find(&file->tensors, name);
    if (!t)
        must(error_set(ERR_FORMAT, "no tensor '%s'", name), "input");
    return t;
}

/* Views in turn, for views.fresh. */
struct views {
    const float *values;
    int64_t n_views, width, n_read;
};

static int next_view(void *context, float *out)
{
    struct views *v = context;
    memcpy(out, v->values + (v->n_read++ % v->n_views) * v->width, (size_t)v->width * sizeof *out);
    return OK;
}

static struct fit_data data_of(const struct safetensors *file, scope *s, struct views *views,
                               const struct config *c)
{
    const tensor *features = need(file, "features"), *val = need(file, "val_features");
    const int64_t V = t_size(features, 0), n = t_size(features, 1);
    *views = (struct views){t_data(features), V, n * t_size(features, 2), 0};
    return (struct fit_data){.n_views = V,
                             .n = n,
                             .features = t_data(features),
                             .labels = t_data(need(file, "labels")),
                             .n_val = t_size(val, 0),
                             .val_features = t_data(val),
                             .val_labels = t_data(need(file, "val_labels")),
                             .captions = t_unsqueeze(s, need(file, "captions"), 0),
                             .seed = (uint64_t)c->seed,
                             .n_epochs = c->epochs,
                             .batch_size = c->batch_size,
                             .lr = c->lr,
                             .next_view = next_view,
                             .context = views};
}

static struct params copy_start(scope *s, const struct method *m)
{
    struct params out = {0};
    for (size_t i = 0; i < m->trained.n; i++) {
        char *name = str_format("start.%s", m->trained.items[i].name);
        must(params_add(&out, name, t_clone(s, t_detach(s, m->trained.items[i].value))), "start");
        free(name);
    }
    return out;
}

/* Adds the trained tensors and the logits of the validation features to `out`; writes it with the report. */
static void write(const char *path, struct params *out, scope *s, const struct method *m,
                  const struct fit_data *data, const struct fit_report *report)
{
    const int64_t K = t_size(data->captions, 1);
    struct metadata metadata = {0};
    struct method_output pass;
    struct token_rows rows = {.n = K};
    const struct class_texts texts = {.rows = &rows, .caption_features = data->captions};
    const tensor *x =
        t_from_f32(s, data->val_features, SHAPE(data->n_val, t_size(data->captions, 2)), DTYPE_F32, CPU);
    method_forward(&pass, s, m, &(struct method_inputs){.classes = &texts, .features = x});
    for (size_t i = 0; i < m->trained.n; i++)
        must(params_add(out, m->trained.items[i].name, m->trained.items[i].value), "output");
    must(params_add(out, "logits", pass.logits[1]), "output");
    for (size_t i = 0; i < report->n; i++) {
        char number[32];
        snprintf(number, sizeof number, "%.17g", report->numbers[i].value);
        must(metadata_set(&metadata, report->numbers[i].name, number), "output");
    }
    must(scope_status(s), "logits");
    must(safetensors_write(path, out, &metadata), path);
    method_output_free(&pass);
    metadata_free(&metadata);
}

int main(int n_words, char **words)
{
    struct config config;
    if (n_words < 5) {
        fprintf(stderr, "usage: fit_tool IN OUT THREADS REPEATS KEY=VALUE...\n");
        return 2;
    }
    must(config_init(&config), "keys");
    for (int i = 5; i < n_words; i++)
        must(config_set(&config, words[i]), words[i]);
    must(torch_init(strtoll(words[3], NULL, 10)), "libtorch");
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct safetensors *file = NULL;
    struct views views;
    must(safetensors_open(&file, s, words[1]), words[1]);
    const struct fit_data data = data_of(file, s, &views, &config);
    double scale = 100.0;
    if (params_find(&file->tensors, "logit_scale"))
        must(t_item_f64(&scale, s, need(file, "logit_scale")), "logit_scale");
    const struct clip clip = {.dims.embed_dim = t_size(data.captions, 2),
                              .dtypes = {.compute = DTYPE_F32, .accum = DTYPE_F32},
                              .device = CPU,
                              .logit_scale = scale};
    const struct method_options options = session_method_options(&config);
    const struct method_init init = {
        .seed = data.seed, .n_train_classes = t_size(data.captions, 1), .n_train_images = data.n};
    for (int64_t i = strtoll(words[4], NULL, 10); i > 0; i--) {
        struct method *m = NULL;
        struct fit_report report;
        must(method_create(&m, s, &clip, &options, &init), "method");
        struct params out = copy_start(s, m);
        const double start_s = clock_s();
        const clock_t cpu = clock();
        must(method_fit(&report, m, &data), "fit");
        const double cpu_s = (double)(clock() - cpu) / (double)CLOCKS_PER_SEC;
        printf("%.6f %.6f\n", clock_s() - start_s, cpu_s);
        write(words[2], &out, s, m, &data, &report);
        params_free(&out);
        method_free(m);
    }
    int status = scope_close(s);
    safetensors_close(file);
    config_free(&config);
    must(status, "end");
    return 0;
}
