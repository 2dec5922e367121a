/* Settings, digests, versions, cost. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "sections.h"

static void write_group_heads(struct str *out, const struct page *p)
{
    for (size_t i = 0; i < p->n_groups; i++) {
        str_append(out, "<th scope=\"col\">");
        section_group(out, p, i);
        str_append(out, "</th>");
    }
    str_append(out, "</tr></thead>\n<tbody>\n");
}

/* ---------------------------------------------------------------- settings */

static int write_key(struct str *out, const struct page *p, size_t key)
{
    bool differs = false;
    for (size_t i = 1; i < p->n_groups; i++)
        differs = differs || !config_is_same(group_first(p, &p->groups[0])->config,
                                             group_first(p, &p->groups[i])->config, key);
    str_append(out, differs ? "<tr class=\"differs\">" : "<tr>");
    str_append(out, "<th scope=\"row\"><code>");
    html_text(out, config_key(key)->key);
    str_append(out, "</code></th>");
    for (size_t i = 0; i < p->n_groups; i++) {
        struct str value = {0};
        config_write_value(&value, group_first(p, &p->groups[i])->config, key);
        html_element(out, "td", str_text(&value));
        out->failed = out->failed || value.failed;
        str_free(&value);
    }
    str_append(out, "</tr>\n");
    return str_status(out);
}

static int write_settings(struct str *out, const struct page *p)
{
    int status = OK;
    str_append(
        out,
        "<details><summary>Settings that define the experiment</summary>\n<div class=\"scroll\">"
        "<table id=\"keys\"><caption>Rows in which the methods differ are marked. The seed is that of the "
        "first run. Folders of this machine are left out.</caption>\n"
        "<thead><tr><th scope=\"col\">key</th>");
    write_group_heads(out, p);
    for (size_t i = 0; status == OK && i < config_n_keys(); i++)
        if (config_key(i)->kind == CONFIG_EXPERIMENT || config_key(i)->kind == CONFIG_ADDITION)
            status = write_key(out, p, i);
    str_append(out, "</tbody></table></div></details>\n");
    return status;
}

/* ---------------------------------------------------------------- members of records */

static void write_value(struct str *out, const struct json *value)
{
    const char *text = NULL;
    double number = 0.0;
    if (value && json_type(value) == JSON_STRING && json_string(&text, value) == OK)
        html_text(out, text);
    else if (value && json_type(value) == JSON_NUMBER && json_f64(&number, value) == OK)
        str_appendf(out, "%.6g", number);
    else
        str_append(out, "–");
}

/* A member of the last record of each run, of the object `parent` in it (NULL: of the record). */
static void write_member(struct str *out, const struct page *p, const char *title, const char *parent,
                         const char *key, size_t list)
{
    str_append(out, "<tr>");
    html_element(out, "th scope=\"row\"", title);
    for (size_t i = 0; i < p->n_runs; i++) {
        const struct json *object = p->runs[i].lists[list].object;
        str_append(out, "<td>");
        write_value(out, json_get(parent ? json_get(object, parent) : object, key));
        str_append(out, "</td>");
    }
    str_append(out, "</tr>\n");
}

static void write_run_heads(struct str *out, const struct page *p)
{
    str_append(out, "<thead><tr><th scope=\"col\"></th>");
    for (size_t i = 0; i < p->n_runs; i++)
        html_element(out, "th scope=\"col\"", p->runs[i].dir);
    str_append(out, "</tr></thead>\n<tbody>\n");
}

static void write_origins(struct str *out, const struct page *p)
{
    static const char *const members[][3] = {{"SHA-256 of the weights", "digests", "weights_sha256"},
                                             {"class names", "digests", "class_names"},
                                             {"test images", "digests", "images"},
                                             {"few-shot sample", "digests", "sample"},
                                             {"configuration", NULL, "config_hash"},
                                             {"preprocessing", "inputs", "preprocessing"},
                                             {"image decoder", "inputs", "image_decoder"},
                                             {"tokenizer revision", "inputs", "tokenizer_revision"},
                                             {"program", NULL, "program"},
                                             {"libtorch", NULL, "libtorch"},
                                             {"device", NULL, "device"},
                                             {"precision", NULL, "precision"},
                                             {"threads", NULL, "threads"},
                                             {"evaluated at", NULL, "time"}};
    struct str title = {0};
    list_title(&title, &p->lists[0]);
    str_append(
        out, "<details><summary>Digests and versions</summary>\n<div class=\"scroll\"><table id=\"origins\">"
             "<caption>Of the last evaluation on ");
    html_text(out, str_text(&title));
    str_append(out, ".</caption>\n");
    write_run_heads(out, p);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        write_member(out, p, members[i][0], members[i][1], members[i][2], 0);
    str_append(out, "</tbody></table></div></details>\n");
    str_free(&title);
}

/* ---------------------------------------------------------------- cost */

typedef double cost_of(const struct run *r);

static double training_seconds(const struct run *r)
{
    return r->log.seconds;
}

static double waiting_seconds(const struct run *r)
{
    return r->log.wait_s;
}

static double training_images(const struct run *r)
{
    return r->log.n_images;
}

static void write_cost(struct str *out, const struct page *p, const char *title, cost_of *cost)
{
    str_append(out, "<tr>");
    html_element(out, "th scope=\"row\"", title);
    for (size_t i = 0; i < p->n_runs; i++)
        if (p->runs[i].log.n > 0)
            str_appendf(out, "<td class=\"num\">%.6g</td>", cost(&p->runs[i]));
        else
            str_append(out, "<td class=\"num\">–</td>");
    str_append(out, "</tr>\n");
}

static void write_costs(struct str *out, const struct page *p)
{
    str_append(out, "<details><summary>Cost</summary>\n<div class=\"scroll\"><table id=\"cost\">\n");
    write_run_heads(out, p);
    write_cost(out, p, "training, s", training_seconds);
    write_cost(out, p, "of it waiting for images, s", waiting_seconds);
    write_cost(out, p, "images trained on", training_images);
    for (size_t i = 0; i < p->n_lists; i++) {
        struct str title = {0};
        str_append(&title, "evaluation of ");
        list_title(&title, &p->lists[i]);
        str_append(&title, ", s");
        write_member(out, p, str_text(&title), NULL, "seconds", i);
        str_free(&title);
    }
    write_member(out, p, "images a second in evaluation", NULL, "images_per_s", 0);
    str_append(out, "</tbody></table></div></details>\n");
}

int section_settings(struct str *out, const struct page *p)
{
    str_append(out, "<section id=\"settings\"><h2>Settings, origin, cost</h2>\n");
    int status = write_settings(out, p);
    write_origins(out, p);
    write_costs(out, p);
    str_append(out, "</section>\n");
    return status == OK ? str_status(out) : status;
}
