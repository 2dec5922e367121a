/* From sorted records to the lines of a table. */
#include "prompt/run/scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/run/metrics.h"
#include "prompt/run/targets.h"
#include "scores_internal.h"

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

/* HM; none where a half is. */
static double mean_of_halves(double base, double new_)
{
    return isnan(base) || isnan(new_) ? NONE : harmonic_mean(base, new_);
}

/* As numbers are that were printed with so many decimals. */
static double round_to(double value, int decimals)
{
    const double unit = pow(10.0, decimals);
    return round(value * unit) / unit;
}

/* ---------------------------------------------------------------- a row on a data set */

static bool has_seed(const struct sorting *t, size_t cell, size_t seed)
{
    if (!t->experiment->has_halves)
        return sorting_record(t, cell, seed, CLASS_SUBSET_ALL);
    return sorting_record(t, cell, seed, CLASS_SUBSET_BASE) &&
           sorting_record(t, cell, seed, CLASS_SUBSET_NEW);
}

/* Mean and sample standard deviation over the seeds that are there. */
static struct score mean_over_seeds(const struct sorting *t, size_t cell, enum class_subset subset)
{
    struct score out = {.mean = NONE, .sd = NONE, .paper = NONE};
    double sum = 0.0, squares = 0.0;
    size_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t seed = 0; seed < sorting_n_seeds(t, cell); seed++) {
            if (!has_seed(t, cell, seed))
                continue;
            double value = 100.0 * sorting_record(t, cell, seed, subset)->accuracy;
            value = t->options->paper_rounding ? round_to(value, 1) : value;
            sum += pass == 0 ? value : 0.0;
            n += pass == 0;
            squares += pass == 1 ? (value - out.mean) * (value - out.mean) : 0.0;
        }
        if (n > 0 && pass == 0)
            out.mean = sum / (double)n;
    }
    if (n > 1)
        out.sd = sqrt(squares / (double)(n - 1));
    if (t->options->paper_rounding)
        out.mean = round_to(out.mean, 2);
    return out;
}

static void fill_cell(struct score_line *line, const struct sorting *t, size_t cell)
{
    const struct experiment *x = t->experiment;
    line->n_expected = sorting_n_seeds(t, cell);
    for (size_t seed = 0; seed < line->n_expected; seed++)
        line->n += has_seed(t, cell, seed);
    if (x->has_halves) {
        line->scores[BASE] = mean_over_seeds(t, cell, CLASS_SUBSET_BASE);
        line->scores[NEW] = mean_over_seeds(t, cell, CLASS_SUBSET_NEW);
        line->scores[HM] = (struct score){
            .mean = mean_of_halves(line->scores[BASE].mean, line->scores[NEW].mean), .sd = NONE};
    } else {
        line->scores[ALL] = mean_over_seeds(t, cell, CLASS_SUBSET_ALL);
    }
    for (size_t m = 0; m < (x->has_halves ? 3 : 1); m++)
        line->scores[m].paper =
            experiment_paper(x, line->row, t->datasets.items[cell % t->datasets.n], paper_key(x, m));
}

/* ---------------------------------------------------------------- averages over data sets */

/* What is averaged, and how HM is. */
struct average {
    const char *label;
    bool without_eurosat;
    bool mean_of_hms; /* else HM of the averages */
};

static const struct average halves_averages[] = {
    {"average (HM of the averages)", false, false},
    {"average (mean of the HMs)", false, true},
    {"average without EuroSAT (HM of the averages)", true, false},
    {"average without EuroSAT (mean of the HMs)", true, true},
};
static const struct average all_averages[] = {
    {"average", false, false},
    {"average without EuroSAT", true, false},
};

