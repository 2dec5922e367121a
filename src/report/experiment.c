/* Reading tables.json and paper.json. */
#include "prompt/report/experiment.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "prompt/base/array.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/data/templates.h"
#include "prompt/report/targets.h"

/* ---------------------------------------------------------------- members */

/* Adds the texts of an array; a missing one adds nothing. */
static int add_texts(struct str_list *out, const struct json_doc *doc, const struct json *array)
{
    int status = OK;
    for (const struct json *value = json_first(array); status == OK && value; value = json_next(value)) {
        const char *text = NULL;
        status = json_string(&text, value);
        if (status != OK)
            return json_context(doc, value);
        status = str_list_add(out, text);
    }
    return status;
}

/* ---------------------------------------------------------------- rows */

static void free_row(struct experiment_row *row)
{
    free(row->name);
    free(row->preset);
    free(row->path);
    free(row->swept);
    str_list_free(&row->sets);
}

/* "CoOp ({} shots)" becomes "CoOp (4 shots)". */
static char *fill(const char *label, const char *value)
{
    const char *hole = strstr(label, "{}");
    return hole ? str_format("%.*s%s%s", (int)(hole - label), label, value, hole + 2) : str_dup(label);
}

static int get_iteration(int64_t *out, const struct json_doc *doc, const struct json *object)
{
    const struct json *value = json_get(object, "iteration");
    *out = -1;
    int status = json_get_i64(out, doc, object, "iteration");
    if (status == OK && value && *out < 0)
        status = json_error(doc, value, "'iteration': expected 0 or more, found %" PRId64, *out);
    return status;
}

/* The member of a file of tables that is no table: changes on data sets, by the names by which rows have them. */
static const char ON[] = "on", EXTENDS[] = "extends";

bool experiment_is_table(const char *name)
{
    return strcmp(name, ON) != 0;
}

/* The shared changes of this name. */
static int find_shared(const struct json **out, const struct experiment *x, const struct json *name)
{
    const char *text = NULL;
    int status = json_string(&text, name);
    if (status != OK)
        return json_context(x->doc, name);
    *out = json_get(json_get(json_root(x->doc), ON), text);
    return *out ? OK : json_error(x->doc, name, "'%s' has no member '%s'", ON, text);
}

/* A row has its changes on data sets itself, or names those that several rows share; either may extend shared
 * ones, which come first. */
static int find_on(struct experiment_row *row, const struct experiment *x, const struct json *object)
{
    int status = OK;
    row->on = json_get(object, ON);
    if (row->on && json_type(row->on) == JSON_STRING)
        status = find_shared(&row->on, x, row->on);
    const struct json *extended = status == OK ? json_get(row->on, EXTENDS) : NULL;
    if (extended && (status = find_shared(&row->on_before, x, extended)) == OK &&
        json_get(row->on_before, EXTENDS))
        status = json_error(x->doc, extended, "'%s': expected changes that extend no others", EXTENDS);
    return status;
}

/* One row of the table: of a sweep, the one at `value`, else NULL. */
static int add_row(struct experiment *x, const struct json *object, const char *value)
{
    int status = array_grow(&x->rows, x->n_rows, sizeof *x->rows);
    if (status != OK)
        return status;
    struct experiment_row *row = &x->rows[x->n_rows++];
    const char *label = "", *preset = NULL, *key = "";
    *row = (struct experiment_row){.x = NAN};
    if ((status = find_on(row, x, object)) == OK &&
        (status = json_need_string(&row->series, x->doc, object, "name")) == OK &&
        (status = json_need_string(&preset, x->doc, object, "config")) == OK &&
        (status = json_get_string(&label, x->doc, object, "label")) == OK &&
        (status = json_get_string(&key, x->doc, object, "sweep")) == OK &&
        (status = json_get_bool(&row->has_paper_rounding, x->doc, object, "paper_rounding")) == OK)
        status = get_iteration(&row->iteration, x->doc, object);
    if (status != OK)
        return status;
    char *folder = path_dir(json_name(x->doc));
    row->preset = str_dup(preset);
    char *file = str_format("%s.json", preset);
    row->path = folder && file ? path_join(folder, file) : NULL;
    row->name = value && label[0] != '\0' ? fill(label, value) : str_dup(row->series);
    free(file);
    free(folder);
    if (!row->preset || !row->path || !row->name)
        return ERR_MEMORY;
    status = add_texts(&row->sets, x->doc, json_get(object, "set"));
    if (status != OK || !value)
        return status;
    row->swept = str_format("%s=%s", key, value);
    status = row->swept ? OK : ERR_MEMORY;
    if (status == OK)
        status = str_parse_f64(&row->x, value);
    return status == OK ? add_texts(&row->sets, x->doc, json_get(json_get(object, "with"), value)) : status;
}

