/* prompt bench */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench_report.h"
#include "cmd.h"
#include "prompt/base/lines.h"
#include "prompt/base/process.h"
#include "prompt/data/dataset_open.h"
#include "prompt/run/class_list.h"
#include "shared_options.h"

/* ---------------------------------------------------------------- options */

static const struct opt bench_options[] = {
    {"classes-file", "FILE", NULL, false, "file of class names, one a line (the classes of --dataset)"},
    {"n-classes", "K", NULL, false, "take the first K of them (all)"},
    {"batch", "B", NULL, false, "images a step (training.batch_size)"},
    {"mode", "LIST", NULL, true, "train, eval, or both separated by a comma (both)"},
    {"repeats", "R", NULL, false, "timed steps, after one that warms up (3)"},
    {"compare", "plain", NULL, false,
     "time the plain encoder in turn with the fast one, and print the ratio"},
    {"sweep", NULL, NULL, false, "vary K, batch, iterations, depth and threads, one at a time"},
    {"profile", NULL, NULL, false, "print where the time of a step goes"},
    {"json", NULL, NULL, false, "print JSON"},
    {.name = NULL},
};

static const struct opt_group groups[] = {
    {"Benchmark", bench_options},
    {"Configuration (defaults < --config < command line)", config_options},
    {"Data and model", data_options},
    {"Machine", machine_options},
    {.title = NULL},
};

static const char notes[] =
    "A step is timed on random pixels. GFLOP counts the matrix products of one step; \"of peak\" compares\n"
    "their rate with the best single product of the same shapes in the same run. Faults are page faults,\n"
    "reads are those from the device to the host.\n"
    "\n"
    "Examples:\n"
    "  prompt bench --model FILE --classes-file names.txt --n-classes 100 --precision bf16 --profile\n"
    "  prompt bench --model FILE --classes-file names.txt --mode eval --compare plain";

enum { MAX_SIDES = 2 };   /* encoders that are compared */
enum { MAX_POINTS = 64 }; /* of a sweep: 19 in each of two modes */

/* One call of the command. */
struct bench_command {
    const struct opt_values *v;
    struct config config;
    struct log log;
    struct str_list names; /* of classes */
    int64_t n_images, repeats;
    struct bench_point points[MAX_POINTS];
    size_t n_points;
    struct bench_report report;
};

/* ---------------------------------------------------------------- class names */

/* One name a line. */
static int read_names(struct bench_command *b, const char *path)
{
    struct lines lines = {0};
    int status = lines_open(&lines, path);
    for (const char *line = NULL; status == OK && (line = lines_next(&lines));)
        status = str_list_add(&b->names, line);
    lines_close(&lines);
    if (status == OK && b->names.n == 0)
        status = error_set(ERR_FORMAT, "'%s': no class name, expected one a line", path);
    return status;
}

static int take_dataset_names(struct bench_command *b)
{
    struct dataset *d = NULL;
    int64_t first = 0, n = 0;
    const struct dataset_options options = config_dataset_options(&b->config, b->config.data_dataset);
    int status = dataset_open(&d, &options);
    if (status == OK)
        class_subset_range(&first, &n, b->config.data_classes, d->n_classes);
    for (int64_t k = first; status == OK && k < first + n; k++)
        status = str_list_add(&b->names, d->class_names[k]);
    dataset_free(d);
    return status;
}

static int find_names(struct bench_command *b)
{
    const char *path = opt_text(b->v, "classes-file");
    if (path)
        return read_names(b, path);
    if (b->config.data_dataset[0] == '\0')
        return error_set(ERR_USAGE,
                         "no class names: give --classes-file FILE (one a line), or --data and --dataset");
    return take_dataset_names(b);
}

/* ---------------------------------------------------------------- the points */

static int add_point(struct bench_command *b, struct bench_point p)
{
    if (b->n_points == MAX_POINTS)
        return error_set(ERR_USAGE, "more than %d points", MAX_POINTS);
    b->points[b->n_points++] = p;
    return OK;
}

