/* The report on runs. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "prompt/base/array.h"
#include "prompt/base/dir.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/report/folder.h"
#include "prompt/report/targets.h"
#include "sections.h"

int page_note(struct page *p, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    log_warning(p->options->log, "%s", text);
    return str_list_add(&p->notes, text);
}

/* ---------------------------------------------------------------- runs */

/* Lists on which the run shows CLIP's logits, because its method knows only the classes of its training. */
static int note_by_clip(struct page *p, const struct run *r)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < r->n_lists; i++) {
        const struct record *record = r->lists[i].record;
        if (record->n_by_clip > 0)
            status = page_note(
                p, "'%s' on %s, %s classes: CLIP's logits, where the method was not trained on them", r->dir,
                record->dataset, class_subset_names[record->subset]);
    }
    return status;
}

static int note_imported(struct page *p, const char *dir, const struct imported_files *files)
{
    struct str names = {0};
    for (size_t i = 0; i < files->n; i++)
        str_appendf(&names, "%s'%s' (SHA-256 %.16s...)", i > 0 ? ", " : "", files->items[i].name,
                    files->items[i].sha256);
    int status = str_status(&names);
    if (status == OK)
        status = page_note(p, "'%s' was not trained by this program: it was imported from %s", dir,
                           str_text(&names));
    str_free(&names);
    return status;
}

static int add_run(struct page *p, const char *dir)
{
    int status = array_grow(&p->runs, p->n_runs, sizeof *p->runs);
    if (status != OK)
        return status;
    struct run *r = &p->runs[p->n_runs];
    p->runs[p->n_runs++] = (struct run){0};
    status = run_open(r, dir);
    if (status == OK && r->is_trained && r->progress.step < r->progress.n_steps)
        status = page_note(p, "'%s' is unfinished: %" PRId64 " of %" PRId64 " steps", dir, r->progress.step,
                           r->progress.n_steps);
    if (status == OK && r->provenance.imported.n > 0)
        status = note_imported(p, dir, &r->provenance.imported);
    return status == OK ? note_by_clip(p, r) : status;
}

static bool holds(const char *dir, const char *name)
{
    char *path = path_join(dir, name);
    const bool is_there = path && file_exists(path);
    free(path);
    return is_there;
}

static bool is_run(const char *dir)
{
    return holds(dir, RUN_RESULTS_FILE) || holds(dir, RUN_CONFIG_FILE) || holds(dir, RUN_CHECKPOINT_FILE);
}

/* A run, or the runs below a folder in the order of their paths. */
static int add_runs(struct page *p, const char *dir)
{
    if (is_run(dir))
        return add_run(p, dir);
    struct str_list names = {0};
    int status = dir_list_folders(&names, dir);
    for (size_t i = 0; status == OK && i < names.n; i++) {
        char *below = path_join(dir, names.items[i]);
        status = below ? add_runs(p, below) : ERR_MEMORY;
        free(below);
    }
    str_list_free(&names);
    return status;
}

static int open_runs(struct page *p, const char *const *paths, size_t n)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < n; i++) {
        const size_t before = p->n_runs;
        if (!file_is_dir(paths[i]))
            status = error_set(ERR_IO, "no run folder: '%s'", paths[i]);
        else
            status = add_runs(p, paths[i]);
        if (status == OK && p->n_runs == before)
            status = error_set(ERR_IO, "no run below '%s'", paths[i]);
    }
    return status;
}

/* ---------------------------------------------------------------- writing */

static void write_start(struct str *out, const struct page *p)
{
    str_append(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta name=\"generator\" content=\"prompt report\">\n<title>");
    for (size_t i = 0; i < p->n_groups; i++) {
        str_append(out, i > 0 ? ", " : "");
        html_text(out, p->groups[i].name);
    }
    str_append(out, " on ");
    html_text(out, target_display_name(p->lists[0].dataset));
    str_append(out, "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n");
    str_append(out, (const char *)page_style);
    str_append(out, "</style>\n</head>\n<body>\n");
}

/* Links to the sections that the page has. */
static void write_contents(struct str *out, const struct str *sections)
{
    static const char *const parts[][2] = {{"accuracy", "Iterations"},  {"differences", "Differences"},
                                           {"training", "Training"},    {"classes", "Classes"},
                                           {"confusion", "Confusions"}, {"pictures", "Pictures"},
                                           {"samples", "Samples"},      {"settings", "Settings"}};
    str_append(out, "<nav aria-label=\"Contents\">");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char id[64];
        snprintf(id, sizeof id, "<section id=\"%s\">", parts[i][0]);
        if (strstr(str_text(sections), id))
            str_appendf(out, "<a href=\"#%s\">%s</a>", parts[i][0], parts[i][1]);
    }
    str_append(out, "</nav>\n");
}

static int write_sections(struct str *out, struct page *p)
{
    int status = OK;
    str_append(out, "<main>\n");
    if ((status = section_accuracy(out, p)) == OK && (status = section_differences(out, p)) == OK &&
        (status = section_training(out, p)) == OK && (status = section_classes(out, p)) == OK &&
        (status = section_confusion(out, p)) == OK && (status = section_pictures(out, p)) == OK &&
        (status = section_samples(out, p)) == OK)
        status = section_settings(out, p);
    str_append(out, "</main>\n");
    return status;
}

static int write_once(struct str *out, struct page *p)
{
    struct str sections = {0};
    str_clear(out);
    p->thumbs.part = p->thumbs.next = 0;
    write_start(out, p);
    int status = section_head(out, p);
    if (status == OK)
        status = write_sections(&sections, p);
    write_contents(out, &sections);
    str_append(out, str_text(&sections));
    str_append(out, "<footer>Written by <code>prompt report</code>. The file needs no network and no other "
                    "file.</footer>\n<script>\n");
    str_append(out, (const char *)page_script);
    str_append(out, "</script>\n</body>\n</html>\n");
    out->failed = out->failed || sections.failed;
    str_free(&sections);
    return status == OK ? str_status(out) : status;
}

/* Once to learn the pictures and the size of the text, then with the pictures that fit beside it. */
static int write_twice(struct str *out, struct page *p)
{
    const size_t max_bytes = p->options->max_bytes, room = 4096; /* for notes on the pictures */
    int status = write_once(out, p);
    if (status == OK)
        status = thumbs_make(&p->thumbs, max_bytes > out->len + room ? max_bytes - out->len - room : 0);
    if (status == OK)
        status = write_once(out, p);
    if (status == OK && p->thumbs.n_left_out > 0)
        log_warning(p->options->log, "%zu of %zu pictures are left out, to keep the page below --max-mib",
                    p->thumbs.n_left_out, p->thumbs.n);
    return status;
}

static void free_page(struct page *p)
{
    groups_free(p);
    lists_free(p);
    for (size_t i = 0; i < p->n_runs; i++)
        run_close(&p->runs[i]);
    free(p->runs);
    thumbs_free(&p->thumbs);
    str_list_free(&p->notes);
}

int page_write(struct str *out, const char *const *paths, size_t n, const struct page_options *options)
{
    struct page p = {.options = options};
    int status = OK;
    if ((status = open_runs(&p, paths, n)) == OK && (status = lists_make(&p)) == OK &&
        (status = groups_make(&p)) == OK && (status = published_find(&p)) == OK &&
        (options->max_bytes == 0 || (status = lists_find_pictures(&p)) == OK))
        status = write_twice(out, &p);
    free_page(&p);
    return status;
}
