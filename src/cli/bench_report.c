/* The table and the JSON of prompt bench. */
#include "bench_report.h"

#include <inttypes.h>

#include "cmd_print.h"
#include "prompt/base/json_write.h"

/* The rate of the products, as a share of the best one. */
static double of_peak(const struct bench_result *r, const struct group_cost *groups)
{
    return r->peak_flop_s > 0.0 ? groups[OP_PRODUCT].flop / r->seconds / r->peak_flop_s : 0.0;
}

static void append_number(struct str *out, const char *name, double value)
{
    str_appendf(out, ", \"%s\": ", name);
    json_write_f64(out, value);
}

static void append_json(struct bench_report *report, const struct bench_point *p,
                        const struct bench_result *r, double ratio)
{
    struct str *out = &report->json;
    struct group_cost groups[N_OP_GROUPS];
    bench_group(groups, r);
    str_appendf(out,
                "%s{\"mode\": \"%s\", \"encoder\": \"%s\", \"precision\": \"%s\", \"n_classes\": %" PRId64
                ", \"batch_size\": %" PRId64 ", \"iterations\": %" PRId64 ", \"depth\": %" PRId64
                ", \"threads\": %" PRId64,
                out->len > 0 ? ",\n" : "", p->train ? "train" : "eval", encoder_names[p->encoder],
                report->precision, r->n_classes, r->n_images, r->n_iterations, p->depth, p->threads);
    const struct {
        const char *name;
        double value;
    } numbers[] = {
        {"seconds", r->seconds},
        {"median_seconds", r->median_seconds},
        {"images_per_second", (double)r->n_images / r->seconds},
        {"gflop", groups[OP_PRODUCT].flop * 1e-9},
        {"attention_gflop", groups[OP_ATTENTION].flop * 1e-9},
        {"peak_gflops", r->peak_flop_s * 1e-9},
        {"fraction_of_peak", of_peak(r, groups)},
        {"peak_rss_mib", (double)r->peak_bytes / (1024.0 * 1024.0)},
        {"minor_faults_per_step", (double)r->minor_faults},
        {"device_reads_per_step", r->device_reads},
        {"device_uploads_per_step", r->device_uploads},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        append_number(out, numbers[i].name, numbers[i].value);
    if (ratio > 0.0)
        append_number(out, "ratio", ratio);
    str_append(out, ", \"profile_seconds\": {");
    for (int g = 0; g < N_OP_GROUPS; g++) {
        str_appendf(out, "%s\"%s\": ", g > 0 ? ", " : "", op_group_names[g]);
        json_write_f64(out, groups[g].seconds);
    }
    str_append(out, "}}");
}

static void append_profile(struct str *out, const struct bench_result *r, const struct group_cost *groups)
{
    double total_s = 0.0;
    for (int g = 0; g < N_OP_GROUPS; g++)
        total_s += groups[g].seconds;
    for (int g = 0; g < N_OP_GROUPS; g++)
        str_appendf(out, "      %-16s %8.4f s  %5.1f %%\n", op_group_names[g], groups[g].seconds,
                    100.0 * groups[g].seconds / total_s);
    for (size_t i = 0; i < r->n_ops && i < 12; i++) {
        const struct op_cost *op = &r->ops[i];
        str_appendf(out, "      %-28s %6" PRIu64 " calls %8.4f s", op->name, op->n_calls, op->seconds);
        if (op->flop > 0.0)
            str_appendf(out, "  %7.1f GFLOP/s", op->flop / op->seconds * 1e-9);
        str_append(out, "\n");
    }
}

static int print_row(struct bench_report *report, const struct bench_point *p, const struct bench_result *r,
                     double ratio)
{
    struct str out = {0};
    struct group_cost groups[N_OP_GROUPS];
    bench_group(groups, r);
    if (!report->has_header)
        str_append(&out, "mode  encoder precision     K   B  N   J threads   s/step   median  images/s"
                         "   GFLOP  of peak     GiB  faults  reads uploads\n");
    report->has_header = true;
    str_appendf(&out,
                "%-5s %-7s %-9s %5" PRId64 " %3" PRId64 " %2" PRId64 " %3" PRId64 " %7" PRId64
                " %8.4f %8.4f %9.3f %7.1f %7.0f%% %7.2f %7" PRId64 " %6.0f %7.0f\n",
                p->train ? "train" : "eval", encoder_names[p->encoder], report->precision, r->n_classes,
                r->n_images, r->n_iterations, p->depth, p->threads, r->seconds, r->median_seconds,
                (double)r->n_images / r->seconds, groups[OP_PRODUCT].flop * 1e-9, 100.0 * of_peak(r, groups),
                (double)r->peak_bytes / (1024.0 * 1024.0 * 1024.0), r->minor_faults, r->device_reads,
                r->device_uploads);
    if (report->has_profile)
        append_profile(&out, r, groups);
    if (ratio > 0.0)
        str_appendf(&out, "      the fast encoder takes 1/%.1f of the plain one's time\n", ratio);
    int status = cmd_print(&out);
    str_free(&out);
    return status;
}

int bench_report_add(struct bench_report *report, const struct bench_point *p, const struct bench_result *r,
                     double ratio)
{
    if (!report->as_json)
        return print_row(report, p, r, ratio);
    append_json(report, p, r, ratio);
    return str_status(&report->json);
}

int bench_report_end(struct bench_report *report)
{
    if (!report->as_json)
        return OK;
    struct str out = {0};
    str_appendf(&out, "{\"points\": [\n%s\n]}\n", str_text(&report->json));
    int status = cmd_print(&out);
    str_free(&out);
    return status;
}

void bench_report_free(struct bench_report *report)
{
    str_free(&report->json);
}
