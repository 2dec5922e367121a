/* Result records. */
#include "prompt/run/results.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "prompt/base/json.h"
#include "prompt/run/version.h"

/* ---------------------------------------------------------------- members of a JSON object */

static void member(struct str *out, const char *key)
{
    str_append(out, out->len > 1 && out->data[out->len - 1] != '{' ? ", " : "");
    json_write_string(out, key);
    str_append(out, ": ");
}

static void member_text(struct str *out, const char *key, const char *text)
{
    member(out, key);
    json_write_string(out, text);
}

static void member_i64(struct str *out, const char *key, int64_t value)
{
    member(out, key);
    str_appendf(out, "%" PRId64, value);
}

static void member_f64(struct str *out, const char *key, double value)
{
    member(out, key);
    json_write_f64(out, value);
}

static void member_bool(struct str *out, const char *key, bool value)
{
    member(out, key);
    str_append(out, value ? "true" : "false");
}

/* ---------------------------------------------------------------- parts of a record */

static void write_numbers(struct str *out, const struct eval_result *r)
{
    const struct metrics *m = &r->metrics;
    const int64_t N = m->n_iterations;
    member_i64(out, "correct", m->n_correct[N]);
    member_i64(out, "total", m->n_images);
    member_f64(out, "accuracy", metrics_accuracy(m, N));
    member(out, "correct_per_iteration");
    for (int64_t n = 0; n <= N; n++)
        str_appendf(out, "%s%" PRId64, n > 0 ? ", " : "[", m->n_correct[n]);
    str_append(out, "]");
    member(out, "accuracy_per_iteration");
    for (int64_t n = 0; n <= N; n++) {
        str_append(out, n > 0 ? ", " : "[");
        json_write_f64(out, metrics_accuracy(m, n));
    }
    str_append(out, "]");
    member_i64(out, "n_classes_predicted", metrics_n_predicted(m));
    member_i64(out, "skipped_images", r->n_skipped);
}

static void write_per_class(struct str *out, const struct eval_result *r, const struct class_list *classes)
{
    const struct metrics *m = &r->metrics;
    const int64_t K = m->n_classes;
    member_f64(out, "macro_f1", metrics_macro_f1(m));
    member(out, "per_class");
    for (int64_t k = 0; k < K; k++) {
        str_append(out, k > 0 ? ", " : "[");
        str_append(out, "{\"class\": ");
        json_write_string(out, classes->names[k]);
        str_append(out, ", \"accuracy\": ");
        json_write_f64(out, metrics_class_accuracy(m, k)); /* null for a class without images */
        str_append(out, "}");
    }
    str_append(out, "]");
    member(out, "confusion");
    for (int64_t i = 0; i < K; i++) {
        str_append(out, i > 0 ? ", [" : "[[");
        for (int64_t j = 0; j < K; j++)
            str_appendf(out, "%s%" PRId64, j > 0 ? ", " : "", m->confusion[i * K + j]);
        str_append(out, "]");
    }
    str_append(out, "]");
}

/* Whether the pictures are drawn, and whether counts and names are the published ones. */
static int write_data(struct str *out, const struct dataset *d)
{
    struct str differences = {0};
    int status = dataset_compare_known(&differences, d);
    member_bool(out, "synthetic", d->is_synthetic);
    member_bool(out, "as_published", !d->is_synthetic && differences.len == 0);
    str_free(&differences);
    return status;
}

static int write_digests(struct str *out, const struct record_context *c)
{
    char classes[17];
    char items[DIGEST_HEX_SIZE];
    char preprocessing[DIGEST_HEX_SIZE];
    int status = OK;
    if ((status = class_names_digest(classes, c->classes->names, c->classes->n)) == OK &&
        (status = item_list_digest(items, c->items)) == OK)
        status = preprocess_digest(preprocessing, &c->session->weights->preprocess);
    if (status == OK && c->session->weights->sha256[0] == '\0')
        status = weights_hash(c->session->weights);
    if (status != OK)
        return status;
    member(out, "digests");
    str_append(out, "{");
    member_text(out, "weights_sha256", c->session->weights->sha256);
    member_text(out, "class_names", classes);
    member_text(out, "images", items);
    member_text(out, "preprocessing", preprocessing);
    if (c->provenance) {
        member_text(out, "sample", c->provenance->sample_digest);
        member_text(out, "trained_class_names", c->provenance->class_digest);
    }
    str_append(out, "}");
    return OK;
}