/* Adds a point in each mode of --mode. */
static int add_modes(struct bench_command *b, struct bench_point p)
{
    static const char *const names[] = {"train", "eval", NULL};
    bool chosen[2] = {false, false};
    int status = opt_choose(chosen, b->v, "mode", names);
    for (int i = 0; status == OK && i < 2; i++) {
        if (opt_given(b->v, "mode") && !chosen[i])
            continue;
        p.train = i == 0;
        p.encoder = opt_given(b->v, "compare") ? ENCODER_FAST : b->config.encoder;
        status = add_point(b, p);
    }
    return status;
}

static int count_vision_layers(int64_t *out, struct bench_command *b)
{
    struct session *s = NULL;
    int status = OK;
    if ((status = session_open(&s, &b->config, &b->log, NULL)) == OK &&
        (status = session_open_model(s)) == OK)
        *out = s->clip->dims.vision.n_layers;
    session_close(s);
    return status;
}

/* --sweep: the base, and points that differ from it in one setting. */
static int add_sweep(struct bench_command *b, const struct bench_point *base)
{
    int64_t n_layers = 0;
    int status = count_vision_layers(&n_layers, b);
    static const int64_t classes[] = {50, 100, 500, 1000}, images[] = {1, 4, 16}, iterations[] = {1, 2, 3},
                         depths[] = {3, 9, 12}, threads[] = {1, 2, 4, 8, 16};
    const struct {
        const int64_t *values;
        size_t n;
        int64_t base, most;
        size_t field;
    } axes[] = {
        {classes, 4, base->n_classes, (int64_t)b->names.n, offsetof(struct bench_point, n_classes)},
        {images, 3, base->n_images, INT64_MAX, offsetof(struct bench_point, n_images)},
        {iterations, 3, base->n_iterations, INT64_MAX, offsetof(struct bench_point, n_iterations)},
        {depths, 3, base->depth, n_layers, offsetof(struct bench_point, depth)},
        {threads, 5, base->threads, torch_threads(), offsetof(struct bench_point, threads)},
    };
    if (status == OK)
        status = add_modes(b, *base);
    for (size_t a = 0; a < sizeof axes / sizeof axes[0]; a++)
        for (size_t i = 0; status == OK && i < axes[a].n; i++) {
            struct bench_point p = *base;
            memcpy((char *)&p + axes[a].field, &axes[a].values[i], sizeof(int64_t));
            if (axes[a].values[i] != axes[a].base && axes[a].values[i] <= axes[a].most)
                status = add_modes(b, p);
        }
    return status;
}

static int choose_points(struct bench_command *b)
{
    const int64_t n_names = (int64_t)b->names.n;
    int64_t n_classes = opt_given(b->v, "sweep") && n_names > 50 ? 50 : n_names;
    const char *compare = opt_text(b->v, "compare");
    int status = opt_i64(&n_classes, b->v, "n-classes", 1, n_names);
    if (status == OK && compare && strcmp(compare, "plain") != 0)
        status = error_set(ERR_USAGE, "--compare '%s': expected plain", compare);
    const struct bench_point base = {.n_classes = n_classes,
                                     .n_images = b->n_images,
                                     .n_iterations = b->config.n_iterations,
                                     .depth = b->config.vision_prompt_depth,
                                     .threads = torch_threads()};
    if (status != OK)
        return status;
    return opt_given(b->v, "sweep") ? add_sweep(b, &base) : add_modes(b, base);
}

/* ---------------------------------------------------------------- running */

/* One encoder that is timed. */
struct side {
    struct bench_point point;
    struct session *session;
    struct bench *bench;
    struct bench_result result;
};

static void close_side(struct side *side)
{
    bench_close(side->bench);
    session_close(side->session);
}

/* Checks the names of all points before the first one is timed. */
static int check_names(const struct session *s, const struct bench_command *b)
{
    struct class_list list;
    int64_t n = 0;
    for (size_t i = 0; i < b->n_points; i++)
        n = b->points[i].n_classes > n ? b->points[i].n_classes : n;
    int status = class_list_tokenize(&list, s, b->names.items, n, s->config->zero_shot_template);
    if (status == OK)
        class_list_close(&list);
    return status;
}

