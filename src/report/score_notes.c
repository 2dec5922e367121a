/* Notes below a table, and labels of settings that are not the paper's. */
#include "score_notes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/report/targets.h"

/* Adds a text, which it frees; NULL: out of memory. */
static int add_text(struct str_list *list, char *text)
{
    int status = text ? str_list_add(list, text) : ERR_MEMORY;
    free(text);
    return status;
}

/* The same of a string, if there is anything in it. */
static int add_str(struct str_list *list, struct str *text)
{
    int status = str_status(text);
    if (status == OK && text->len > 0)
        status = str_list_add(list, str_text(text));
    str_free(text);
    return status;
}

/* Appends " (seeds 2, 3)", or nothing if all are missing. */
static void append_missing_seeds(struct str *out, const struct score_cells *cells, size_t cell,
                                 size_t n_missing)
{
    const size_t n_seeds = score_cells_n_seeds(cells, cell);
    if (n_missing == n_seeds)
        return;
    str_append(out, n_missing > 1 ? " (seeds" : " (seed");
    for (size_t seed = 0, n = 0; seed < n_seeds; seed++)
        if (!score_cells_has_seed(cells, cell, seed))
            str_appendf(out, "%s %" PRId64, n++ > 0 ? "," : "", cells->options->seeds[seed]);
    str_append(out, ")");
}

/* "not run: CoOp on DTD (seeds 2, 3), EuroSAT" for each row. */
static int note_missing(struct str_list *notes, const struct score_cells *cells, size_t row)
{
    struct str text = {0};
    for (size_t d = 0; d < cells->n_datasets; d++) {
        const size_t cell = row * cells->n_datasets + d;
        size_t n_missing = 0;
        for (size_t seed = 0; seed < score_cells_n_seeds(cells, cell); seed++)
            n_missing += !score_cells_has_seed(cells, cell, seed);
        if (n_missing == 0)
            continue;
        if (text.len == 0)
            str_appendf(&text, "not run: %s on ", score_cells_row(cells, cell)->name);
        else
            str_append(&text, ", ");
        str_append(&text, target_display_name(cells->datasets[d]));
        append_missing_seeds(&text, cells, cell, n_missing);
    }
    return add_str(notes, &text);
}

static int note_counts(struct str_list *notes, const struct score_cells *cells)
{
    const size_t n_duplicate = cells->n_duplicate, n_unfinished = cells->n_unfinished,
                 n_other = cells->n_other, n_other_model = cells->n_other_model;
    int status = OK;
    if (n_duplicate > 0)
        status = add_text(
            notes, str_format("duplicate records: %zu; of those of the same row, data set, classes and "
                              "seed, the latest wins",
                              n_duplicate));
    if (status == OK && n_unfinished > 0)
        status = add_text(notes, str_format("left out: %zu %s of unfinished, untrained or limited runs",
                                            n_unfinished, plural(n_unfinished, "record", "records")));
    if (status == OK && n_other > 0)
        status = add_text(
            notes, str_format("left out: %zu %s of other settings, seeds, classes or data sets, the "
                              "first in %s",
                              n_other, plural(n_other, "record", "records"), cells->first_other->path));
    if (status == OK && n_other_model > 0)
        status = add_text(notes, str_format("left out: %zu %s of another model", n_other_model,
                                            plural(n_other_model, "record", "records")));
    return status;
}

/* Without unreadable images, accuracies are over fewer than the published ones. */
static int note_skipped(struct str_list *notes, const struct score_cells *cells)
{
    size_t n = 0;
    for (size_t i = 0; i < score_cells_n_records(cells); i++)
        n += cells->records[i] && cells->records[i]->n_skipped > 0;
    if (n == 0)
        return OK;
    return add_text(
        notes, str_format("unreadable images are left out in %zu %s", n, plural(n, "record", "records")));
}