static int add_rows(struct experiment *x, const struct json *object)
{
    const struct json *values = json_get(object, "values");
    if (!values)
        return add_row(x, object, NULL);
    struct str_list texts = {0};
    int status = add_texts(&texts, x->doc, values);
    for (size_t i = 0; status == OK && i < texts.n; i++)
        status = add_row(x, object, texts.items[i]);
    str_list_free(&texts);
    return status;
}

static const char all_rows[] = "all"; /* in place of a name: the optional rows, too */

static bool is_named(const struct str_list *methods, const char *name)
{
    for (size_t i = 0; i < methods->n; i++)
        if (strcasecmp(methods->items[i], name) == 0)
            return true;
    return false;
}

/* A method that names no row is a misspelled one. */
static int check_methods(const struct experiment *x, const struct json *rows, const struct str_list *methods)
{
    for (size_t i = 0; i < methods->n; i++) {
        const struct str_list one = {.items = &methods->items[i], .n = 1};
        bool found = is_named(&one, all_rows);
        for (size_t r = 0; r < x->n_rows; r++)
            found = found || is_named(&one, x->rows[r].series) || is_named(&one, x->rows[r].name);
        if (found)
            continue;
        struct str known = {0};
        for (const struct json *row = json_first(rows); row; row = json_next(row)) {
            const char *name = "";
            (void)json_get_string(&name, x->doc, row, "name");
            str_appendf(&known, "%s%s", known.len > 0 ? ", " : "", name);
        }
        int status = error_set(ERR_USAGE, "%s has no method '%s', expected one of: %s", x->name,
                               methods->items[i], str_text(&known));
        str_free(&known);
        return status;
    }
    return OK;
}

static int read_rows(struct experiment *x, const struct json *rows, const struct str_list *methods)
{
    int status = OK;
    size_t n_kept = 0;
    const bool all = is_named(methods, all_rows);
    for (const struct json *row = json_first(rows); status == OK && row; row = json_next(row)) {
        bool optional = false;
        if ((status = json_get_bool(&optional, x->doc, row, "optional")) == OK)
            status = add_rows(x, row);
        for (size_t r = n_kept; status == OK && r < x->n_rows; r++) { /* drop those not asked for */
            const bool named =
                all || is_named(methods, x->rows[r].series) || is_named(methods, x->rows[r].name);
            if (methods->n > 0 ? named : !optional)
                x->rows[n_kept++] = x->rows[r];
            else
                free_row(&x->rows[r]);
        }
        if (status == OK)
            x->n_rows = n_kept;
    }
    return status == OK ? check_methods(x, rows, methods) : status;
}

/* ---------------------------------------------------------------- experiments */

static int read_experiment(struct experiment *x, const struct json *object, const struct str_list *methods)
{
    const char *datasets = NULL, *classes = NULL;
    x->name = json_key(object);
    x->source = "";
    int status = OK;
    if ((status = json_need_string(&x->title, x->doc, object, "title")) == OK &&
        (status = json_get_string(&x->source, x->doc, object, "source")) == OK &&
        (status = json_need_string(&classes, x->doc, object, "classes")) == OK &&
        (status = json_need_string(&datasets, x->doc, object, "datasets")) == OK)
        status = targets_parse(&x->datasets, datasets);
    if (status != OK)
        return status;
    x->has_halves = strcmp(classes, "base,new") == 0;
    return read_rows(x, json_get(object, "rows"), methods);
}

