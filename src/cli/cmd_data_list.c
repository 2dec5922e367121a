/* prompt data list: the table of data sets. */
#include <inttypes.h>

#include "cmd.h"
#include "cmd_print.h"
#include "prompt/base/json_write.h"
#include "prompt/data/catalog.h"

/* ---------------------------------------------------------------- options */

static const struct opt list_options[] = {
    {"json", NULL, NULL, false, "print JSON"},
    {.name = NULL},
};
static const struct opt_group groups[] = {{"Options", list_options}, {.title = NULL}};

static const char notes[] = "Examples:\n"
                            "  prompt data list\n"
                            "  prompt data list --json";

static void append_json(struct str *out, const struct catalog_entry *e)
{
    json_open(out, NULL, '{');
    json_put_string(out, "name", e->name);
    json_put_string(out, "display_name", e->display_name);
    json_put_string(out, "template", e->template);
    json_put_i64(out, "n_classes", e->n_classes);
    json_put_i64(out, "train", (int64_t)e->n_train);
    json_put_i64(out, "val", (int64_t)e->n_val);
    json_put_i64(out, "test", (int64_t)e->n_test);
    json_close(out, '}');
}

static void append_row(struct str *out, const struct catalog_entry *e)
{
    if (e->n_classes > 0)
        str_appendf(out, "%-16s %-16s %7" PRId64 " %8zu %8zu %8zu  %s\n", e->name, e->display_name,
                    e->n_classes, e->n_train, e->n_val, e->n_test, e->template);
    else
        str_appendf(out, "%-16s %-16s %7s %8s %8s %8s  %s\n", e->name, e->display_name, "-", "-", "-", "-",
                    e->template);
}

static int cmd_data_list(const struct opt_values *v)
{
    const bool is_json = opt_given(v, "json");
    struct str text = {0};
    if (is_json)
        str_append(&text, "[");
    else
        str_appendf(&text, "%-16s %-16s %7s %8s %8s %8s  %s\n", "name", "in the paper", "classes", "train",
                    "val", "test", "template of the CLIP row");
    for (const struct catalog_entry *e = catalog; e->name; e++) {
        if (is_json && e != catalog)
            str_append(&text, ",\n ");
        if (is_json)
            append_json(&text, e);
        else
            append_row(&text, e);
    }
    if (is_json)
        str_append(&text, "]\n");
    int status = cmd_print(&text);
    str_free(&text);
    return status;
}

const struct command command_data_list = {
    "data", "list", NULL, cmd_data_list, groups, "list the data sets: names, classes, images, templates",
    notes};
