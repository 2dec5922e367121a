/* Losses and accuracies over the steps of the trainings. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "chart.h"
#include "html.h"
#include "sections.h"

/* The weighted sum and, of ProMPT, the loss of each iteration. */
static int write_losses(struct str *out, const struct page *p, size_t group, size_t run)
{
    const struct training_log *log = &p->runs[run].log;
    const size_t n_parts = log->n_losses > 1 ? log->n_losses : 0;
    struct chart_series *series = calloc(n_parts + 1, sizeof *series);
    char(*names)[32] = calloc(n_parts + 1, sizeof *names);
    struct str title = {0};
    int status = series && names ? OK : error_out_of_memory();
    for (size_t k = 0; status == OK && k <= n_parts; k++) {
        snprintf(names[k], sizeof names[k], k == 0 ? "weighted sum" : "n = %zu", k);
        series[k] = (struct chart_series){.name = names[k],
                                          .x = log->steps,
                                          .y = k == 0 ? log->loss : log->losses + (k - 1) * log->n,
                                          .n = log->n};
    }
    str_appendf(&title, "Loss over steps: %s, seed %" PRId64, p->groups[group].name,
                p->runs[run].config->seed);
    if (status == OK)
        chart_write(out, &(struct chart){.title = str_text(&title),
                                         .x_label = "step",
                                         .y_label = "loss",
                                         .series = series,
                                         .n_series = n_parts + 1,
                                         .has_whole_x = true});
    str_free(&title);
    free(names);
    free(series);
    return status;
}

/* Nothing for the log of an older program. */
static int write_accuracies(struct str *out, const struct page *p, size_t group, size_t run)
{
    const struct training_log *log = &p->runs[run].log;
    const struct chart_series series = {
        .name = p->groups[group].name, .x = log->steps, .y = log->accuracies, .n = log->n};
    struct str title = {0};
    if (!isfinite(log->accuracies[0]))
        return OK;
    str_appendf(&title, "Training accuracy over steps: %s, seed %" PRId64, p->groups[group].name,
                p->runs[run].config->seed);
    int status = str_status(&title);
    if (status == OK)
        chart_write(out, &(struct chart){.title = str_text(&title),
                                         .x_label = "step",
                                         .y_label = "accuracy, %",
                                         .series = &series,
                                         .n_series = 1,
                                         .has_whole_x = true});
    str_free(&title);
    return status;
}

static int write_run(struct str *out, const struct page *p, size_t group, size_t run)
{
    int status = write_losses(out, p, group, run);
    return status == OK ? write_accuracies(out, p, group, run) : status;
}

/* The first seed of each group is shown, the others are folded. */
static int write_charts(struct str *out, const struct page *p, bool is_first)
{
    int status = OK;
    str_append(out, "<div class=\"charts\">\n");
    for (size_t i = 0; status == OK && i < p->n_groups; i++)
        for (size_t k = is_first ? 0 : 1; status == OK && k < (is_first ? 1 : p->groups[i].n); k++)
            if (p->runs[p->groups[i].runs[k]].log.n > 0)
                status = write_run(out, p, i, p->groups[i].runs[k]);
    str_append(out, "</div>\n");
    return status;
}

int section_training(struct str *out, const struct page *p)
{
    bool has_log = false, has_more = false;
    for (size_t i = 0; i < p->n_groups; i++) {
        has_log = has_log || group_first(p, &p->groups[i])->log.n > 0;
        has_more = has_more || p->groups[i].n > 1;
    }
    if (!has_log)
        return OK;
    str_append(
        out,
        "<section id=\"training\"><h2>Training</h2>\n<p>Loss and accuracy of each step on its own images, "
        "before its update, or the mean of neighbouring steps of a long training.</p>\n");
    int status = write_charts(out, p, true);
    if (status == OK && has_more) {
        str_append(out, "<details><summary>Other seeds</summary>\n");
        status = write_charts(out, p, false);
        str_append(out, "</details>\n");
    }
    str_append(out, "</section>\n");
    return status == OK ? str_status(out) : status;
}
