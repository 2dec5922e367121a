/* prompt report: one HTML page on runs. */
#include <stdlib.h>

#include "cmd.h"
#include "prompt/base/file.h"
#include "prompt/page/page.h"
#include "prompt/report/experiment.h"

static const struct opt report_options[] = {
    {"out", "FILE", NULL, false, "the page (report.html)"},
    {"data", "DIR", NULL, false,
     "folder that holds the data sets' folders, for the pictures (as in the run)"},
    {"max-mib", "N", NULL, false, "largest size of the page in MiB; 0: no pictures (20)"},
    {"quiet", NULL, NULL, false, "only warnings"},
    {.name = NULL},
};

static const struct opt_group groups[] = {{"Page", report_options}, {.title = NULL}};

static const char notes[] =
    "The page needs no other file and no network. Runs that differ in the seed alone are one method; runs\n"
    "must be evaluated on the same images (prompt eval --run RUN).\n"
    "\n"
    "Examples:\n"
    "  prompt report runs/caltech101-s1\n"
    "  prompt report runs/coop-s1 runs/prompt-s1 --out report.html --max-mib 5";

static int write_report(const struct opt_values *v, const char *path, struct log *log)
{
    double max_mib = 20.0;
    char *tables = NULL;
    struct str page = {0};
    int status = opt_f64(&max_mib, v, "max-mib", 0.0, 4096.0);
    if (status == OK && (status = file_check_writable(path)) == OK)
        status = experiment_find_tables(&tables);
    const struct page_options options = {.data_root = opt_text(v, "data"),
                                         .tables = tables,
                                         .max_bytes = (size_t)(max_mib * 1048576.0),
                                         .log = log};
    if (status == OK && (status = page_write(&page, v->operands, v->n_operands, &options)) == OK)
        status = file_write_atomic(path, page.data, page.len);
    if (status == OK)
        log_info(log, "wrote %s (%.1f MiB)", path, (double)page.len / 1048576.0);
    str_free(&page);
    free(tables);
    return status;
}

static int cmd_report(const struct opt_values *v)
{
    struct log log;
    log_init(&log, opt_given(v, "quiet"));
    const char *path = opt_text(v, "out");
    return write_report(v, path ? path : "report.html", &log);
}

const struct command command_report = {
    "report", NULL, "RUN...", cmd_report, groups, "write one HTML page on runs, with pictures", notes};
