/* prompt features */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_print.h"
#include "features_file.h"
#include "picture_args.h"
#include "predict_classes.h"
#include "prompt/base/file.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/lines.h"
#include "prompt/data/find_files.h"
#include "prompt/run/features.h"
#include "prompt/run/predict.h"
#include "shared_options.h"

/* ---------------------------------------------------------------- options */

enum feature_kind { FEATURES_IMAGES, FEATURES_CLASSES, FEATURES_CAPTIONS, FEATURES_CLASSIFIER };
static const char *const kind_names[] = {"images", "classes", "captions", "classifier", NULL};
static const char *const split_names[] = {"train", "val", "test", NULL};

static const struct opt feature_options[] = {
    {"of", "WHAT", NULL, false,
     "images; classes: their captions by the template; captions: those of a file, one a line; classifier: "
     "[K,d] of a method whose text is the same for all images (images)"},
    {"out", "FILE", NULL, false,
     "NAME.npy with the rows in NAME.csv, or NAME.safetensors; rows are fp32, in the order of the input"},
    {"run", "DIR", NULL, false,
     "the run whose features to compute: its configuration and its last checkpoint"},
    {"n", "N", NULL, false, "image features of iteration N, 0 for CLIP's own (the run's last)"},
    {"normalize", NULL, NULL, false, "scale each row to length 1; those of a classifier always are"},
    {"split", "NAME", NULL, false, "without IMAGE: train, val or test of the data set (test)"},
    {"class-names", "LIST", NULL, false, "names of the classes, separated by commas (those of the training)"},
    {"classes-file", "FILE", NULL, false, "file of class names, one a line"},
    {"classes", "NAME", NULL, false, "base, new or all: those classes of the data set, and their images"},
    {"template", "TEXT", "zero_shot_template", false, NULL},
    {"exif-orientation", NULL, NULL, false, "turn pictures upright by their EXIF data"},
    {.name = NULL},
};

static const struct opt_group groups[] = {
    {"Features", feature_options},
    {"Configuration (defaults < --run or --config < command line)", config_options},
    {"Model and data", model_options},
    {"Machine", machine_options},
    {.title = NULL},
};

static const char notes[] =
    "IMAGE is a file, a folder (with its sub-folders), or -, which stands for a list on the standard\n"
    "input, one path a line; with --of captions it is the file of captions. Without IMAGE the images\n"
    "are those of --dataset. A picture that cannot be read is a warning and has no row.\n"
    "\n"
    "Examples:\n"
    "  prompt features --model FILE --out photos.npy --normalize photos\n"
    "  prompt features --run runs/caltech101-s1 --of classifier --out classifier.safetensors";

/* One call of the command. */
struct extraction {
    struct open_run run;
    enum feature_kind kind;
    const char *out;
    int64_t n; /* -1: the last */
    bool is_normalized;
    struct dataset *dataset;   /* NULL: none is read */
    struct pictures pictures;  /* of the operands */
    struct item_list items;    /* of the data set */
    struct str_list names;     /* of classes, or captions */
    struct class_list classes; /* of the method, or whose features are asked for */
    struct features_table table;
    struct predict_result result;
};

static int choose_one(int *out, const struct opt_values *v, const char *name, const char *const *names)
{
    bool chosen[4] = {false};
    int n = 0;
    int status = opt_choose(chosen, v, name, names);
    for (int i = 0; names[i]; i++) {
        *out = chosen[i] ? i : *out;
        n += chosen[i];
    }
    return status == OK && n > 1 ? error_set(ERR_USAGE, "--%s takes one name", name) : status;
}

/* Of several ranks the first writes. */
static bool writes(const struct extraction *e)
{
    return ranks_is_first(e->run.v->ranks);
}

static int read_options(struct extraction *e)
{
    const struct opt_values *v = e->run.v;
    int kind = FEATURES_IMAGES;
    int status = choose_one(&kind, v, "of", kind_names);
    e->kind = (enum feature_kind)kind;
    e->out = opt_text(v, "out");
    e->n = -1;
    e->is_normalized = opt_given(v, "normalize") || kind == FEATURES_CLASSIFIER;
    if (status == OK && !e->out)
        status = error_set(ERR_USAGE, "no file for the features: give --out FILE");
    if (status == OK && (status = opt_i64(&e->n, v, "n", 0, METHOD_MAX_ITERATIONS)) == OK && writes(e))
        status = features_file_check(e->out);
    if (status == OK && e->kind == FEATURES_CAPTIONS && v->n_operands != 1)
        status = error_set(ERR_USAGE, "--of captions takes one file of captions");
    if (status == OK && (e->kind == FEATURES_CLASSES || e->kind == FEATURES_CLASSIFIER) && v->n_operands > 0)
        status = error_set(ERR_USAGE, "unexpected word '%s': --of %s takes no images", v->operand,
                           kind_names[e->kind]);
    return status;
}

/* ---------------------------------------------------------------- images */