static bool is_averaged(const struct experiment *x, const struct average *a, const char *dataset)
{
    return strcmp(dataset, x->source) != 0 && !(a->without_eurosat && strcmp(dataset, EUROSAT) == 0);
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
            if (!cell->is_average && cell->row == line->row && cell->n == cell->n_expected &&
                is_averaged(x, a, cell->dataset_name))
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
        if (cell->is_average || cell->row != line->row || cell->n < cell->n_expected ||
            !is_averaged(x, a, cell->dataset_name))
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

static int make_lines(struct scores *s, const struct sorting *t)
{
    const struct experiment *x = s->experiment;
    const struct average *averages = x->has_halves ? halves_averages : all_averages;
    const size_t n_kinds = x->has_halves ? 4 : 2;
    const bool has_eurosat = str_list_has(&x->datasets, EUROSAT);
    s->lines = calloc(t->n_cells + n_kinds * x->n_rows + 1, sizeof *s->lines);
    if (!s->lines)
        return error_out_of_memory();
    for (size_t d = 0; d < t->datasets.n; d++)
        for (size_t r = 0; r < x->n_rows; r++) {
            const struct experiment_row *row = &x->rows[r];
            struct score_line *line = &s->lines[s->n_lines++];
            /* the experiment's own text outlives the sorting */
            size_t i = 0;
            while (strcmp(x->datasets.items[i], t->datasets.items[d]) != 0)
                i++;
            *line = (struct score_line){.dataset_name = x->datasets.items[i],
                                        .dataset = target_display_name(x->datasets.items[i]),
                                        .row = row};
            fill_cell(line, t, r * t->datasets.n + d);
        }
    for (size_t a = 0; a < n_kinds; a++)
        for (size_t r = 0; r < x->n_rows && (has_eurosat || !averages[a].without_eurosat); r++) {
            struct score_line line = {.dataset = averages[a].label, .dataset_name = "", .row = &x->rows[r]};
            fill_average(&line, s, &averages[a]);
            s->lines[s->n_lines++] = line;
        }
    return OK;
}

/* ---------------------------------------------------------------- notes */

static int add_note(struct str_list *notes, struct str *text)
{
    int status = str_status(text);
    if (status == OK)
        status = str_list_add(notes, str_text(text));
    str_free(text);
    return status;
}

/* "not run: CoOp on DTD (seeds 2, 3), on EuroSAT" for each row. */
static int note_missing(struct scores *s, const struct sorting *t, size_t row)
{
    struct str text = {0};
    for (size_t d = 0; d < t->datasets.n; d++) {
        const size_t cell = row * t->datasets.n + d, n_seeds = sorting_n_seeds(t, cell);
        size_t n_missing = 0;
        for (size_t seed = 0; seed < n_seeds; seed++)
            n_missing += !has_seed(t, cell, seed);
        if (n_missing == 0)
            continue;
        str_appendf(&text, text.len > 0 ? ", %s" : "not run: %s on ",
                    text.len > 0 ? "" : s->experiment->rows[row].name);
        str_append(&text, target_display_name(t->datasets.items[d]));
        if (n_missing == n_seeds)
            continue;
        str_append(&text, n_missing > 1 ? " (seeds" : " (seed");
        for (size_t seed = 0, n = 0; seed < n_seeds; seed++)
            if (!has_seed(t, cell, seed))
                str_appendf(&text, "%s %lld", n++ > 0 ? "," : "", (long long)t->options->seeds[seed]);
        str_append(&text, ")");
    }
    return text.len > 0 ? add_note(&s->notes, &text) : OK;
}

static int note_counts(struct scores *s, const struct sorting *t)
{
    struct str text = {0};
    int status = OK;
    if (t->n_double > 0) {
        str_appendf(&text, "double records: %zu; of equal row, data set, classes and seed the last counts",
                    t->n_double);
        status = add_note(&s->notes, &text);
    }
    if (status == OK && t->n_unfinished > 0) {
        str_appendf(&text, "left out: %zu records of unfinished, untrained or limited runs", t->n_unfinished);
        status = add_note(&s->notes, &text);
    }
    if (status == OK && t->n_other > 0) {
        str_appendf(&text,
                    "left out: %zu records of other settings, seeds, classes or data sets, the first in %s",
                    t->n_other, t->first_other->path);
        status = add_note(&s->notes, &text);
    }
    return status;
}

/* Whether KEY=VALUE is more than a place, a machine's setting or another seed. */
static bool changes_experiment(const char *assignment)
{
    const size_t n = strcspn(assignment, "=");
    for (const char *const *key = experiment_free_keys; *key; key++)
        if (strncmp(*key, assignment, n) == 0 && (*key)[n] == '\0')
            return false;
    char *name = str_dup_n(assignment, n);
    const size_t i = name ? config_find(name) : config_n_keys();
    free(name);
    return i < config_n_keys() && config_key(i)->is_hashed;
}

/* What makes the table none of the paper's settings. */
static int add_labels(struct scores *s, const struct sorting *t)
{
    int status = OK;
    bool is_unfinished = false;
    for (size_t i = 0; i < t->n_cells * t->options->n_seeds * 3; i++)
        is_unfinished = is_unfinished || (t->records[i] && !t->records[i]->finished);
    if (is_unfinished)
        status = str_list_add(&s->labels, "unfinished or limited runs");
    for (size_t i = 0; status == OK && i < t->options->sets->n; i++)
        if (changes_experiment(t->options->sets->items[i]))
            status = str_list_add(&s->labels, t->options->sets->items[i]);
    return status;
}

int scores_make(struct scores *out, const struct experiment *x, const struct record_list *records,
                const struct score_options *options)
{
    *out = (struct scores){.experiment = x, .measures = x->has_halves ? halves_names : all_names};
    struct sorting t = {0};
    int status = sorting_open(&t, x, records, options);
    if (status == OK)
        status = sorting_check_weights(&t);
    if (status == OK)
        status = make_lines(out, &t);
    for (size_t row = 0; status == OK && row < x->n_rows; row++)
        status = note_missing(out, &t, row);
    if (status == OK)
        status = note_counts(out, &t);
    if (status == OK)
        status = add_labels(out, &t);
    sorting_close(&t);
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