static int unknown_experiment(const struct experiment *x, const char *name)
{
    struct str known = {0};
    for (const struct json *each = json_first(json_root(x->doc)); each; each = json_next(each))
        if (experiment_is_table(json_key(each)))
            str_appendf(&known, "%s%s", known.len > 0 ? ", " : "", json_key(each));
    int status = error_set(ERR_USAGE, "no table '%s' in '%s', expected one of: %s", name, json_name(x->doc),
                           str_text(&known));
    str_free(&known);
    return status;
}

static int open_documents(struct experiment *x, const char *tables_path)
{
    char *folder = path_dir(tables_path);
    char *paper = folder ? path_join(folder, "paper.json") : NULL;
    int status = paper ? json_read_file(&x->doc, tables_path) : ERR_MEMORY;
    if (status == OK && file_exists(paper)) /* other tables than the paper's have none */
        status = json_read_file(&x->paper, paper);
    free(paper);
    free(folder);
    return status;
}

int experiment_open(struct experiment **out, const char *tables_path, const char *name,
                    const struct str_list *methods)
{
    *out = NULL;
    struct experiment *x = calloc(1, sizeof *x);
    if (!x)
        return error_out_of_memory();
    int status = open_documents(x, tables_path);
    if (status == OK) {
        char *number = str_format("table%s", name);
        const struct json *object = experiment_is_table(name) ? json_get(json_root(x->doc), name) : NULL;
        if (!object && number)
            object = json_get(json_root(x->doc), number);
        free(number);
        status = object ? read_experiment(x, object, methods) : unknown_experiment(x, name);
    }
    if (status != OK) {
        experiment_free(x);
        return status;
    }
    *out = x;
    return OK;
}

void experiment_free(struct experiment *x)
{
    if (!x)
        return;
    for (size_t i = 0; i < x->n_rows; i++)
        free_row(&x->rows[i]);
    free(x->rows);
    str_list_free(&x->datasets);
    json_free(x->doc);
    json_free(x->paper);
    free(x);
}

/* Sets the digest of the templates' file, as a run's record has it. */
static int fill_templates(struct config *c)
{
    if (c->zero_shot_templates_file[0] == '\0')
        return OK;
    struct templates templates = {0};
    int status = templates_read(&templates, c->zero_shot_templates_file);
    if (status == OK)
        status = config_set_key(c, "zero_shot_templates_sha256", templates.sha256);
    templates_free(&templates);
    return status;
}

/* The user may not set the key that is swept. */
static int check_sets(const struct experiment *x, const struct experiment_row *row,
                      const struct str_list *sets)
{
    const size_t n = row->swept ? strcspn(row->swept, "=") + 1 : 0;
    for (size_t i = 0; n > 0 && i < sets->n; i++)
        if (strncmp(sets->items[i], row->swept, n) == 0)
            return error_set(ERR_USAGE, "--set %s: %s sweeps this key itself", sets->items[i], x->name);
    return OK;
}

/* The swept key and the data set of the training. */
static int add_fixed(struct str_list *out, const struct experiment_row *row, const char *trained_on)
{
    int status = row->swept ? str_list_add(out, row->swept) : OK;
    char *dataset = str_format("data.dataset=%s", trained_on);
    if (status == OK)
        status = dataset ? str_list_add(out, dataset) : ERR_MEMORY;
    free(dataset);
    return status;
}

int experiment_config(struct config *out, const struct experiment *x, const struct experiment_row *row,
                      const char *dataset, const struct str_list *sets)
{
    const char *trained_on = x->source[0] != '\0' ? x->source : dataset;
    struct str_list own = {0}, fixed = {0};
    const struct config_sources from = {.file = row->path,
                                        .row_sets = &row->sets,
                                        .dataset_sets = &own,
                                        .user_sets = sets,
                                        .fixed_sets = &fixed};
    int status = OK;
    *out = (struct config){0};
    if ((status = check_sets(x, row, sets)) == OK &&
        (status = add_texts(&own, x->doc, json_get(row->on_before, trained_on))) == OK &&
        (status = add_texts(&own, x->doc, json_get(row->on, trained_on))) == OK &&
        (status = add_fixed(&fixed, row, trained_on)) == OK && (status = config_resolve(out, &from)) == OK &&
        (status = fill_templates(out)) == OK)
        status = config_settle(out);
    str_list_free(&own);
    str_list_free(&fixed);
    if (status != OK)
        config_free(out);
    return status;
}