static void write_pipeline(struct str *out, const char *key, const struct pipeline *p)
{
    member(out, key);
    str_append(out, "{");
    member_text(out, "preprocessing", p->preprocess);
    member_text(out, "image_decoder", p->image_decoder);
    member_i64(out, "tokenizer_revision", p->tokenizer_revision);
    str_append(out, "}");
}

/* What pixels and token ids depend on, in evaluation and in training. */
static int write_inputs(struct str *out, const struct record_context *c)
{
    const struct str_list *accepted = &c->session->weights->accepted;
    struct pipeline here;
    int status = pipeline_of(&here, &c->session->weights->preprocess);
    if (status != OK)
        return status;
    write_pipeline(out, "inputs", &here);
    if (c->provenance)
        write_pipeline(out, "trained_inputs", &c->provenance->pipeline);
    pipeline_free(&here);
    if (accepted->n == 0)
        return OK;
    member(out, "accepted_unknown");
    for (size_t i = 0; i < accepted->n; i++) {
        str_append(out, i > 0 ? ", " : "[");
        json_write_string(out, accepted->items[i]);
    }
    str_append(out, "]");
    return OK;
}

static int write_config(struct str *out, const struct config *config)
{
    char hash[DIGEST_HEX_SIZE];
    struct str text = {0};
    int status = config_hash(hash, config);
    if (status == OK)
        status = config_write(&text, config);
    if (status == OK) {
        member_text(out, "config_hash", hash);
        member(out, "config");
        for (const char *c = str_text(&text); *c != '\0'; c++) /* one record, one line: layout is dropped */
            if (*c != '\n')
                str_append_char(out, *c);
    }
    str_free(&text);
    return status;
}

static void write_machine(struct str *out, const struct session *s, const struct eval_result *r)
{
    char device[16];
    char now[32] = "";
    time_t seconds = time(NULL);
    struct tm utc;
    if (gmtime_r(&seconds, &utc))
        strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &utc);
    device_format(device, sizeof device, s->device);
    member_text(out, "program", PROMPT_VERSION);
    member_text(out, "libtorch", torch_version());
    member_text(out, "device", device);
    member_text(out, "precision", precision_names[s->precision]);
    member_i64(out, "threads", torch_threads());
    member_f64(out, "seconds", r->seconds);
    member_f64(out, "images_per_s", r->seconds > 0 ? (double)r->metrics.n_images / r->seconds : 0.0);
    member_text(out, "time", now);
}

static void write_training(struct str *out, const struct record_context *c)
{
    const bool trained = c->progress != NULL;
    const bool complete = !trained || c->progress->step == c->progress->n_steps;
    member_bool(out, "finished", complete && c->limit == 0 && !c->untrained);
    member_bool(out, "untrained", c->untrained);
    member_i64(out, "limit", c->limit);
    member_i64(out, "steps", trained ? c->progress->step : 0);
    member_i64(out, "n_steps", trained ? c->progress->n_steps : 0);
}

int record_write(struct str *out, const struct record_context *c, const struct eval_result *result)
{
    const struct config *config = c->session->config;
    str_append(out, "{");
    member_text(out, "method", method_kind_names[config->method]);
    member_text(out, "dataset", c->classes->dataset->name);
    member_text(out, "split", "test");
    member_text(out, "classes", class_subset_names[c->classes->subset]);
    member_i64(out, "n_classes", c->classes->n);
    member_i64(out, "shots", config->data_shots);
    member_i64(out, "seed", config->seed);
    write_training(out, c);
    write_numbers(out, result);
    if (c->per_class)
        write_per_class(out, result, c->classes);
    int status = OK;
    if ((status = write_data(out, c->classes->dataset)) == OK && (status = write_digests(out, c)) == OK &&
        (status = write_inputs(out, c)) == OK)
        status = write_config(out, config);
    write_machine(out, c->session, result);
    str_append(out, "}");
    return status == OK ? str_status(out) : status;
}
