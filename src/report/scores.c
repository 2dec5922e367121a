/* From the cells of a table to its lines. */
#include "prompt/report/scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/report/metrics.h"
#include "prompt/report/targets.h"
#include "score_notes.h"

static const char *const halves_names[] = {"base", "new", "HM", NULL};
static const char *const all_names[] = {"accuracy", NULL};
static const char EUROSAT[] = "eurosat"; /* half of the published gain; averages without it are shown, too */

enum { BASE, NEW, HM, ALL = 0 };

/* The key of a measure in paper.json. */
static const char *paper_key(const struct experiment *x, size_t measure)
{
    static const char *const halves[] = {"base", "new", "hm"};
    return x->has_halves ? halves[measure] : "all";
}

static const double NONE = NAN;

/* HM; NaN if a half is. */
static double mean_of_halves(double base, double new_)
{
    return isnan(base) || isnan(new_) ? NONE : harmonic_mean(base, new_);
}

/* The number that is printed with so many decimals. */
static double round_to(double value, int decimals)
{
    const double unit = pow(10.0, decimals);
    return round(value * unit) / unit;
}

/* ---------------------------------------------------------------- a row on a data set */

static const struct score NO_SCORE = {.mean = NAN, .sd = NAN, .paper = NAN};

/* The accuracy that a seed adds to a cell, in percent. */
static double value_of(const struct score_cells *cells, size_t cell, size_t seed, enum class_subset subset,
                       bool rounds)
{
    const int64_t iteration = score_cells_row(cells, cell)->iteration;
    const struct record *r = score_cells_record(cells, cell, seed, subset);
    const double value = 100.0 * r->accuracies[iteration < 0 ? (int64_t)r->n_accuracies - 1 : iteration];
    return rounds ? round_to(value, 1) : value;
}

/* Mean and sample standard deviation over the seeds. */
static struct score mean_over_seeds(const struct score_cells *cells, size_t cell, enum class_subset subset)
{
    const bool rounds = cells->options->paper_rounding && score_cells_row(cells, cell)->has_paper_rounding;
    const size_t n = score_cells_n_seeds(cells, cell);
    struct score out = NO_SCORE;
    double sum = 0.0, squares = 0.0;
    for (size_t seed = 0; seed < n; seed++)
        sum += value_of(cells, cell, seed, subset, rounds);
    out.mean = sum / (double)n;
    for (size_t seed = 0; seed < n; seed++) {
        const double deviation = value_of(cells, cell, seed, subset, rounds) - out.mean;
        squares += deviation * deviation;
    }
    if (n > 1)
        out.sd = sqrt(squares / (double)(n - 1));
    if (rounds)
        out.mean = round_to(out.mean, 2);
    return out;
}

/* A cell that lacks a seed has no number: its mean would be of other seeds than its neighbours'. */
static void fill_cell(struct score_line *line, const struct score_cells *cells, size_t cell)
{
    const struct experiment *x = cells->experiment;
    line->n_expected = score_cells_n_seeds(cells, cell);
    for (size_t seed = 0; seed < line->n_expected; seed++)
        line->n += score_cells_has_seed(cells, cell, seed);
    if (line->n < line->n_expected) {
        for (size_t m = 0; m < SCORES_MAX_MEASURES; m++)
            line->scores[m] = NO_SCORE;
    } else if (x->has_halves) {
        line->scores[BASE] = mean_over_seeds(cells, cell, CLASS_SUBSET_BASE);
        line->scores[NEW] = mean_over_seeds(cells, cell, CLASS_SUBSET_NEW);
        line->scores[HM] = (struct score){
            .mean = mean_of_halves(line->scores[BASE].mean, line->scores[NEW].mean), .sd = NONE};
    } else {
        line->scores[ALL] = mean_over_seeds(cells, cell, CLASS_SUBSET_ALL);
    }
    for (size_t m = 0; m < (x->has_halves ? 3 : 1); m++)
        line->scores[m].paper = experiment_paper(x, line->row, line->dataset_name, paper_key(x, m));
}

/* ---------------------------------------------------------------- averages over data sets */

/* One way of averaging. */
struct average {
    const char *label;
    bool without_eurosat;
    bool mean_of_hms; /* else HM of the averages */
    bool common;      /* over the data sets that every row has; only if the rows differ */
};

static const struct average halves_averages[] = {
    {"average (HM of the averages)", false, false, false},
    {"average (mean of the HMs)", false, true, false},
    {"average without EuroSAT (HM of the averages)", true, false, false},
    {"average without EuroSAT (mean of the HMs)", true, true, false},
    {"average over the data sets of all rows (HM of the averages)", false, false, true},
};
static const struct average all_averages[] = {
    {"average", false, false, false},
    {"average without EuroSAT", true, false, false},
    {"average over the data sets of all rows", false, false, true},
};

static bool is_averaged(const struct experiment *x, const struct average *a, const char *dataset)
{
    return strcmp(dataset, x->source) != 0 && !(a->without_eurosat && strcmp(dataset, EUROSAT) == 0);
}

bool score_line_is_whole(const struct score_line *line)
{
    return !line->is_average && line->n == line->n_expected;
}

