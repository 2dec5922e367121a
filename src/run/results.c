/* Result records. */
#include "prompt/run/results.h"

#include <string.h>
#include <time.h>

#include "prompt/base/json_write.h"
#include "prompt/run/features.h"
#include "prompt/run/version.h"

/* ---------------------------------------------------------------- parts of a record */

static void write_numbers(struct str *out, const struct eval_result *r)
{
    const struct metrics *m = &r->metrics;
    const int64_t N = m->n_iterations;
    json_put_i64(out, "correct", m->n_correct[N]);
    json_put_i64(out, "total", m->n_images);
    json_put_f64(out, "accuracy", metrics_accuracy(m, N));
    json_open(out, "correct_per_iteration", '[');
    for (int64_t n = 0; n <= N; n++)
        json_put_i64(out, NULL, m->n_correct[n]);
    json_close(out, ']');
    json_open(out, "accuracy_per_iteration", '[');
    for (int64_t n = 0; n <= N; n++)
        json_put_f64(out, NULL, metrics_accuracy(m, n));
    json_close(out, ']');
    json_put_i64(out, "n_classes_predicted", metrics_n_predicted(m));
    json_put_i64(out, "skipped_images", r->n_skipped);
}

static void write_per_class(struct str *out, const struct eval_result *r, const struct class_list *classes)
{
    const struct metrics *m = &r->metrics;
    const int64_t K = m->n_classes;
    json_put_f64(out, "macro_f1", metrics_macro_f1(m));
    json_open(out, "per_class", '[');
    for (int64_t k = 0; k < K; k++) {
        json_open(out, NULL, '{');
        json_put_string(out, "class", classes->names[k]);
        json_put_f64(out, "accuracy", metrics_class_accuracy(m, k)); /* null for a class without images */
        json_close(out, '}');
    }
    json_close(out, ']');
    json_open(out, "confusion", '[');
    for (int64_t i = 0; i < K; i++) {
        json_open(out, NULL, '[');
        for (int64_t j = 0; j < K; j++)
            json_put_i64(out, NULL, m->confusion[i * K + j]);
        json_close(out, ']');
    }
    json_close(out, ']');
}

/* Writes whether the pictures are drawn, and whether counts and names are the published ones. */
static int write_data(struct str *out, const struct dataset *d)
{
    struct str differences = {0};
    int status = dataset_compare_known(&differences, d);
    json_put_bool(out, "synthetic", d->is_synthetic);
    json_put_bool(out, "as_published", !d->is_synthetic && differences.len == 0);
    str_free(&differences);
    return status;
}

int record_write_digests(struct str *out, const struct session *s, const struct class_list *list,
                         const struct item_list *images, const struct provenance *provenance)
{
    char classes[17];
    char items[DIGEST_HEX_SIZE];
    char preprocessing[DIGEST_HEX_SIZE];
    int status = OK;
    if ((status = class_names_digest(classes, list->names, list->n)) == OK &&
        (status = item_list_digest(items, images)) == OK)
        status = preprocess_digest(preprocessing, &s->weights->preprocess);
    if (status != OK || (status = features_hash_weights(s)) != OK)
        return status;
    json_open(out, "digests", '{');
    json_put_string(out, "weights_sha256", s->weights->sha256);
    json_put_string(out, "class_names", classes);
    json_put_string(out, "images", items);
    json_put_string(out, "preprocessing", preprocessing);
    if (provenance) {
        json_put_string(out, "sample", provenance->sample_digest);
        json_put_string(out, "trained_class_names", provenance->class_digest);
    }
    json_close(out, '}');
    return OK;
}

static void write_pipeline(struct str *out, const char *key, const struct pipeline *p)
{
    json_open(out, key, '{');
    json_put_string(out, "preprocessing", p->preprocess);
    json_put_string(out, "image_decoder", p->image_decoder);
    json_put_i64(out, "tokenizer_revision", p->tokenizer_revision);
    json_close(out, '}');
}

