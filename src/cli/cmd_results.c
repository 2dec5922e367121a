/* prompt results: the paper's tables from any set of run folders. */
#include <string.h>

#include "clip_benchmark.h"
#include "cmd.h"
#include "cmd_print.h"
#include "experiment_args.h"

/* ---------------------------------------------------------------- options */

static const struct opt output_options[] = {
    {"format", "NAME", NULL, false,
     "markdown, csv or latex (markdown); or clip-benchmark, which writes a JSON file for each record"},
    {"against", "ROW", NULL, false,
     "instead of the table print each row's differences from this one, paired by data set, with intervals"},
    {"out", "DIR", NULL, false, "folder of the files of clip-benchmark"},
    {"include-unfinished", NULL, NULL, false,
     "include records of unfinished or limited runs, labelled as such"},
    {.name = NULL},
};

static const struct opt_group groups[] = {
    {"Table", experiment_options}, {"Output", output_options}, {.title = NULL}};

static const char notes[] =
    "Reads every results.json below the folders. Without --table: every table for which there are records.\n"
    "The files of clip-benchmark hold every finished record; clip_benchmark build makes a table of them.\n"
    "\n"
    "Examples:\n"
    "  prompt results runs --table 1 --against ProMPT\n"
    "  prompt results runs --format clip-benchmark --out benchmark";

/* Whether any cell has a number. */
static bool has_numbers(const struct scores *s)
{
    for (size_t i = 0; i < s->n_lines; i++)
        if (s->lines[i].n > 0)
            return true;
    return false;
}

struct results_command {
    const struct opt_values *v;
    struct experiment_args args;
    struct record_list records;
    enum score_format format;
    bool is_clip_benchmark;
    size_t n_printed;
};

/* Prints one table; with `only_if_run` only if there are records for it. */
static int print_table(struct results_command *r, const char *name, bool only_if_run)
{
    struct experiment *x = NULL;
    struct scores scores = {0};
    struct str text = {0};
    const char *against = opt_text(r->v, "against");
    struct score_options options = experiment_args_scores(&r->args, r->v);
    options.include_unfinished = opt_given(r->v, "include-unfinished");
    int status = experiment_open(&x, r->args.tables, name, &r->args.methods);
    if (status == OK)
        status = scores_make(&scores, x, &r->records, &options);
    if (status == OK && (has_numbers(&scores) || !only_if_run)) {
        str_append(&text, r->n_printed++ > 0 ? "\n" : "");
        status = against ? score_differences_write(&text, &scores, against, r->format)
                         : scores_write(&text, &scores, r->format);
        if (status == OK)
            status = cmd_print(&text);
    }
    str_free(&text);
    scores_free(&scores);
    experiment_free(x);
    return status;
}

static int no_records(const struct results_command *r)
{
    return error_set(ERR_IO, "no result records below '%s'; prompt eval writes them", r->v->operands[0]);
}

/* Prints every table for which there are records. */
static int print_tables(struct results_command *r)
{
    struct json_doc *doc = NULL;
    int status = json_read_file(&doc, r->args.tables);
    const struct json *table = status == OK ? json_first(json_root(doc)) : NULL;
    for (; status == OK && table; table = json_next(table))
        status = experiment_is_table(json_key(table)) ? print_table(r, json_key(table), true) : OK;
    json_free(doc);
    if (status == OK && r->records.n == 0)
        status = no_records(r);
    else if (status == OK && r->n_printed == 0)
        status = error_set(ERR_FORMAT,
                           "none of the %zu records belongs to a table; --table NAME shows what it lacks",
                           r->records.n);
    return status;
}

/* Options of tables do not select records, so clip-benchmark takes none of them. */
static int check_clip_benchmark(const struct results_command *r)
{
    static const char *const options[] = {"table", "methods", "datasets",       "seeds",
                                          "set",   "tables",  "paper-rounding", "against"};
    if (!r->is_clip_benchmark)
        return opt_given(r->v, "out") ? error_set(ERR_USAGE, "--out is the folder of --format clip-benchmark")
                                      : OK;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (opt_given(r->v, options[i]))
            return error_set(ERR_USAGE, "--format clip-benchmark writes all records, so it takes no --%s",
                             options[i]);
    return opt_given(r->v, "out") ? OK
                                  : error_set(ERR_USAGE, "--format clip-benchmark needs a folder: --out DIR");
}

static int choose_format(struct results_command *r)
{
    enum { N_TABLES = SCORE_LATEX + 1 };
    bool chosen[N_TABLES + 1] = {false};
    const char *names[N_TABLES + 2] = {NULL};
    for (int i = 0; i < N_TABLES; i++)
        names[i] = score_format_names[i];
    names[N_TABLES] = "clip-benchmark";
    int status = opt_choose(chosen, r->v, "format", names);
    for (int i = 0; i < N_TABLES; i++)
        if (chosen[i])
            r->format = (enum score_format)i;
    r->is_clip_benchmark = chosen[N_TABLES];
    return status == OK ? check_clip_benchmark(r) : status;
}

static int write_clip_benchmark(const struct results_command *r)
{
    const char *dir = opt_text(r->v, "out");
    size_t n = 0;
    struct str text = {0};
    int status = r->records.n == 0 ? no_records(r) : OK;
    if (status == OK)
        status = clip_benchmark_write(&n, &r->records, dir, opt_given(r->v, "include-unfinished"));
    if (status == OK) {
        str_appendf(&text, "%zu %s in '%s'\n", n, plural(n, "file", "files"), dir);
        status = cmd_print(&text);
    }
    str_free(&text);
    return status;
}

static int cmd_results(const struct opt_values *v)
{
    struct results_command r = {.v = v, .format = SCORE_MARKDOWN};
    const char *table = opt_text(v, "table");
    int status = choose_format(&r);
    if (status == OK && opt_given(v, "against") && !table)
        status = error_set(ERR_USAGE, "--against names a row of one table: give --table NAME");
    if (status == OK && !r.is_clip_benchmark)
        status = experiment_args_read(&r.args, v);
    for (size_t i = 0; status == OK && i < v->n_operands; i++)
        status = records_read(&r.records, v->operands[i]);
    if (status == OK && r.is_clip_benchmark)
        status = write_clip_benchmark(&r);
    else if (status == OK)
        status = table ? print_table(&r, table, false) : print_tables(&r);
    records_free(&r.records);
    experiment_args_free(&r.args);
    return status;
}

const struct command command_results = {
    "results", NULL, "DIR...", cmd_results, groups, "make tables over runs, beside the paper's numbers",
    notes};
