/* prompt data check: one line for each data set, complete or with what is wrong. */
#include <inttypes.h>
#include <string.h>

#include "cmd.h"
#include "cmd_print.h"
#include "prompt/base/json_write.h"
#include "prompt/base/log.h"
#include "prompt/data/check.h"
#include "prompt/data/dataset_open.h"
#include "prompt/run/session.h"

/* ---------------------------------------------------------------- options */

static const struct opt check_options[] = {
    {"data", "DIR", "data.root", false, NULL},
    {"dataset", "NAME", "data.dataset", false, "one data set, or all of the paper's (all)"},
    {"set", "KEY=VALUE", NULL, true, "data.split_file, data.image_dir, data.split_seed"},
    {"deep", NULL, NULL, false, "decode every image, too"},
    {"json", NULL, NULL, false, "print JSON"},
    {"quiet", NULL, NULL, false, "no progress on stderr"},
    {.name = NULL},
};
static const struct opt_group groups[] = {{"Options", check_options}, {.title = NULL}};

static const char notes[] =
    "Prints one line for each data set: complete, not the published split, incomplete, or not there; then\n"
    "the counts, or what is missing, where it was looked for and where to get it. Nothing is written. The\n"
    "exit status is 1 if a data set is not complete; with all, data sets that are not there do not count.\n"
    "\n"
    "Examples:\n"
    "  prompt data check --data DIR\n"
    "  prompt data check --data DIR --dataset caltech101 --deep";

struct checking {
    const struct config *config;
    struct log log;
    bool is_deep;
    bool is_json;
    bool is_all;         /* sets that are not there do not count as failures */
    struct str text;     /* of JSON: the records so far */
    struct str failures; /* names of the sets that are not complete, separated by commas */
};

/* ---------------------------------------------------------------- one set */

/* "100 classes, 4128 train, 1649 val, 2465 test in '<folder>'", and how it was found. */
static void append_facts(struct str *out, const struct dataset_check *c)
{
    const struct dataset *d = c->dataset;
    str_appendf(out, "%" PRId64 " %s, %zu train, %zu val, %zu test", d->n_classes,
                plural((size_t)d->n_classes, "class", "classes"), d->train.n, d->val.n, d->test.n);
    if (!strstr(str_text(&d->layout), d->image_dir)) /* otherwise the note names it */
        str_appendf(out, " in '%s'", d->image_dir);
    if (d->layout.len > 0)
        str_appendf(out, "; %s", str_text(&d->layout));
    if (c->files.n_moved > 0)
        str_appendf(out, "; %zu %s with other capitals or underscores, or in a doubled folder",
                    c->files.n_moved, plural(c->files.n_moved, "image", "images"));
    str_appendf(out, "; %zu of %zu %s decoded", c->n_decoded, c->files.n_images,
                plural(c->files.n_images, "image", "images"));
}

static void append_line(struct str *out, const struct dataset_check *c)
{
    static const char *const words[] = {[CHECK_COMPLETE] = "complete",
                                        [CHECK_DIFFERS] = "not the published split",
                                        [CHECK_INCOMPLETE] = "incomplete",
                                        [CHECK_ABSENT] = "not there"};
    str_appendf(out, "%-16s %s: ", c->entry->name, words[c->state]);
    str_append(out, str_text(&c->problem));
    if (c->dataset && c->files.n_missing == 0) {
        if (c->problem.len > 0)
            str_append(out, "; ");
        append_facts(out, c);
    }
    if (c->n_odd > 0)
        str_appendf(out, "; %zu %s of another format than the name says, first: %s", c->n_odd,
                    plural(c->n_odd, "image", "images"), str_text(&c->first_odd));
    if (c->n_damaged > 0)
        str_appendf(out, "; %zu %s damaged but could be read, first: %s", c->n_damaged,
                    plural(c->n_damaged, "image", "images"), str_text(&c->first_damaged));
    str_append(out, "\n");
}

