/* The log of prompt predict. */
#include "predict_log.h"

#include "prompt/base/json_write.h"
#include "prompt/run/results.h"

static void write_run(struct str *out, const struct open_run *r)
{
    json_put_string(out, "command", "predict");
    json_put_string(out, "run", r->checkpoint_path);
    json_put_bool(out, "finished", run_open_is_finished(r));
    json_put_i64(out, "steps", r->progress.step);
    json_put_i64(out, "n_steps", r->progress.n_steps);
    json_put_string(out, "trained_config_hash", r->provenance.config_hash);
    json_put_string(out, "model", r->session->weights->path);
    json_put_string(out, "method", method_kind_names[r->config.method]);
}

static void write_classes(struct str *out, const struct class_list *classes)
{
    json_put_i64(out, "n_classes", classes->n);
    json_open(out, "classes", '[');
    for (int64_t k = 0; k < classes->n; k++)
        json_put_string(out, NULL, classes->names[k]);
    json_close(out, ']');
}

static void write_pictures(struct str *out, const struct predict_log *log)
{
    const struct predict_result *r = log->result;
    struct str others = {0};
    left_out_describe(&others, &log->pictures->left_out);
    json_put_i64(out, "pictures", (int64_t)log->pictures->items.n);
    json_put_i64(out, "predicted", r->n_predicted);
    json_put_i64(out, "unreadable", r->n_failed);
    json_put_i64(out, "damaged", r->n_damaged);
    json_put_string(out, "left_out", str_text(&others));
    json_put_bool(out, "exif_orientation_applied", log->apply_orientation);
    json_put_i64(out, "with_exif_orientation", r->n_oriented);
    str_free(&others);
}

static void write_rows(struct str *out, const struct row_writer *rows)
{
    json_put_string(out, "format", row_format_names[rows->format]);
    json_put_i64(out, "top", rows->top);
    json_put_bool(out, "trace", rows->has_iterations);
    if (!rows->has_labels || rows->n_labelled == 0)
        return;
    json_open(out, "accuracy_per_iteration", '[');
    for (int64_t n = 0; n <= rows->n_iterations; n++)
        json_put_f64(out, NULL, (double)rows->n_correct[n] / (double)rows->n_labelled);
    json_close(out, ']');
}

int predict_log_write(const char *path, const struct predict_log *log)
{
    const struct open_run *r = log->run;
    const struct provenance *trained = r->checkpoint_path ? &r->provenance : NULL;
    struct str out = {0};
    int status = OK;
    json_open(&out, NULL, '{');
    write_run(&out, r);
    write_classes(&out, log->classes);
    write_pictures(&out, log);
    write_rows(&out, log->rows);
    if ((status = record_write_digests(&out, r->session, log->classes, &log->pictures->items, trained)) ==
            OK &&
        (status = record_write_inputs(&out, r->session, trained)) == OK)
        status = record_write_config(&out, &r->config);
    record_write_machine(&out, r->session, log->result->seconds, log->result->n_predicted);
    json_close(&out, '}');
    str_append(&out, "\n");
    if (status == OK && (status = str_status(&out)) == OK)
        status = file_write_atomic(path, out.data, out.len);
    str_free(&out);
    return status;
}
