/* prompt results: the paper's tables from any set of run folders. */
#include <string.h>

#include "cmd.h"
#include "cmd_print.h"
#include "experiment_args.h"

/* ---------------------------------------------------------------- options */

static const struct opt output_options[] = {
    {"format", "NAME", NULL, false, "markdown, csv or latex (markdown)"},
    {"include-unfinished", NULL, NULL, false,
     "include records of unfinished or limited runs, labelled as such"},
    {.name = NULL},
};

static const struct opt_group groups[] = {
    {"Table", experiment_options}, {"Output", output_options}, {.title = NULL}};

static const char notes[] =
    "Reads every results.json below the folders. Without --table: every table for which there are records.\n"
    "\n"
    "Example:\n"
    "  prompt results runs --table 1 --format csv";

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
    size_t n_printed;
};

/* Prints one table; with `only_if_run` only if there are records for it. */
static int print_table(struct results_command *r, const char *name, bool only_if_run)
{
    struct experiment *x = NULL;
    struct scores scores = {0};
    struct str text = {0};
    struct score_options options = experiment_args_scores(&r->args, r->v);
    options.include_unfinished = opt_given(r->v, "include-unfinished");
    int status = experiment_open(&x, r->args.tables, name, &r->args.methods);
    if (status == OK)
        status = scores_make(&scores, x, &r->records, &options);
    if (status == OK && (has_numbers(&scores) || !only_if_run)) {
        str_append(&text, r->n_printed++ > 0 ? "\n" : "");
        status = scores_write(&text, &scores, r->format);
        if (status == OK)
            status = cmd_print(&text);
    }
    str_free(&text);
    scores_free(&scores);
    experiment_free(x);
    return status;
}

/* Prints every table for which there are records. */
static int print_tables(struct results_command *r)
{
    struct json_doc *doc = NULL;
    int status = json_read_file(&doc, r->args.tables);
    const struct json *table = status == OK ? json_first(json_root(doc)) : NULL;
    for (; status == OK && table; table = json_next(table))
        status = print_table(r, json_key(table), true);
    json_free(doc);
    if (status == OK && r->records.n == 0)
        status =
            error_set(ERR_IO, "no result records below '%s'; prompt eval writes them", r->v->operands[0]);
    else if (status == OK && r->n_printed == 0)
        status = error_set(ERR_FORMAT,
                           "none of the %zu records belongs to a table; --table NAME shows what it lacks",
                           r->records.n);
    return status;
}

static int choose_format(enum score_format *out, const struct opt_values *v)
{
    bool chosen[3] = {false};
    int status = opt_choose(chosen, v, "format", score_format_names);
    for (int i = 0; i < 3; i++)
        if (chosen[i])
            *out = (enum score_format)i;
    return status;
}

static int cmd_results(const struct opt_values *v)
{
    struct results_command r = {.v = v, .format = SCORE_MARKDOWN};
    int status = choose_format(&r.format, v);
    if (status == OK)
        status = experiment_args_read(&r.args, v);
    for (size_t i = 0; status == OK && i < v->n_operands; i++)
        status = records_read(&r.records, v->operands[i]);
    const char *table = opt_text(v, "table");
    if (status == OK)
        status = table ? print_table(&r, table, false) : print_tables(&r);
    records_free(&r.records);
    experiment_args_free(&r.args);
    return status;
}

const struct command command_results = {
    "results", NULL, "DIR...", cmd_results, groups, "make tables over runs, beside the paper's numbers",
    notes};
