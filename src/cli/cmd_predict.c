/* prompt predict */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_print.h"
#include "picture_args.h"
#include "predict_classes.h"
#include "predict_log.h"
#include "prompt/base/interrupt.h"
#include "prompt/run/features.h"
#include "shared_options.h"

/* ---------------------------------------------------------------- options */

static const struct opt predict_options[] = {
    {"run", "DIR", NULL, false, "the run to predict with: its configuration and its last checkpoint"},
    {"class-names", "LIST", NULL, false, "names of the classes, separated by commas (those of the training)"},
    {"classes-file", "FILE", NULL, false, "file of class names, one a line"},
    {"classes", "NAME", NULL, false, "base, new or all: those classes of the data set"},
    {"template", "TEXT", "zero_shot_template", false, NULL},
    {"top", "K", NULL, false, "the K most probable classes of each picture (1)"},
    {"trace", NULL, NULL, false, "the prediction at every n = 0..N, not at N alone"},
    {"labels-from-folders", NULL, NULL, false,
     "the folder of a picture is its class: add the label, and the accuracy at the end"},
    {"exif-orientation", NULL, NULL, false, "turn pictures upright by their EXIF data"},
    {"format", "NAME", NULL, false, "table, csv or jsonl (table)"},
    {"out", "FILE", NULL, false, "write the rows to FILE instead of the standard output"},
    {"log", "FILE", NULL, false, "write versions, digests, settings and counts to FILE as JSON"},
    {.name = NULL},
};

static const struct opt_group groups[] = {
    {"Prediction", predict_options},
    {"Configuration (defaults < --run or --config < command line)", config_options},
    {"Model and data", model_options},
    {"Machine", machine_options},
    {.title = NULL},
};

static const char notes[] =
    "IMAGE is a file, a folder (with its sub-folders), or -, which stands for a list on the standard\n"
    "input, one path a line. Without --run, CLIP itself predicts. A picture that cannot be read is a\n"
    "warning; the others are predicted, and the exit status is 1.\n"
    "\n"
    "Examples:\n"
    "  prompt predict --run runs/caltech101-s1 --class-names \"cat,dog\" --top 2 --format csv photos\n"
    "  prompt predict --model FILE --class-names \"cat,dog\" --template \"a photo of a {}.\" photos";

/* One call of the command. */
struct prediction {
    struct open_run run;
    struct pictures pictures;
    struct str_list names;
    struct class_list classes;
    struct row_writer rows;
    struct predict_result result;
    bool apply_orientation;
};

/* ---------------------------------------------------------------- opening */

/* Of several ranks the first writes. */
static bool writes(const struct prediction *p)
{
    return ranks_is_first(p->run.v->ranks);
}

static int choose_format(struct row_writer *w, const struct opt_values *v)
{
    bool chosen[3] = {false};
    int status = opt_choose(chosen, v, "format", row_format_names);
    if (status == OK && chosen[0] + chosen[1] + chosen[2] > 1)
        status = error_set(ERR_USAGE, "--format takes one of table, csv or jsonl");
    for (int i = 0; i < 3; i++)
        if (chosen[i])
            w->format = (enum row_format)i;
    return status;
}

static int read_options(struct prediction *p)
{
    const struct opt_values *v = p->run.v;
    const char *const paths[] = {opt_text(v, "out"), opt_text(v, "log")};
    int status = OK;
    p->rows.top = 1;
    p->rows.has_iterations = opt_given(v, "trace");
    p->rows.has_labels = opt_given(v, "labels-from-folders");
    p->apply_orientation = opt_given(v, "exif-orientation");
    if ((status = choose_format(&p->rows, v)) == OK)
        status = opt_i64(&p->rows.top, v, "top", 1, INT64_MAX);
    for (size_t i = 0; status == OK && writes(p) && i < sizeof paths / sizeof paths[0]; i++)
        status = paths[i] ? file_check_writable(paths[i]) : OK;
    return status;
}

static int resolve(struct prediction *p)
{
    struct open_run *r = &p->run;
    int status = run_open_resolve(r);
    if (status == OK && (status = run_open_settle_template(r)) == OK)
        status = config_check_model(&r->config);
    return status;
}

static int find_classes(struct prediction *p)
{
    int status = predict_classes_find(&p->names, &p->run);
    if (status == OK && p->rows.top > (int64_t)p->names.n)
        status = error_set(ERR_USAGE, "--top %" PRId64 " is more than the %zu %s", p->rows.top, p->names.n,
                           plural(p->names.n, "class", "classes"));
    if (status == OK && p->rows.has_labels)
        status = pictures_label(&p->pictures.items, p->names.items, (int64_t)p->names.n);
    if (status == OK && p->names.n == 1)
        log_warning(&p->run.log, "there is one class, '%s', with no other to tell it from",
                    p->names.items[0]);
    return status;
}

static int open_model(struct prediction *p)
{
    struct open_run *r = &p->run;
    const int64_t n = (int64_t)p->names.n;
    int status = OK;
    if ((status = run_open_model(r)) == OK &&
        (status = run_open_method(r, n, "its predictions are those of an unfinished training")) == OK)
        status = picture_args_open_classes(&p->classes, r, &p->names);
    return status;
}

