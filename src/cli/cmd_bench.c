/* prompt bench */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "prompt/base/json.h"
#include "prompt/base/lines.h"
#include "prompt/run/bench.h"

/* What one measurement is of; the rest stands in the configuration. */
struct point {
    bool train;
    enum encoder encoder;
    int64_t n_classes, n_images, n_iterations, depth, threads;
};

/* One call of the command. */
struct bench_command {
    const struct opt_values *v;
    struct config config;
    struct log log;
    char **names; /* class names */
    int64_t n_names;
    int64_t n_images, repeats;
    struct point *points;
    size_t n_points, capacity;
    struct str json;       /* points, separated by commas */
    bool has_header;       /* of the table */
    double seconds_before; /* of the point before, for --compare */
};

/* ---------------------------------------------------------------- class names */

static int add_name(struct bench_command *b, const char *text)
{
    char **grown = realloc(b->names, (size_t)(b->n_names + 1) * sizeof *grown);
    if (!grown)
        return error_out_of_memory();
    b->names = grown;
    b->names[b->n_names] = str_dup(text);
    return b->names[b->n_names] && ++b->n_names ? OK : ERR_MEMORY;
}

/* One name a line. */
static int read_names(struct bench_command *b, const char *path)
{
    struct lines lines = {0};
    int status = lines_open(&lines, path);
    for (const char *line = NULL; status == OK && (line = lines_next(&lines));)
        status = add_name(b, line);
    lines_close(&lines);
    if (status == OK && b->n_names == 0)
        status = error_set(ERR_FORMAT, "'%s': no class name, expected one a line", path);
    return status;
}

static int take_dataset_names(struct bench_command *b)
{
    struct dataset *d = NULL;
    int64_t first = 0, n = 0;
    const struct dataset_options options = session_dataset_options(&b->config, b->config.data_dataset);
    int status = dataset_open(&d, &options);
    if (status == OK)
        class_subset_range(&first, &n, (enum class_subset)b->config.data_classes, d->n_classes);
    for (int64_t k = first; status == OK && k < first + n; k++)
        status = add_name(b, d->class_names[k]);
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

/* ---------------------------------------------------------------- which points */

static int add_point(struct bench_command *b, struct point p)
{
    if (b->n_points == b->capacity) {
        b->capacity = 2 * b->capacity + 16;
        struct point *grown = realloc(b->points, b->capacity * sizeof *grown);
        if (!grown)
            return error_out_of_memory();
        b->points = grown;
    }
    b->points[b->n_points++] = p;
    return OK;
}

/* The point itself in each mode asked for, and with the plain encoder behind it for --compare. */
static int add_modes(struct bench_command *b, struct point p)
{
    static const char *const names[] = {"train", "eval", NULL};
    bool chosen[2] = {false, false};
    int status = opt_choose(chosen, b->v, "mode", names);
    for (int i = 0; status == OK && i < 2; i++) {
        if (opt_given(b->v, "mode") && !chosen[i])
            continue;
        p.train = i == 0;
        p.encoder = opt_given(b->v, "compare") ? ENCODER_FAST : (enum encoder)b->config.encoder;
        status = add_point(b, p);
        p.encoder = ENCODER_PLAIN;
        if (status == OK && opt_given(b->v, "compare"))
            status = add_point(b, p);
    }
    return status;
}

static int count_vision_layers(int64_t *out, struct bench_command *b)
{
    struct session *s = NULL;
    int status = session_open(&s, &b->config, &b->log);
    if (status == OK)
        status = session_open_model(s);
    if (status == OK)
        *out = s->clip->dims.vision.n_layers;
    session_close(s);
    return status;
}

/* --sweep: one setting at a time leaves the base. */
static int add_sweep(struct bench_command *b, const struct point *base)
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
        {classes, 4, base->n_classes, b->n_names, offsetof(struct point, n_classes)},
        {images, 3, base->n_images, INT64_MAX, offsetof(struct point, n_images)},
        {iterations, 3, base->n_iterations, INT64_MAX, offsetof(struct point, n_iterations)},
        {depths, 3, base->depth, n_layers, offsetof(struct point, depth)},
        {threads, 5, base->threads, torch_threads(), offsetof(struct point, threads)},
    };
    if (status == OK)
        status = add_modes(b, *base);
    for (size_t a = 0; a < sizeof axes / sizeof axes[0]; a++)
        for (size_t i = 0; status == OK && i < axes[a].n; i++) {
            struct point p = *base;
            memcpy((char *)&p + axes[a].field, &axes[a].values[i], sizeof(int64_t));
            if (axes[a].values[i] != axes[a].base && axes[a].values[i] <= axes[a].most)
                status = add_modes(b, p);
        }
    return status;
}

