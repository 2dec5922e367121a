/* What stands beside the numbers of a table: notes, and labels of what it is not. */
#include <string.h>

#include "prompt/report/targets.h"
#include "scores_internal.h"

static int add_note(struct str_list *notes, struct str *text)
{
    int status = str_status(text);
    if (status == OK)
        status = str_list_add(notes, str_text(text));
    str_free(text);
    return status;
}

/* "not run: CoOp on DTD (seeds 2, 3), on EuroSAT" for each row. */
static int note_missing(struct scores *s, const struct score_cells *t, size_t row)
{
    struct str text = {0};
    for (size_t d = 0; d < t->datasets.n; d++) {
        const size_t cell = row * t->datasets.n + d, n_seeds = score_cells_n_seeds(t, cell);
        size_t n_missing = 0;
        for (size_t seed = 0; seed < n_seeds; seed++)
            n_missing += !score_cells_has_seed(t, cell, seed);
        if (n_missing == 0)
            continue;
        str_appendf(&text, text.len > 0 ? ", %s" : "not run: %s on ",
                    text.len > 0 ? "" : s->experiment->rows[row].name);
        str_append(&text, target_display_name(t->datasets.items[d]));
        if (n_missing == n_seeds)
            continue;
        str_append(&text, n_missing > 1 ? " (seeds" : " (seed");
        for (size_t seed = 0, n = 0; seed < n_seeds; seed++)
            if (!score_cells_has_seed(t, cell, seed))
                str_appendf(&text, "%s %lld", n++ > 0 ? "," : "", (long long)t->options->seeds[seed]);
        str_append(&text, ")");
    }
    return text.len > 0 ? add_note(&s->notes, &text) : OK;
}

static int note_counts(struct scores *s, const struct score_cells *t)
{
    struct str text = {0};
    int status = OK;
    if (t->n_double > 0) {
        str_appendf(&text, "double records: %zu; of equal row, data set, classes and seed the last counts",
                    t->n_double);
        status = add_note(&s->notes, &text);
    }
    if (status == OK && t->n_unfinished > 0) {
        str_appendf(&text, "left out: %zu %s of unfinished, untrained or limited runs", t->n_unfinished,
                    plural(t->n_unfinished, "record", "records"));
        status = add_note(&s->notes, &text);
    }
    if (status == OK && t->n_other > 0) {
        str_appendf(&text, "left out: %zu %s of other settings, seeds, classes or data sets, the first in %s",
                    t->n_other, plural(t->n_other, "record", "records"), t->first_other->path);
        status = add_note(&s->notes, &text);
    }
    if (status == OK && t->n_other_model > 0) {
        str_appendf(&text, "left out: %zu %s of another model", t->n_other_model,
                    plural(t->n_other_model, "record", "records"));
        status = add_note(&s->notes, &text);
    }
    return status;
}

/* Images that could not be read: then accuracies are over fewer than the published ones. */
static int note_skipped(struct scores *s, const struct score_cells *t)
{
    struct str text = {0};
    size_t n = 0;
    for (size_t i = 0; i < score_cells_n_records(t); i++)
        n += t->records[i] && t->records[i]->n_skipped > 0;
    if (n == 0)
        return OK;
    str_appendf(&text, "unreadable images are left out in %zu %s", n, plural(n, "record", "records"));
    return add_note(&s->notes, &text);
}

int scores_add_notes(struct scores *s, const struct score_cells *t)
{
    const char *paper = experiment_paper_note(s->experiment);
    int status = OK;
    for (size_t row = 0; status == OK && row < s->experiment->n_rows; row++)
        status = note_missing(s, t, row);
    if (status == OK && (status = note_counts(s, t)) == OK)
        status = note_skipped(s, t);
    return status == OK && paper ? str_list_add(&s->notes, paper) : status;
}

/* ---------------------------------------------------------------- labels */

/* "data other than the published: DTD, EuroSAT" */
static int label_data(struct scores *s, const struct score_cells *t, bool synthetic)
{
    struct str text = {0};
    for (size_t d = 0; d < t->datasets.n; d++) {
        bool found = false;
        for (size_t i = 0; i < score_cells_n_records(t); i++) {
            const struct record *r = t->records[i];
            found = found || (r && strcmp(r->dataset, t->datasets.items[d]) == 0 &&
                              (synthetic ? r->synthetic : !r->synthetic && !r->as_published));
        }
        const char *start = synthetic ? "drawn pictures: " : "data other than the published: ";
        if (found)
            str_appendf(&text, "%s%s", text.len > 0 ? ", " : start,
                        target_display_name(t->datasets.items[d]));
    }
    int status = str_status(&text);
    if (status == OK && text.len > 0)
        status = str_list_add(&s->labels, str_text(&text));
    str_free(&text);
    return status;
}

/* What makes the table none of the paper's settings. */
int scores_add_labels(struct scores *s, const struct score_cells *t)
{
    int status = OK;
    bool is_unfinished = false;
    for (size_t i = 0; i < score_cells_n_records(t); i++)
        is_unfinished = is_unfinished || (t->records[i] && !t->records[i]->finished);
    if (is_unfinished)
        status = str_list_add(&s->labels, "unfinished or limited runs");
    if (status == OK && (status = label_data(s, t, true)) == OK)
        status = label_data(s, t, false);
    for (size_t i = 0; status == OK && i < t->options->sets->n; i++)
        if (experiment_is_changed(t->options->sets->items[i]))
            status = str_list_add(&s->labels, t->options->sets->items[i]);
    return status;
}
