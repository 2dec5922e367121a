/* The table and the JSON of prompt bench. */
#include "bench_report.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cmd_print.h"
#include "prompt/base/json_write.h"

static double of_peak(const struct bench_result *r)
{
    return r->peak_flop_s > 0.0 ? r->work.products / r->seconds / r->peak_flop_s : 0.0;
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
    double shares[N_OP_GROUPS];
    bench_group(shares, r);
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
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        append_number(out, numbers[i].name, numbers[i].value);
    if (ratio > 0.0)
        append_number(out, "ratio", ratio);
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

static int print_row(struct bench_report *report, const struct bench_point *p, const struct bench_result *r,
                     double ratio)
{
    struct str out = {0};
    if (!report->has_header)
        str_append(&out,
                   "mode  encoder precision     K   B  N   J threads   s/step   median  images/s  estimate"
                   "   GFLOP  of peak     GiB  faults  reads\n");
    report->has_header = true;
    str_appendf(&out,
                "%-5s %-7s %-9s %5" PRId64 " %3" PRId64 " %2" PRId64 " %3" PRId64 " %7" PRId64
                " %8.4f %8.4f %9.3f %8.0f%% %7.1f %7.0f%% %7.2f %7" PRId64 " %6.0f\n",
                p->train ? "train" : "eval", encoder_names[p->encoder], report->precision, r->n_classes,
                r->n_images, r->n_iterations, p->depth, p->threads, r->seconds, r->median_seconds,
                (double)r->n_images / r->seconds, 100.0 * r->estimate_seconds / r->seconds,
                r->work.products * 1e-9, 100.0 * of_peak(r),
                (double)r->peak_bytes / (1024.0 * 1024.0 * 1024.0), r->minor_faults, r->device_reads);
    if (report->has_profile)
        append_profile(&out, r);
    if (ratio > 0.0)
        str_appendf(&out, "      the fast encoder takes 1/%.1f of the plain one's time\n", ratio);
    int status = cmd_print(&out);
    str_free(&out);
    return status;
}

static int add_sample(struct bench_report *report, const struct bench_result *r)
{
    if (report->n_samples == report->capacity) {
        report->capacity = 2 * report->capacity + 16;
        struct speed_sample *grown = realloc(report->samples, report->capacity * sizeof *grown);
        if (!grown)
            return error_out_of_memory();
        report->samples = grown;
    }
    report->samples[report->n_samples++] = (struct speed_sample){r->speed, r->work, r->seconds};
    return OK;
}

int bench_report_add(struct bench_report *report, const struct bench_point *p, const struct bench_result *r,
                     double ratio)
{
    /* the shares are those of the encoder that is used */
    int status = ratio > 0.0 ? OK : add_sample(report, r);
    if (status == OK && report->as_json)
        append_json(report, p, r, ratio);
    else if (status == OK)
        status = print_row(report, p, r, ratio);
    return status;
}

static void append_fit(struct str *out, const struct speed_fit *fit, bool as_json)
{
    if (as_json) {
        str_append(out, ", \"fit\": {\"worst_error\": ");
        json_write_f64(out, fit->worst_error);
        append_number(out, "product_share", fit->product_share);
        append_number(out, "attention_share", fit->attention_share);
        append_number(out, "fitted_worst_error", fit->fitted_worst_error);
        str_append(out, "}");
        return;
    }
    str_appendf(out,
                "estimates are off by at most %.0f %%; least squares over these points: shares of %.3f "
                "(products) and %.3f (attention), off by at most %.0f %%\n",
                100.0 * fit->worst_error, fit->product_share, fit->attention_share,
                100.0 * fit->fitted_worst_error);
}

int bench_report_end(struct bench_report *report, bool with_fit)
{
    struct str out = {0};
    if (report->as_json)
        str_appendf(&out, "{\"points\": [\n%s\n]", str_text(&report->json));
    if (with_fit) {
        const struct speed_fit fit = speed_fit(report->samples, report->n_samples);
        append_fit(&out, &fit, report->as_json);
    }
    str_append(&out, report->as_json ? "}\n" : "");
    int status = str_status(&report->json) == OK ? cmd_print(&out) : ERR_MEMORY;
    str_free(&out);
    return status;
}

void bench_report_free(struct bench_report *report)
{
    free(report->samples);
    str_free(&report->json);
}