static int open_side(struct side *side, struct bench_command *b, const struct bench_options *options)
{
    b->config.encoder = side->point.encoder;
    int status = OK;
    if ((status = session_open(&side->session, &b->config, &b->log, NULL)) == OK &&
        (status = session_open_model(side->session)) == OK && (status = check_names(side->session, b)) == OK)
        status = bench_open(&side->bench, side->session, b->names.items, side->point.n_classes, options);
    return status;
}

/* The encoders take turns, so that both see the machine's slow moments. */
static int measure(struct side *sides, size_t n, struct bench_command *b)
{
    const size_t before = process_resident_bytes();
    int status = OK;
    for (size_t i = 0; status == OK && i < n; i++) {
        const size_t now = process_resident_bytes();
        const struct bench_options options = {.train = sides[i].point.train,
                                              .n_images = sides[i].point.n_images,
                                              .repeats = b->repeats,
                                              .measure_peak = true,
                                              .is_alone = n == 1,
                                              .earlier_bytes = i > 0 && now > before ? now - before : 0};
        status = open_side(&sides[i], b, &options);
    }
    for (int64_t k = 0; k < b->repeats; k++)
        for (size_t i = 0; status == OK && i < n; i++)
            status = bench_time(sides[i].bench);
    for (size_t i = 0; status == OK && i < n; i++)
        status = bench_finish(&sides[i].result, sides[i].bench);
    return status;
}

/* Each point has sessions of its own, so that its memory is measured alone. */
static int run_point(struct bench_command *b, const struct bench_point *p)
{
    const size_t n = opt_given(b->v, "compare") ? 2 : 1;
    struct side sides[MAX_SIDES] = {{.point = *p}, {.point = *p}};
    sides[1].point.encoder = ENCODER_PLAIN;
    b->config.n_iterations = p->n_iterations;
    b->config.vision_prompt_depth = p->depth;
    b->config.threads = p->threads;
    int status = measure(sides, n, b);
    b->report.precision = precision_names[b->config.precision];
    for (size_t i = 0; status == OK && i < n; i++) {
        const double ratio = i > 0 ? sides[i].result.seconds / sides[0].result.seconds : 0.0;
        status = bench_report_add(&b->report, &sides[i].point, &sides[i].result, ratio);
    }
    for (size_t i = n; i > 0; i--)
        close_side(&sides[i - 1]);
    return status;
}

static int run(struct bench_command *b)
{
    log_init(&b->log, opt_given(b->v, "quiet"));
    b->repeats = 3;
    int status = OK;
    if ((status = opt_i64(&b->repeats, b->v, "repeats", 1, 1000)) != OK ||
        (status = opt_resolve(&b->config, b->v, NULL)) != OK)
        return status;
    if (method_is_fitted(b->config.method))
        return error_set(ERR_USAGE, "method %s is fitted to features: it has no step to time",
                         method_kind_names[b->config.method]);
    b->n_images = b->config.batch_size;
    if (status == OK && (status = opt_i64(&b->n_images, b->v, "batch", 1, 65536)) == OK &&
        (status = find_names(b)) == OK && (status = torch_init(b->config.threads)) == OK)
        status = choose_points(b); /* torch_init, so that the number of threads is known */
    for (size_t i = 0; status == OK && i < b->n_points; i++)
        status = run_point(b, &b->points[i]);
    return status == OK ? bench_report_end(&b->report) : status;
}

static int cmd_bench(const struct opt_values *v)
{
    struct bench_command b = {
        .v = v, .report = {.as_json = opt_given(v, "json"), .has_profile = opt_given(v, "profile")}};
    int status = config_init(&b.config);
    if (status == OK)
        status = run(&b);
    str_list_free(&b.names);
    bench_report_free(&b.report);
    config_free(&b.config);
    return status;
}

const struct command command_bench = {
    "bench", NULL, NULL, cmd_bench, groups, "time a training step and an evaluation", notes};
