/* The first screen of the page. */
#include <inttypes.h>
#include <math.h>

#include "chart.h"
#include "html.h"
#include "prompt/report/targets.h"
#include "sections.h"

void section_group(struct str *out, const struct page *p, size_t group)
{
    str_appendf(out, "<i class=\"swatch c%zu\"></i>", group % CHART_COLOURS);
    html_text(out, p->groups[group].name);
}

void section_summary(struct str *out, const struct page *p, size_t group, size_t list, bool is_open)
{
    struct str title = {0};
    list_title(&title, &p->lists[list]);
    str_appendf(out, "<details%s><summary>", is_open ? " open" : "");
    section_group(out, p, group);
    str_append(out, ": ");
    html_text(out, str_text(&title));
    str_append(out, "</summary>\n");
    out->failed = out->failed || title.failed;
    str_free(&title);
}

/* ---------------------------------------------------------------- what the data are */

static void write_statement(struct str *out, const struct page *p)
{
    const struct list *list = &p->lists[0];
    const char *name = target_display_name(list->dataset);
    const char *what = list->is_synthetic   ? "Drawn pictures."
                       : list->is_published ? "Published data."
                                            : "Own data.";
    str_append(out, "<p class=\"statement\">");
    html_element(out, "strong", what);
    str_append(out, " ");
    if (list->is_synthetic) {
        str_append(out, "A program drew the pictures in the layout of ");
        html_text(out, name);
        str_append(out,
                   ". The numbers compare methods on this task; they are no results on real photographs.");
    } else if (list->is_published) {
        str_append(out, "Counts and class names are those of the published split of ");
        html_text(out, name);
        str_append(out, ".");
    } else {
        str_append(out, "Counts or class names are not those of a published split of ");
        html_text(out, name);
        str_append(out, ", so the numbers are not comparable with published ones.");
    }
    str_append(out, "</p>\n");
}

static void write_notes(struct str *out, const struct page *p)
{
    const struct thumbs *t = &p->thumbs;
    if (p->notes.n == 0 && t->n_left_out == 0 && t->n_unreadable == 0)
        return;
    str_append(out, "<ul class=\"notes\">\n");
    for (size_t i = 0; i < p->notes.n; i++) {
        html_element(out, "li", p->notes.items[i]);
        str_append(out, "\n");
    }
    if (t->n_left_out > 0)
        str_appendf(
            out,
            "<li>%zu of %zu pictures are left out, since the page has at most %.4g MiB (--max-mib).</li>\n",
            t->n_left_out, t->n, (double)p->options->max_bytes / 1048576.0);
    if (t->n_unreadable > 0)
        str_appendf(out, "<li>%zu %s could not be read.</li>\n", t->n_unreadable,
                    plural(t->n_unreadable, "picture", "pictures"));
    str_append(out, "</ul>\n");
}

/* ---------------------------------------------------------------- the table */

static void write_mean(struct str *out, double mean, double sd)
{
    str_append(out, "<td class=\"num\"");
    if (!isnan(mean))
        str_appendf(out, " data-v=\"%.6f\"", mean);
    str_append(out, "><b>");
    html_percent(out, mean);
    str_append(out, "</b>");
    if (!isnan(sd))
        str_appendf(out, " <small>± %.2f</small>", sd);
    str_append(out, "</td>");
}

static void write_paper(struct str *out, double paper)
{
    str_append(out, "<td class=\"num paper\">");
    html_percent(out, paper);
    str_append(out, "</td>");
}

static bool has_paper(const struct page *p)
{
    bool any = false;
    for (size_t i = 0; i < p->n_groups; i++)
        any = any || p->groups[i].has_paper;
    return any;
}

static void write_column_heads(struct str *out, const struct page *p, bool has_hm)
{
    const char *paper = has_paper(p) ? "<th scope=\"col\" class=\"num paper\">published</th>" : "";
    str_append(out, "<thead><tr><th scope=\"col\">method</th>");
    for (size_t i = 0; i < p->n_lists; i++) {
        struct str title = {0};
        list_column(&title, p, i);
        html_element(out, "th scope=\"col\" class=\"num\"", str_text(&title));
        str_append(out, paper);
        str_free(&title);
    }
    if (has_hm)
        str_appendf(
            out,
            "<th scope=\"col\" class=\"num\"><abbr title=\"harmonic mean of base and new\">HM</abbr></th>%s",
            paper);
    str_append(out, "<th scope=\"col\" class=\"num\">seeds</th></tr></thead>\n");
}