/* The images of the data set's split, of the classes asked for. */
static int list_dataset(struct extraction *e)
{
    struct open_run *r = &e->run;
    int split = 2, subset = CLASS_SUBSET_ALL;
    int status = OK;
    if (r->dataset[0] == '\0')
        return error_set(ERR_USAGE, "no images: give IMAGE..., or --data and --dataset");
    if ((status = choose_one(&split, r->v, "split", split_names)) != OK ||
        (status = choose_one(&subset, r->v, "classes", class_subset_names)) != OK ||
        (status = session_open_dataset(&e->dataset, r->session, r->dataset)) != OK)
        return status;
    struct dataset *d = e->dataset;
    struct item_list *lists[] = {&d->train, &d->val, &d->test};
    status = item_list_subset(&e->items, lists[split], (enum class_subset)subset, d->n_classes);
    if (status == OK && e->items.n == 0)
        status = error_set(ERR_FORMAT, "data set '%s' has no %s images of these classes", d->name,
                           split_names[split]);
    if (status == OK)
        status = dataset_find_files(d, &e->items);
    int64_t first = 0, n = 0;
    class_subset_range(&first, &n, (enum class_subset)subset, d->n_classes);
    e->table.has_labels = true;
    e->table.classes = d->class_names + first;
    return status;
}

static int take_image(void *context, size_t item, const float *values)
{
    struct extraction *e = context;
    const struct item *i = e->dataset ? &e->items.items[item] : &e->pictures.items.items[item];
    return features_table_add(&e->table, i->path, i->label, values);
}

static void take_failure(void *context, size_t item, const char *message)
{
    struct extraction *e = context;
    (void)item; /* the message names the file */
    picture_args_warn(&e->run, message);
}

/* Whether x^n needs the method, or is CLIP's own x^0. */
static bool needs_method(const struct extraction *e)
{
    return e->run.checkpoint_path && e->n != 0 && method_passes(e->run.method, 1, 1).n_image > 0;
}

static int check_iteration(struct extraction *e)
{
    const int64_t N = e->run.method->options.n_iterations;
    if (e->n > N)
        return error_set(ERR_USAGE, "--n %" PRId64 ": %s has iterations 0 to %" PRId64, e->n,
                         e->run.checkpoint_path ? "the run" : "the method", N);
    e->n = e->n < 0 ? N : e->n;
    return OK;
}

static int extract_images(struct extraction *e)
{
    struct open_run *r = &e->run;
    int status = check_iteration(e);
    const bool is_by_method = status == OK && needs_method(e);
    if (is_by_method && (status = predict_classes_find(&e->names, r)) == OK)
        status = picture_args_open_classes(&e->classes, &e->run, &e->names);
    const struct feature_source source = {.model = r->session->clip,
                                          .method = is_by_method ? r->method : NULL,
                                          .texts = is_by_method ? &e->classes.texts : NULL,
                                          .n = e->n,
                                          .is_normalized = e->is_normalized};
    const struct predict_options options = {.on_picture = take_image,
                                            .on_failure = take_failure,
                                            .context = e,
                                            .apply_orientation = opt_given(r->v, "exif-orientation")};
    const struct item_list *items = e->dataset ? &e->items : &e->pictures.items;
    e->table.kind = "path";
    if (status == OK)
        status = predict_features(&e->result, r->session, &source, items,
                                  e->dataset ? e->dataset->image_dir : "", &options);
    return status;
}

/* ---------------------------------------------------------------- texts */

static int read_captions(struct str_list *out, const char *path)
{
    struct lines lines;
    int status = lines_open(&lines, path);
    for (char *line; status == OK && (line = lines_next(&lines)) != NULL;)
        status = str_list_add(out, line);
    lines_close(&lines);
    return status == OK && out->n == 0 ? error_set(ERR_FORMAT, "'%s' has no captions", path) : status;
}

/* Rows of [1,K,d] or [K,d] on the model's device. */
static int take_texts(struct extraction *e, scope *s, const tensor *features)
{
    const int64_t n = (int64_t)e->names.n, d = e->table.width;
    const tensor *rows = t_to(s, features, DTYPE_F32);
    if (e->is_normalized)
        rows = t_normalize(s, rows, -1);
    float *values = malloc((size_t)(n * d) * sizeof *values);
    int status = values ? t_read_f32(values, (size_t)(n * d), s, rows) : error_out_of_memory();
    for (int64_t i = 0; status == OK && i < n; i++)
        status = features_table_add(&e->table, e->names.items[i], 0, values + i * d);
    free(values);
    return status;
}

static int extract_captions(struct extraction *e, scope *s)
{
    const struct session *session = e->run.session;
    struct token_rows rows = {0};
    e->table.kind = "caption";
    int status = text_rows_create(&rows, session->tokenizer, e->names.items, (int64_t)e->names.n,
                                  session->clip->dims.context_length);
    if (status == OK)
        status = take_texts(e, s, clip_encode_rows(s, session->clip, &rows));
    token_rows_free(&rows);
    return status;
}