/* "Linear probe, new classes: CLIP's logits" for each row whose method knows only its own classes. */
static int note_by_clip(struct str_list *notes, const struct score_cells *cells, size_t row)
{
    bool found[3] = {false};
    for (size_t d = 0; d < cells->n_datasets; d++) {
        const size_t cell = row * cells->n_datasets + d;
        for (size_t seed = 0; seed < score_cells_n_seeds(cells, cell); seed++)
            for (int subset = 0; subset < 3; subset++) {
                const struct record *r = score_cells_record(cells, cell, seed, (enum class_subset)subset);
                found[subset] = found[subset] || (r && r->n_by_clip > 0);
            }
    }
    int status = OK;
    for (int subset = 0; status == OK && subset < 3; subset++)
        if (found[subset])
            status = add_text(
                notes, str_format("%s, %s classes: CLIP's logits, where the method was not trained on them",
                                  cells->experiment->rows[row].name, class_subset_names[subset]));
    return status;
}

int score_notes_add(struct str_list *notes, const struct score_cells *cells)
{
    const char *paper = experiment_paper_note(cells->experiment);
    int status = OK;
    for (size_t row = 0; status == OK && row < cells->experiment->n_rows; row++)
        if ((status = note_missing(notes, cells, row)) == OK)
            status = note_by_clip(notes, cells, row);
    if (status == OK && (status = note_counts(notes, cells)) == OK)
        status = note_skipped(notes, cells);
    return status == OK && paper ? str_list_add(notes, paper) : status;
}

/* ---------------------------------------------------------------- labels */

/* "data other than the published: DTD, EuroSAT" */
static int label_data(struct str_list *labels, const struct score_cells *cells, bool synthetic)
{
    const char *start = synthetic ? "drawn pictures: " : "data other than the published: ";
    struct str text = {0};
    for (size_t d = 0; d < cells->n_datasets; d++) {
        bool found = false;
        for (size_t i = 0; i < score_cells_n_records(cells); i++) {
            const struct record *r = cells->records[i];
            found = found || (r && strcmp(r->dataset, cells->datasets[d]) == 0 &&
                              (synthetic ? r->synthetic : !r->synthetic && !r->as_published));
        }
        if (found)
            str_appendf(&text, "%s%s", text.len > 0 ? ", " : start, target_display_name(cells->datasets[d]));
    }
    return add_str(labels, &text);
}

static bool is_imported(const struct score_cells *cells, size_t cell)
{
    const size_t n = score_cells_n_records(cells) / cells->n_cells;
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        const struct record *r = cells->records[cell * n + i];
        found = found || (r && r->imported);
    }
    return found;
}

/* "imported: CoOp on DTD, EuroSAT" for each row. */
static int label_imported(struct str_list *labels, const struct score_cells *cells, size_t row)
{
    struct str text = {0};
    for (size_t d = 0; d < cells->n_datasets; d++) {
        const size_t cell = row * cells->n_datasets + d;
        if (!is_imported(cells, cell))
            continue;
        if (text.len == 0)
            str_appendf(&text, "imported: %s on ", score_cells_row(cells, cell)->name);
        else
            str_append(&text, ", ");
        str_append(&text, target_display_name(cells->datasets[d]));
    }
    return add_str(labels, &text);
}

int score_labels_add(struct str_list *labels, const struct score_cells *cells)
{
    const struct str_list *sets = cells->options->sets;
    int status = OK;
    bool is_unfinished = false;
    for (size_t i = 0; i < score_cells_n_records(cells); i++)
        is_unfinished = is_unfinished || (cells->records[i] && !cells->records[i]->finished);
    if (is_unfinished)
        status = str_list_add(labels, "unfinished or limited runs");
    for (size_t row = 0; status == OK && row < cells->experiment->n_rows; row++)
        status = label_imported(labels, cells, row);
    if (status == OK && (status = label_data(labels, cells, true)) == OK)
        status = label_data(labels, cells, false);
    for (size_t i = 0; status == OK && i < sets->n; i++)
        if (experiment_is_changed(sets->items[i]))
            status = str_list_add(labels, sets->items[i]);
    return status;
}