/* Whether every row that ran at all has this data set. */
static bool is_common(const struct scores *s, const char *dataset)
{
    for (size_t r = 0; r < s->experiment->n_rows; r++) {
        bool ran = false, has = false;
        for (size_t i = 0; i < s->n_lines; i++) {
            const struct score_line *line = &s->lines[i];
            if (line->row != &s->experiment->rows[r] || !score_line_is_whole(line))
                continue;
            ran = true;
            has = has || strcmp(line->dataset_name, dataset) == 0;
        }
        if (ran && !has)
            return false;
    }
    return true;
}

static bool rows_differ(const struct scores *s)
{
    for (size_t i = 0; i < s->n_lines; i++)
        if (score_line_is_whole(&s->lines[i]) && !is_common(s, s->lines[i].dataset_name))
            return true;
    return false;
}

/* Whether a cell enters an average of its row. */
static bool enters(const struct scores *s, const struct average *a, const struct score_line *cell)
{
    return score_line_is_whole(cell) && is_averaged(s->experiment, a, cell->dataset_name) &&
           (!a->common || is_common(s, cell->dataset_name));
}

/* The paper's average over the data sets of ours: the published one if these are all, else from its cells;
 * NaN where a cell is not published. */
static void average_paper(struct score_line *line, const struct scores *s, const struct average *a,
                          size_t n_measures)
{
    const struct experiment *x = s->experiment;
    const bool is_published = line->n == line->n_expected && !a->without_eurosat && !a->mean_of_hms;
    for (size_t m = 0; m < n_measures; m++) {
        double sum = 0.0;
        for (size_t i = 0; i < s->n_lines; i++) {
            const struct score_line *cell = &s->lines[i];
            if (cell->row == line->row && enters(s, a, cell))
                sum += cell->scores[m].paper;
        }
        line->scores[m].paper = line->n > 0 ? sum / (double)line->n : NONE;
        const double published = experiment_paper(x, line->row, "average", paper_key(x, m));
        if (is_published && !isnan(published))
            line->scores[m].paper = published;
        else if (m == HM && !a->mean_of_hms)
            line->scores[m].paper = mean_of_halves(line->scores[BASE].paper, line->scores[NEW].paper);
    }
}

static void fill_average(struct score_line *line, const struct scores *s, const struct average *a)
{
    const struct experiment *x = s->experiment;
    const size_t n_measures = x->has_halves ? 3 : 1;
    double sums[SCORES_MAX_MEASURES] = {0};
    line->is_average = true;
    for (size_t d = 0; d < x->datasets.n; d++)
        line->n_expected += is_averaged(x, a, x->datasets.items[d]);
    for (size_t i = 0; i < s->n_lines; i++) {
        const struct score_line *cell = &s->lines[i];
        if (cell->row != line->row || !enters(s, a, cell))
            continue;
        line->n++;
        for (size_t m = 0; m < n_measures; m++)
            sums[m] += cell->scores[m].mean;
    }
    for (size_t m = 0; m < n_measures; m++)
        line->scores[m] = (struct score){.mean = line->n ? sums[m] / (double)line->n : NONE, .sd = NONE};
    if (x->has_halves && !a->mean_of_hms)
        line->scores[HM].mean = mean_of_halves(line->scores[BASE].mean, line->scores[NEW].mean);
    average_paper(line, s, a, n_measures);
}

static int make_lines(struct scores *s, const struct score_cells *cells)
{
    const struct experiment *x = s->experiment;
    const struct average *averages = x->has_halves ? halves_averages : all_averages;
    const size_t n_kinds = x->has_halves ? sizeof halves_averages / sizeof halves_averages[0]
                                         : sizeof all_averages / sizeof all_averages[0];
    const bool has_eurosat = str_list_has(&x->datasets, EUROSAT);
    s->lines = calloc(cells->n_cells + n_kinds * x->n_rows + 1, sizeof *s->lines);
    if (!s->lines)
        return error_out_of_memory();
    for (size_t d = 0; d < cells->n_datasets; d++)
        for (size_t r = 0; r < x->n_rows; r++) {
            struct score_line *line = &s->lines[s->n_lines++];
            *line = (struct score_line){.dataset_name = cells->datasets[d],
                                        .dataset = target_display_name(cells->datasets[d]),
                                        .row = &x->rows[r]};
            fill_cell(line, cells, r * cells->n_datasets + d);
        }
    const bool differ = rows_differ(s);
    for (size_t a = 0; a < n_kinds; a++) {
        if ((averages[a].without_eurosat && !has_eurosat) || (averages[a].common && !differ))
            continue;
        for (size_t r = 0; r < x->n_rows; r++) {
            struct score_line line = {.dataset = averages[a].label, .dataset_name = "", .row = &x->rows[r]};
            fill_average(&line, s, &averages[a]);
            s->lines[s->n_lines++] = line;
        }
    }
    return OK;
}

/* ---------------------------------------------------------------- all */

int scores_make(struct scores *out, const struct experiment *x, const struct record_list *records,
                const struct score_options *options)
{
    *out = (struct scores){.experiment = x, .measures = x->has_halves ? halves_names : all_names};
    struct score_cells cells = {0};
    int status = OK;
    if ((status = score_cells_open(&cells, x, records, options)) == OK &&
        (status = make_lines(out, &cells)) == OK && (status = score_notes_add(&out->notes, &cells)) == OK)
        status = score_labels_add(&out->labels, &cells);
    score_cells_close(&cells);
    if (status != OK)
        scores_free(out);
    return status;
}

void scores_free(struct scores *s)
{
    free(s->lines);
    str_list_free(&s->notes);
    str_list_free(&s->labels);
    *s = (struct scores){0};
}