int record_write_inputs(struct str *out, const struct session *s, const struct provenance *provenance)
{
    const struct str_list *accepted = &s->weights->accepted;
    struct pipeline here;
    int status = pipeline_of(&here, &s->weights->preprocess);
    if (status != OK)
        return status;
    write_pipeline(out, "inputs", &here);
    if (provenance)
        write_pipeline(out, "trained_inputs", &provenance->pipeline);
    pipeline_free(&here);
    if (accepted->n == 0)
        return OK;
    json_put_strings(out, "accepted_unknown", accepted);
    return OK;
}

int record_write_config(struct str *out, const struct config *config)
{
    char hash[DIGEST_HEX_SIZE];
    struct str text = {0};
    int status = config_hash(hash, config);
    if (status == OK)
        status = config_write(&text, config);
    if (status == OK) {
        json_put_string(out, "config_hash", hash);
        json_put_key(out, "config");
        for (const char *c = str_text(&text); *c != '\0'; c++) /* a record is one line */
            if (*c != '\n')
                str_append_char(out, *c);
    }
    str_free(&text);
    return status;
}

void record_write_machine(struct str *out, const struct session *s, double elapsed_s, int64_t n_images)
{
    char device[16];
    char now[32] = "";
    time_t seconds = time(NULL);
    struct tm utc;
    if (gmtime_r(&seconds, &utc))
        strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &utc);
    device_format(device, sizeof device, s->device);
    json_put_string(out, "program", PROMPT_VERSION);
    json_put_string(out, "libtorch", torch_version());
    json_put_string(out, "device", device);
    json_put_string(out, "precision", precision_names[s->precision]);
    if (s->config->products != PRODUCTS_AUTO)
        json_put_string(out, "products", products_names[s->config->products]);
    json_put_i64(out, "threads", s->team.n_most);
    json_put_f64(out, "seconds", elapsed_s);
    json_put_f64(out, "images_per_s", elapsed_s > 0 ? (double)n_images / elapsed_s : 0.0);
    json_put_string(out, "time", now);
}

/* The files of another program that the prompts are of; a run of this program has no such member. */
static void write_imported(struct str *out, const struct provenance *provenance)
{
    if (!provenance || provenance->imported.n == 0)
        return;
    json_open(out, "imported", '[');
    for (size_t i = 0; i < provenance->imported.n; i++) {
        json_open(out, NULL, '{');
        json_put_string(out, "file", provenance->imported.items[i].name);
        json_put_string(out, "sha256", provenance->imported.items[i].sha256);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void write_training(struct str *out, const struct record_context *c)
{
    const bool trained = c->progress != NULL;
    const bool complete = !trained || c->progress->step == c->progress->n_steps;
    json_put_bool(out, "finished", complete && c->limit == 0 && !c->untrained);
    json_put_bool(out, "untrained", c->untrained);
    json_put_i64(out, "limit", c->limit);
    json_put_i64(out, "steps", trained ? c->progress->step : 0);
    json_put_i64(out, "n_steps", trained ? c->progress->n_steps : 0);
    write_imported(out, c->provenance);
}

int record_write(struct str *out, const struct record_context *c, const struct eval_result *result)
{
    const struct config *config = c->session->config;
    json_open(out, NULL, '{');
    json_put_string(out, "method", method_kind_names[config->method]);
    json_put_string(out, "dataset", c->classes->dataset->name);
    json_put_string(out, "split", "test");
    json_put_string(out, "classes", class_subset_names[c->classes->subset]);
    json_put_i64(out, "n_classes", c->classes->n);
    if (c->n_by_clip > 0)
        json_put_i64(out, "n_classes_by_clip", c->n_by_clip);
    json_put_i64(out, "shots", config->data_shots);
    json_put_i64(out, "seed", config->seed);
    write_training(out, c);
    write_numbers(out, result);
    if (c->per_class)
        write_per_class(out, result, c->classes);
    int status = OK;
    if ((status = write_data(out, c->classes->dataset)) == OK &&
        (status = record_write_digests(out, c->session, c->classes, c->items, c->provenance)) == OK &&
        (status = record_write_inputs(out, c->session, c->provenance)) == OK)
        status = record_write_config(out, config);
    record_write_machine(out, c->session, result->seconds, result->metrics.n_images);
    json_close(out, '}');
    return status == OK ? str_status(out) : status;
}
