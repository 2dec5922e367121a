/* prompt diff: the differences between two runs. */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_print.h"
#include "prompt/base/file.h"
#include "prompt/base/json.h"
#include "prompt/base/json_write.h"
#include "prompt/run/train.h"
#include "shared_options.h"

/* One side: its configuration and its result records; either may be missing. */
struct side {
    const char *path;
    struct json_doc *config, *results;
};

static int open_side(struct side *s, const char *path)
{
    s->path = path;
    if (!file_is_dir(path))
        return error_set(ERR_IO, "no run folder: '%s'", path);
    int status = json_read_if_there(&s->config, path, RUN_CONFIG_FILE);
    if (status == OK)
        status = json_read_if_there(&s->results, path, RUN_RESULTS_FILE);
    if (status == OK && !s->config && !s->results)
        status = error_set(ERR_IO, "'%s' holds neither %s nor %s", path, RUN_CONFIG_FILE, RUN_RESULTS_FILE);
    return status;
}

/* ---------------------------------------------------------------- values */

static void append_value(struct str *out, const struct json *value)
{
    const char *text = NULL;
    double number = 0.0;
    bool flag = false;
    const char *separator = "[";
    if (!value) {
        str_append(out, "(none)");
        return;
    }
    switch (json_type(value)) {
    case JSON_NULL:
        str_append(out, "null");
        break;
    case JSON_BOOL:
        (void)json_bool(&flag, value);
        str_append(out, flag ? "true" : "false");
        break;
    case JSON_NUMBER:
        (void)json_f64(&number, value);
        json_write_f64(out, number);
        break;
    case JSON_STRING:
        (void)json_string(&text, value);
        str_append(out, text);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        for (const struct json *each = json_first(value); each; each = json_next(each)) {
            str_append(out, separator);
            append_value(out, each);
            separator = ", ";
        }
        str_append(out, separator[0] == '[' ? "[]" : "]");
        break;
    }
}

/* Appends a line if the two differ. */
static void compare_values(struct str *out, const char *name, const struct json *a, const struct json *b)
{
    struct str left = {0};
    struct str right = {0};
    append_value(&left, a);
    append_value(&right, b);
    if (strcmp(str_text(&left), str_text(&right)) != 0)
        str_appendf(out, "%s: %s -> %s\n", name, str_text(&left), str_text(&right));
    out->failed = out->failed || left.failed || right.failed;
    str_free(&left);
    str_free(&right);
}

/* Members of a record that do not concern the result; the configuration is compared once, above. */
static bool is_left_out(const char *key)
{
    static const char *const keys[] = {"config", "config_hash",  "per_class", "confusion", "seconds",
                                       "time",   "images_per_s", "dataset",   "classes"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

/* Compares members of two objects and of the objects in them, by dotted path; those only in `b` come last. */
static void compare_objects(struct str *out, const char *prefix, const struct json *a, const struct json *b)
{
    for (int pass = 0; pass < 2; pass++) {
        const struct json *from = pass == 0 ? a : b;
        for (const struct json *each = json_first(from); each; each = json_next(each)) {
            const struct json *left = json_get(a, json_key(each)), *right = json_get(b, json_key(each));
            if (pass == 1 && left)
                continue;
            char *name = str_format("%s%s%s", prefix, prefix[0] ? "." : "", json_key(each));
            const bool nested =
                left && right && json_type(left) == JSON_OBJECT && json_type(right) == JSON_OBJECT;
            out->failed = out->failed || !name;
            if (name && !is_left_out(name))
                (nested ? compare_objects : compare_values)(out, name, left, right);
            free(name);
        }
    }
}

/* ---------------------------------------------------------------- records */

static bool is_finished(const struct json *record)
{
    bool flag = false;
    const struct json *value = json_get(record, "finished");
    return value && json_bool(&flag, value) == OK && flag;
}

/* The last record of a data set and a list of classes; finished records take precedence. */
static const struct json *find_record(const struct side *s, const struct json *dataset,
                                      const struct json *classes)
{
    const struct json *found = NULL;
    const struct json *each = s->results ? json_first(json_root(s->results)) : NULL;
    for (; each; each = json_next(each)) {
        struct str differences = {0};
        compare_values(&differences, "", json_get(each, "dataset"), dataset);
        compare_values(&differences, "", json_get(each, "classes"), classes);
        if (differences.len == 0 && (is_finished(each) || !is_finished(found)))
            found = each;
        str_free(&differences);
    }
    return found;
}

static void append_list(struct str *out, const char *start, const struct json *record)
{
    str_append(out, start);
    append_value(out, json_get(record, "dataset"));
    str_append(out, ", ");
    append_value(out, json_get(record, "classes"));
}

static void compare_record(struct str *out, const struct json *a, const struct json *b)
{
    struct str lines = {0};
    compare_objects(&lines, "", a, b);
    if (lines.len > 0) {
        append_list(out, "result of ", a);
        str_appendf(out, ":\n%s", str_text(&lines));
    }
    out->failed = out->failed || lines.failed;
    str_free(&lines);
}

/* Compares the lists of `a` that both sides have, unless that is done already, and names those only in
 * `a`. */
static void compare_results(struct str *out, const struct side *a, const struct side *b, bool only_missing)
{
    const struct json *each = a->results ? json_first(json_root(a->results)) : NULL;
    for (; each; each = json_next(each)) {
        const struct json *dataset = json_get(each, "dataset"), *classes = json_get(each, "classes");
        if (find_record(a, dataset, classes) != each)
            continue; /* another one counts */
        const struct json *other = find_record(b, dataset, classes);
        if (other && !only_missing) {
            compare_record(out, each, other);
        } else if (!other) {
            str_appendf(out, "only in %s: ", a->path);
            append_list(out, "result of ", each);
            str_append(out, "\n");
        }
    }
}

/* The configuration of the run, else of its first record. */
static const struct json *config_of(const struct side *s)
{
    return s->config ? json_root(s->config) : json_get(json_first(json_root(s->results)), "config");
}

static int compare(const struct side *a, const struct side *b)
{
    struct str keys = {0};
    struct str results = {0};
    struct str out = {0};
    compare_objects(&keys, "", config_of(a), config_of(b));
    compare_results(&results, a, b, false);
    compare_results(&results, b, a, true);
    if (keys.len > 0)
        str_appendf(&out, "keys:\n%s", str_text(&keys));
    str_append(&out, str_text(&results));
    if (out.len == 0)
        str_append(&out, "no difference\n");
    out.failed = out.failed || keys.failed || results.failed;
    int status = cmd_print(&out);
    str_free(&keys);
    str_free(&results);
    str_free(&out);
    return status;
}

static int cmd_diff(const struct opt_values *v)
{
    struct side a = {0}, b = {0};
    int status = OK;
    if ((status = open_side(&a, v->operands[0])) == OK && (status = open_side(&b, v->operands[1])) == OK)
        status = compare(&a, &b);
    json_free(a.config);
    json_free(a.results);
    json_free(b.config);
    json_free(b.results);
    return status;
}

static const char notes[] = "Examples:\n"
                            "  prompt diff runs/caltech101-s1 runs/caltech101-s2\n"
                            "  prompt diff runs/caltech101-s1 old-runs/caltech101-s1";

const struct command command_diff = {
    "diff",   NULL,       "RUN RUN",
    cmd_diff, no_options, "show the differences between two runs: keys, digests, versions, numbers",
    notes};