static int choose_points(struct bench_command *b)
{
    int64_t n_classes = b->n_names < 50 ? b->n_names : 50;
    const char *compare = opt_text(b->v, "compare");
    int status = opt_i64(&n_classes, b->v, "n-classes", 1, b->n_names);
    if (status == OK && compare && strcmp(compare, "plain") != 0)
        status = error_set(ERR_USAGE, "--compare '%s': expected plain", compare);
    if (status == OK && !opt_given(b->v, "n-classes") && !opt_given(b->v, "sweep"))
        n_classes = b->n_names;
    const struct point base = {.n_classes = n_classes,
                               .n_images = b->n_images,
                               .n_iterations = b->config.n_iterations,
                               .depth = b->config.vision_prompt_depth,
                               .threads = torch_threads()};
    if (status != OK)
        return status;
    return opt_given(b->v, "sweep") ? add_sweep(b, &base) : add_modes(b, base);
}

/* ---------------------------------------------------------------- what is said */

static double of_peak(const struct bench_result *r)
{
    return r->peak_flop_s > 0.0 ? r->work.products / r->seconds / r->peak_flop_s : 0.0;
}

static void append_json(struct str *out, const struct bench_command *b, const struct point *p,
                        const struct bench_result *r)
{
    double shares[N_OP_GROUPS];
    bench_group(shares, r);
    str_appendf(out,
                "%s{\"mode\": \"%s\", \"encoder\": \"%s\", \"precision\": \"%s\", \"n_classes\": %" PRId64
                ", \"batch_size\": %" PRId64 ", \"iterations\": %" PRId64 ", \"depth\": %" PRId64
                ", \"threads\": %" PRId64,
                out->len > 0 ? ",\n" : "", p->train ? "train" : "eval", encoder_names[p->encoder],
                precision_names[b->config.precision], r->n_classes, r->n_images, r->n_iterations, p->depth,
                p->threads);
    const struct {
        const char *name;
        double value;
    } numbers[] = {
        {"seconds", r->seconds},
        {"median_seconds", r->median_seconds},
        {"estimate_seconds", r->estimate_seconds},
        {"images_per_second", (double)r->n_images / r->seconds},
        {"gflop", r->work.products * 1e-9},
        {"attention_gflop", r->work.attention * 1e-9},
        {"peak_gflops", r->peak_flop_s * 1e-9},
        {"fraction_of_peak", of_peak(r)},
        {"peak_rss_mib", (double)r->peak_bytes / (1024.0 * 1024.0)},
        {"minor_faults_per_step", (double)r->minor_faults},
        {"device_reads_per_step", r->device_reads},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        str_appendf(out, ", \"%s\": ", numbers[i].name);
        json_write_f64(out, numbers[i].value);
    }
    str_append(out, ", \"profile_seconds\": {");
    for (int g = 0; g < N_OP_GROUPS; g++) {
        str_appendf(out, "%s\"%s\": ", g > 0 ? ", " : "", op_group_names[g]);
        json_write_f64(out, shares[g]);
    }
    str_append(out, "}}");
}

static void append_profile(struct str *out, const struct bench_result *r)
{
    double shares[N_OP_GROUPS], total = 0.0;
    bench_group(shares, r);
    for (int g = 0; g < N_OP_GROUPS; g++)
        total += shares[g];
    for (int g = 0; g < N_OP_GROUPS; g++)
        str_appendf(out, "      %-16s %8.4f s  %5.1f %%\n", op_group_names[g], shares[g],
                    100.0 * shares[g] / total);
    for (size_t i = 0; i < r->n_ops && i < 12; i++) {
        const struct op_cost *op = &r->ops[i];
        str_appendf(out, "      %-28s %6" PRIu64 " calls %8.4f s", op->name, op->n_calls, op->seconds);
        if (op->flop > 0.0)
            str_appendf(out, "  %7.1f GFLOP/s", op->flop / op->seconds * 1e-9);
        str_append(out, "\n");
    }
}