/* The features of the classes' captions, or the classifier of the method. */
static int extract_classes(struct extraction *e, scope *s)
{
    struct open_run *r = &e->run;
    e->table.kind = "class";
    int status = OK;
    if ((status = predict_classes_find(&e->names, r)) != OK ||
        (status = picture_args_open_classes(&e->classes, &e->run, &e->names)) != OK)
        return status;
    const tensor *z = e->classes.texts.caption_features;
    if (e->kind == FEATURES_CLASSIFIER && method_is_fitted(r->config.method))
        return error_set(ERR_USAGE, "method '%s' has no classifier of text features",
                         method_kind_names[r->config.method]);
    if (e->kind == FEATURES_CLASSIFIER && method_passes(r->method, 1, 1).n_text > 0) {
        z = method_fixed_text(s, r->method, &e->classes.texts);
        if (!z && scope_ok(s))
            return error_set(ERR_USAGE, "method '%s' has no classifier: its text depends on each image",
                             method_kind_names[r->config.method]);
    }
    return take_texts(e, s, z);
}

static int extract_texts(struct extraction *e)
{
    scope *s = scope_open(e->run.session->scope, SCOPE_GRAD_OFF);
    int status = e->kind == FEATURES_CAPTIONS ? extract_captions(e, s) : extract_classes(e, s);
    int closed = scope_close(s);
    return status == OK ? closed : status;
}

/* ---------------------------------------------------------------- the command */

static int find_input(struct extraction *e)
{
    if (e->kind == FEATURES_CAPTIONS)
        return read_captions(&e->names, e->run.v->operand);
    if (e->kind == FEATURES_IMAGES)
        return e->run.v->n_operands > 0 ? picture_args_find(&e->pictures, &e->run) : list_dataset(e);
    return OK;
}

/* Ranks agree before the list of pictures, which the first may send to the others. */
static int open_all(struct extraction *e)
{
    struct open_run *r = &e->run;
    int status = OK;
    if ((status = read_options(e)) == OK && (status = run_open_resolve(r)) == OK &&
        (status = run_open_settle_template(r)) == OK && (status = config_check_model(&r->config)) == OK) {
        interrupt_install();
        if ((status = session_open(&r->session, &r->config, &r->log, r->v->ranks)) == OK)
            status = features_open_store(r->session);
    }
    if ((status = ranks_agree(r->v->ranks, status)) == OK && (status = find_input(e)) == OK &&
        (status = run_open_model(r)) == OK)
        status = run_open_method(r, 1, "its features are those of an unfinished training");
    if (status == OK)
        e->table.width = r->session->clip->dims.embed_dim;
    return status == OK ? interrupt_check_begin() : status;
}

static int write_file(struct extraction *e)
{
    const struct open_run *r = &e->run;
    struct metadata metadata = {0};
    char scale[32];
    snprintf(scale, sizeof scale, "%.9g", r->session->clip->logit_scale);
    int status = OK;
    if ((status = features_hash_weights(r->session)) == OK &&
        (status = metadata_set(&metadata, "of", kind_names[e->kind])) == OK &&
        (status = metadata_set(&metadata, "normalized", e->is_normalized ? "true" : "false")) == OK &&
        (status = metadata_set(&metadata, "logit_scale", scale)) == OK &&
        (status = metadata_set(&metadata, "weights_sha256", r->session->weights->sha256)) == OK)
        status = features_file_write(e->out, &e->table, &metadata);
    metadata_free(&metadata);
    return status;
}

static int finish(struct extraction *e)
{
    const struct predict_result *result = &e->result;
    if (e->kind == FEATURES_IMAGES && e->table.n == 0)
        return error_set(ERR_IO, "none of the images can be read");
    session_warn_damaged(e->run.session, (size_t)result->n_damaged,
                         result->first_damaged ? result->first_damaged : "");
    int status = write_file(e);
    if (status == OK)
        log_info(&e->run.log, "features of %zu %s, %" PRId64 " values each: %s", e->table.n,
                 e->kind == FEATURES_IMAGES ? "images" : "texts", e->table.width, e->out);
    if (status == OK && result->n_failed > 0)
        status =
            error_set(ERR_IO, "%" PRId64 " images could not be read; the others have rows", result->n_failed);
    return status;
}

static int cmd_features(const struct opt_values *v)
{
    struct extraction e = {.run = {.v = v, .defaults_to_clip = true}};
    int status = OK;
    cmd_open_log(&e.run.log, v);
    if ((status = ranks_agree(v->ranks, open_all(&e))) == OK &&
        (status = e.kind == FEATURES_IMAGES ? extract_images(&e) : extract_texts(&e)) == OK)
        status = ranks_follow(v->ranks, writes(&e) ? finish(&e) : OK);
    predict_result_free(&e.result);
    features_table_free(&e.table);
    class_list_close(&e.classes);
    run_open_close(&e.run);
    item_list_free(&e.items);
    pictures_free(&e.pictures);
    dataset_free(e.dataset);
    str_list_free(&e.names);
    return status;
}

const struct command command_features = {
    "features",   NULL,   "[IMAGE...]",
    cmd_features, groups, "write features of images, classes or captions, or a classifier, for other tools",
    notes};