static int append_record(struct str *out, const struct dataset_check *c)
{
    const struct dataset *d = c->dataset;
    json_open(out, NULL, '{');
    json_put_string(out, "name", c->entry->name);
    json_put_string(out, "state", check_state_names[c->state]);
    json_put_string(out, "problem", str_text(&c->problem));
    if (d) {
        char digest[17];
        int status = class_names_digest(digest, d->class_names, d->n_classes);
        if (status != OK)
            return status;
        const struct {
            const char *name;
            size_t n;
        } counts[] = {
            {"train", d->train.n},
            {"val", d->val.n},
            {"test", d->test.n},
            {"missing", c->files.n_missing},
            {"moved", c->files.n_moved},
            {"empty", c->files.empty.n},
            {"repeated", c->n_repeated},
            {"decoded", c->n_decoded},
            {"undecodable", c->n_undecodable},
            {"odd", c->n_odd},
            {"damaged", c->n_damaged},
        };
        json_put_string(out, "image_dir", d->image_dir);
        json_put_string(out, "layout", str_text(&d->layout));
        json_put_i64(out, "n_classes", d->n_classes);
        json_put_string(out, "class_names", digest);
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
            json_put_i64(out, counts[i].name, (int64_t)counts[i].n);
    }
    json_close(out, '}');
    return str_status(out);
}

/* ---------------------------------------------------------------- checking */

static void show_progress(void *user, const struct dataset_check *check, size_t n_done, size_t n_images)
{
    struct checking *c = user;
    log_progress(&c->log, n_done == n_images, "%s: %zu of %zu %s decoded", check->entry->name,
                 check->n_decoded, n_images, plural(n_images, "image", "images"));
}

static int check_one(struct checking *c, const char *name)
{
    const struct dataset_options options = config_dataset_options(c->config, name);
    struct dataset_check check = {0};
    int status = dataset_check(&check, &options, c->is_deep, show_progress, c);
    if (status == OK && check.state != CHECK_COMPLETE && !(c->is_all && check.state == CHECK_ABSENT))
        str_appendf(&c->failures, "%s%s", c->failures.len > 0 ? ", " : "", check.entry->name);
    if (status == OK && c->is_json) {
        str_append(&c->text, c->text.len > 0 ? ",\n " : "[");
        status = append_record(&c->text, &check);
    } else if (status == OK) { /* printed at once: a deep check takes long */
        append_line(&c->text, &check);
        status = cmd_print(&c->text);
        str_clear(&c->text);
    }
    dataset_check_free(&check);
    return status;
}

/* Checks every set of the paper; own data are checked only by name. */
static int check_all(struct checking *c)
{
    int status = OK;
    for (const struct catalog_entry *e = catalog; status == OK && e->name; e++)
        if (e->group != CATALOG_OWN)
            status = check_one(c, e->name);
    return status;
}

static int check_sets(struct checking *c)
{
    const char *name = c->config->data_dataset;
    c->is_all = name[0] == '\0' || strcmp(name, "all") == 0;
    int status = c->is_all ? check_all(c) : check_one(c, name);
    if (status == OK && c->is_json) {
        str_append(&c->text, "]\n");
        status = cmd_print(&c->text);
    }
    if (status == OK && c->failures.len > 0)
        status = error_set(ERR_FORMAT, "not complete: %s", str_text(&c->failures));
    return status;
}

static int cmd_data_check(const struct opt_values *v)
{
    struct config config = {0};
    struct checking c = {.config = &config, .is_deep = opt_given(v, "deep"), .is_json = opt_given(v, "json")};
    log_init(&c.log, opt_given(v, "quiet"));
    int status = opt_resolve(&config, v, NULL);
    if (status == OK && config.data_root[0] == '\0' && strcmp(config.data_dataset, "csv") != 0)
        status = error_set(ERR_USAGE, "no data folder is given: pass --data DIR");
    if (status == OK)
        status = check_sets(&c);
    log_finish(&c.log);
    str_free(&c.text);
    str_free(&c.failures);
    config_free(&config);
    return status;
}

const struct command command_data_check = {
    "data",         "check", NULL,
    cmd_data_check, groups,  "check whether data sets are complete, and if not, report why",
    notes};