static int print_row(struct bench_command *b, const struct point *p, const struct bench_result *r)
{
    struct str out = {0};
    if (!b->has_header)
        str_append(&out,
                   "mode  encoder precision     K   B  N   J threads   s/step   median  images/s  estimate"
                   "   GFLOP  of peak     GiB  faults  reads\n");
    b->has_header = true;
    str_appendf(&out,
                "%-5s %-7s %-9s %5" PRId64 " %3" PRId64 " %2" PRId64 " %3" PRId64 " %7" PRId64
                " %8.4f %8.4f %9.3f %8.0f%% %7.1f %7.0f%% %7.2f %7" PRId64 " %6.0f\n",
                p->train ? "train" : "eval", encoder_names[p->encoder], precision_names[b->config.precision],
                r->n_classes, r->n_images, r->n_iterations, p->depth, p->threads, r->seconds,
                r->median_seconds, (double)r->n_images / r->seconds, 100.0 * r->estimate_seconds / r->seconds,
                r->work.products * 1e-9, 100.0 * of_peak(r),
                (double)r->peak_bytes / (1024.0 * 1024.0 * 1024.0), r->minor_faults, r->device_reads);
    if (opt_given(b->v, "profile"))
        append_profile(&out, r);
    if (p->encoder == ENCODER_PLAIN && opt_given(b->v, "compare"))
        str_appendf(&out, "      the fast encoder takes 1/%.1f of the plain one's time\n",
                    r->seconds / b->seconds_before);
    int status = cmd_print(&out);
    str_free(&out);
    return status;
}

/* ---------------------------------------------------------------- running */

/* Each point has a session of its own, so that its memory is its own. */
static int run_point(struct bench_command *b, const struct point *p)
{
    b->config.encoder = p->encoder;
    b->config.n_iterations = p->n_iterations;
    b->config.vision_prompt_depth = p->depth;
    b->config.threads = p->threads;
    const struct bench_options options = {
        .train = p->train, .n_images = p->n_images, .repeats = b->repeats, .measure_peak = true};
    struct session *s = NULL;
    struct bench_result *r = calloc(1, sizeof *r);
    int status = r ? session_open(&s, &b->config, &b->log) : error_out_of_memory();
    if (status == OK)
        status = session_open_model(s);
    if (status == OK)
        status = bench_run(r, s, b->names, p->n_classes, &options);
    if (status == OK && opt_given(b->v, "json"))
        append_json(&b->json, b, p, r);
    else if (status == OK)
        status = print_row(b, p, r);
    b->seconds_before = r ? r->seconds : 0.0;
    session_close(s);
    free(r);
    return status;
}

static int print_json(const struct bench_command *b)
{
    struct str out = {0};
    str_appendf(&out, "{\"points\": [\n%s\n]}\n", str_text(&b->json));
    int status = str_status(&b->json) == OK ? cmd_print(&out) : ERR_MEMORY;
    str_free(&out);
    return status;
}

static int run(struct bench_command *b)
{
    log_init(&b->log, opt_given(b->v, "quiet"));
    b->repeats = 3;
    int status = opt_i64(&b->repeats, b->v, "repeats", 1, 1000);
    if (status == OK)
        status = opt_apply_file(&b->config, b->v);
    if (status == OK)
        status = opt_apply_keys(&b->config, b->v);
    b->n_images = b->config.batch_size;
    if (status == OK)
        status = opt_i64(&b->n_images, b->v, "batch", 1, 65536);
    if (status == OK)
        status = find_names(b);
    if (status == OK)
        status = torch_init(b->config.threads); /* so that the number of threads is known */
    if (status == OK)
        status = choose_points(b);
    for (size_t i = 0; status == OK && i < b->n_points; i++)
        status = run_point(b, &b->points[i]);
    return status == OK && opt_given(b->v, "json") ? print_json(b) : status;
}

int cmd_bench(const struct opt_values *v)
{
    struct bench_command b = {.v = v};
    int status = config_init(&b.config);
    if (status == OK)
        status = run(&b);
    for (int64_t k = 0; k < b.n_names; k++)
        free(b.names[k]);
    free(b.names);
    free(b.points);
    str_free(&b.json);
    config_free(&b.config);
    return status;
}