static void write_row(struct str *out, const struct page *p, size_t group, bool has_hm)
{
    const struct group *g = &p->groups[group];
    double sd = NAN;
    str_append(out, "<tr><th scope=\"row\" class=\"method\">");
    section_group(out, p, group);
    str_append(out, "</th>");
    for (size_t i = 0; i < p->n_lists; i++) {
        const double mean = group_accuracy(&sd, p, g, i, -1);
        write_mean(out, mean, sd);
        if (has_paper(p))
            write_paper(out, g->paper[i]);
    }
    if (has_hm) {
        const double mean = group_hm(&sd, p, g, -1);
        write_mean(out, mean, sd);
        if (has_paper(p))
            write_paper(out, g->paper_hm);
    }
    str_appendf(out, "<td class=\"num\">%zu</td></tr>\n", g->n);
}

static void write_settings_note(struct str *out, const struct page *p)
{
    str_append(
        out,
        "Percent of the test images that are right after the last iteration; with several seeds the mean ± "
        "sample standard deviation (n − 1), and the HM of the means.");
    if (!has_paper(p))
        return;
    str_append(out, " Published: Qiu et al., ICMR 2024, real photographs and CLIP ViT-B/16.");
    const char *separator = " Published with other settings: ";
    for (size_t i = 0; i < p->n_groups; i++) {
        if (!p->groups[i].has_paper || p->groups[i].setting.len == 0)
            continue;
        str_append(out, separator);
        html_text(out, p->groups[i].name);
        str_append(out, " (");
        html_text(out, str_text(&p->groups[i].setting));
        str_append(out, ")");
        separator = ", ";
    }
    str_append(out, separator[0] == ',' ? "." : "");
}

static void write_table(struct str *out, const struct page *p)
{
    size_t base = 0, new_ = 0;
    const bool has_hm = page_halves(&base, &new_, p);
    str_append(out, "<div class=\"scroll\"><table id=\"results\">\n<caption>");
    write_settings_note(out, p);
    str_append(out, "</caption>\n");
    write_column_heads(out, p, has_hm);
    str_append(out, "<tbody>\n");
    for (size_t i = 0; i < p->n_groups; i++)
        write_row(out, p, i, has_hm);
    str_append(out, "</tbody></table></div>\n");
}

/* ---------------------------------------------------------------- cards of a single group */

static void write_card(struct str *out, const char *name, double mean, double sd, double paper)
{
    str_append(out, "<div class=\"card\">");
    html_element(out, "dt", name);
    str_append(out, "<dd><b>");
    html_percent(out, mean);
    str_append(out, "</b>");
    if (!isnan(sd))
        str_appendf(out, " <small>± %.2f</small>", sd);
    if (!isnan(paper))
        str_appendf(out, "<span>published %.2f</span>", paper);
    str_append(out, "</dd></div>\n");
}

static void write_cards(struct str *out, const struct page *p)
{
    const struct group *g = &p->groups[0];
    size_t base = 0, new_ = 0;
    double sd = NAN;
    str_append(out, "<dl class=\"cards\">\n");
    for (size_t i = 0; i < p->n_lists; i++) {
        struct str title = {0};
        list_column(&title, p, i);
        const double mean = group_accuracy(&sd, p, g, i, -1);
        write_card(out, str_text(&title), mean, sd, g->paper[i]);
        str_free(&title);
    }
    if (page_halves(&base, &new_, p)) {
        const double mean = group_hm(&sd, p, g, -1);
        write_card(out, "harmonic mean", mean, sd, g->paper_hm);
    }
    str_append(out, "</dl>\n<p>");
    write_settings_note(out, p);
    str_append(out, "</p>\n");
}

enum { N_NAMED = 3 };

static void write_names(struct str *out, const struct page *p)
{
    str_append(out, "<p class=\"runs\">");
    if (p->n_runs > N_NAMED)
        str_appendf(out, "%zu runs; <a href=\"#accuracy\">every run</a> is listed below.", p->n_runs);
    else
        str_append(out, p->n_runs > 1 ? "Runs: " : "Run: ");
    for (size_t i = 0; i < p->n_runs && p->n_runs <= N_NAMED; i++) {
        str_append(out, i > 0 ? ", " : "");
        html_element(out, "code", p->runs[i].dir);
    }
    str_append(out, "</p>\n");
}

int section_head(struct str *out, const struct page *p)
{
    str_append(out, "<header>\n<h1>");
    for (size_t i = 0; i < p->n_groups; i++) {
        str_append(out, i > 0 ? ", " : "");
        html_text(out, p->groups[i].name);
    }
    str_append(out, " on ");
    html_text(out, target_display_name(p->lists[0].dataset));
    str_append(out, "</h1>\n");
    write_statement(out, p);
    if (p->n_groups == 1)
        write_cards(out, p);
    else
        write_table(out, p);
    write_names(out, p);
    write_notes(out, p);
    str_append(out, "</header>\n");
    return str_status(out);
}