/* Ranks agree before the list of pictures, which the first may send to the others. */
static int open_all(struct prediction *p)
{
    struct open_run *r = &p->run;
    int status = OK;
    if ((status = read_options(p)) == OK)
        status = resolve(p);
    if ((status = ranks_agree(r->v->ranks, status)) == OK &&
        (status = picture_args_find(&p->pictures, r)) == OK)
        interrupt_install();
    if (status == OK && (status = session_open(&r->session, &r->config, &r->log, r->v->ranks)) == OK &&
        (status = features_open_store(r->session)) == OK && (status = find_classes(p)) == OK)
        status = open_model(p);
    return status == OK ? interrupt_check_begin() : status;
}

/* ---------------------------------------------------------------- predicting */

static int take_picture(void *context, size_t item, const float *logits)
{
    struct prediction *p = context;
    return row_writer_add(&p->rows, item, logits);
}

static void take_failure(void *context, size_t item, const char *message)
{
    struct prediction *p = context;
    (void)item; /* the message names the file */
    picture_args_warn(&p->run, message);
}

static int flush(void *context)
{
    struct prediction *p = context;
    return row_writer_flush(&p->rows);
}

static int predict(struct prediction *p)
{
    struct open_run *r = &p->run;
    struct row_writer *w = &p->rows;
    const char *out = opt_text(r->v, "out");
    const struct predict_options options = {
        .on_picture = take_picture,
        .on_failure = take_failure,
        .on_batch = flush,
        .context = p,
        .apply_orientation = p->apply_orientation,
        .is_quiet = !out && !r->v->ranks && isatty(STDOUT_FILENO), /* the rows show the progress */
    };
    w->names = p->names.items;
    w->n_classes = p->classes.n;
    w->n_iterations = r->method->options.n_iterations;
    w->items = &p->pictures.items;
    int status = ranks_follow(r->v->ranks, writes(p) ? row_writer_open(w, out) : OK);
    if (status == OK)
        status = predict_run(&p->result, r->session, r->method, &p->classes, &p->pictures.items, &options);
    return status;
}

/* ---------------------------------------------------------------- the end */

static void warn_of_pictures(struct prediction *p)
{
    const struct predict_result *r = &p->result;
    const size_t n = (size_t)r->n_oriented;
    session_warn_damaged(p->run.session, (size_t)r->n_damaged, r->first_damaged);
    if (n > 0 && !p->apply_orientation)
        log_info(&p->run.log,
                 "note: %zu %s an EXIF orientation, which is not applied; --exif-orientation does", n,
                 plural(n, "picture has", "pictures have"));
}

/* The accuracy, on the standard output if no other reader reads it. */
static int print_accuracy(struct prediction *p)
{
    const struct row_writer *w = &p->rows;
    const int64_t n_images = w->n_labelled, N = w->n_iterations;
    struct str line = {0};
    if (!w->has_labels || n_images == 0)
        return OK;
    str_appendf(&line, "accuracy %.2f %% (%" PRId64 " of %" PRId64 " %s)",
                100.0 * (double)w->n_correct[N] / (double)n_images, w->n_correct[N], n_images,
                plural((size_t)n_images, "picture", "pictures"));
    for (int64_t n = 0; w->has_iterations && n < N; n++)
        str_appendf(&line, ", n=%" PRId64 ": %.2f %%", n, 100.0 * (double)w->n_correct[n] / (double)n_images);
    int status = str_status(&line);
    if (status == OK && (w->format == ROW_TABLE || opt_given(p->run.v, "out"))) {
        str_append(&line, "\n");
        status = cmd_print(&line);
    } else if (status == OK) {
        log_info(&p->run.log, "%s", str_text(&line));
    }
    str_free(&line);
    return status;
}

static int write_log(const struct prediction *p)
{
    const char *path = opt_text(p->run.v, "log");
    const struct predict_log log = {.run = &p->run,
                                    .pictures = &p->pictures,
                                    .classes = &p->classes,
                                    .rows = &p->rows,
                                    .result = &p->result,
                                    .apply_orientation = p->apply_orientation};
    return path ? predict_log_write(path, &log) : OK;
}

/* An output without a single prediction is none. */
static int finish(struct prediction *p)
{
    const struct predict_result *r = &p->result;
    int status = OK;
    warn_of_pictures(p);
    if (r->n_predicted == 0)
        return error_set(ERR_IO, "%s",
                         r->n_failed == 1 ? "the picture cannot be read"
                                          : "none of the pictures can be read");
    if ((status = row_writer_commit(&p->rows)) == OK && (status = print_accuracy(p)) == OK)
        status = write_log(p);
    if (status == OK && r->n_failed > 0)
        status = error_set(ERR_IO, "%" PRId64 " of %zu pictures could not be read; the others were predicted",
                           r->n_failed, p->pictures.items.n);
    return status;
}

static int cmd_predict(const struct opt_values *v)
{
    struct prediction p = {.run = {.v = v, .defaults_to_clip = true}};
    int status = OK;
    cmd_open_log(&p.run.log, v);
    if ((status = ranks_agree(v->ranks, open_all(&p))) == OK && (status = predict(&p)) == OK)
        status = ranks_follow(v->ranks, writes(&p) ? finish(&p) : OK);
    row_writer_close(&p.rows);
    predict_result_free(&p.result);
    class_list_close(&p.classes);
    run_open_close(&p.run);
    pictures_free(&p.pictures);
    str_list_free(&p.names);
    return status;
}

const struct command command_predict = {
    "predict",   NULL,   "IMAGE...",
    cmd_predict, groups, "predict the classes of pictures with a run, or with CLIP",
    notes};
