/* Reading files, texts and assignments; assign.c sets one key. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "prompt/base/path.h"

static const char EXTENDS[] = "extends";

/* ---------------------------------------------------------------- unknown keys */

/* "training" is a section if a key "training.x" exists. */
static bool is_section(const char *path)
{
    size_t n = strlen(path);
    for (size_t i = 0; i < config_n_keys(); i++) {
        const char *key = config_key(i)->key;
        if (strncmp(key, path, n) == 0 && key[n] == '.')
            return true;
    }
    return false;
}

/* A key of the section that a misspelled one was probably meant to be, NULL if nothing is near. */
static const char *nearest_section(const char *path)
{
    const char *nearest = NULL;
    size_t best = strlen(path) / 3 + 2;
    for (size_t i = 0; i < config_n_keys(); i++) {
        const char *key = config_key(i)->key;
        const char *dot = strchr(key, '.');
        char *section = dot ? str_dup_n(key, (size_t)(dot - key)) : NULL;
        if (section && str_distance(path, section) < best) {
            best = str_distance(path, section);
            nearest = key;
        }
        free(section);
    }
    return nearest;
}

static int unknown_key(const char *path)
{
    const char *nearest = config_nearest(path);
    if (nearest)
        return error_set(ERR_USAGE, "unknown key '%s'; did you mean '%s'?", path, nearest);
    return error_set(ERR_USAGE, "unknown key '%s'; 'prompt config' lists the known ones", path);
}

static int unknown_member(const char *path, const struct json *value)
{
    const char *section = json_type(value) == JSON_OBJECT ? nearest_section(path) : NULL;
    if (!section)
        return unknown_key(path);
    return error_set(ERR_USAGE, "unknown key '%s'; did you mean '%.*s'?", path, (int)strcspn(section, "."),
                     section);
}

/* ---------------------------------------------------------------- a document */

/* A configuration that is not JSON is a usage error, as an unknown key is; the message stays. */
static int as_usage_error(int status)
{
    if (status != ERR_FORMAT)
        return status;
    char *message = str_dup(error_message());
    if (!message)
        return ERR_MEMORY;
    error_set(ERR_USAGE, "%s", message);
    free(message);
    return ERR_USAGE;
}

/* A file that is read, and the one whose "extends" names it. */
struct source {
    const char *path; /* as it was named */
    char *real_path;  /* owned */
    const struct source *extended_by;
};

struct reader {
    struct config *config;
    const struct json_doc *doc;
    enum config_origin origin;
    const struct source *source; /* NULL for a text, which extends nothing */
};

static int read_object(struct reader *r, const struct json *object, const char *section);

/* One member at `path`: a key, a section, or neither. */
static int read_member(struct reader *r, const struct json *value, const char *path)
{
    size_t i = config_find(path);
    int status = OK;
    if (strchr(json_key(value), '.') && i < config_n_keys()) {
        status = error_set(ERR_USAGE, "key '%s': expected nested objects, as in {\"%.*s\": {\"%s\": ...}}",
                           path, (int)strcspn(path, "."), path, strchr(path, '.') + 1);
    } else if (i < config_n_keys()) {
        status = config_assign(r->config, i, value);
        if (status == OK)
            r->config->origins[i] = r->origin;
        else
            error_context("key '%s'", path);
    } else if (!is_section(path)) {
        status = unknown_member(path, value);
    } else if (json_type(value) == JSON_OBJECT) {
        return read_object(r, value, path); /* its messages have their own lines */
    } else {
        status = error_set(ERR_USAGE, "key '%s': expected an object, found %s", path,
                           json_type_name(json_type(value)));
    }
    return status == OK ? OK : json_context(r->doc, value);
}

static int read_object(struct reader *r, const struct json *object, const char *section)
{
    for (const struct json *value = json_first(object); value; value = json_next(value)) {
        if (r->source && section[0] == '\0' && strcmp(json_key(value), EXTENDS) == 0)
            continue; /* read before the others */
        char *path = str_format("%s%s%s", section, section[0] ? "." : "", json_key(value));
        int status = path ? read_member(r, value, path) : ERR_MEMORY;
        free(path);
        if (status != OK)
            return status;
    }
    return OK;
}

static int read_root(struct reader *r, const struct json *root)
{
    if (json_type(root) != JSON_OBJECT)
        return error_set(ERR_USAGE, "%s:%zu: expected an object of keys, found %s", json_name(r->doc),
                         json_line(root), json_type_name(json_type(root)));
    return read_object(r, root, "");
}

int config_read_json(struct config *c, const struct json_doc *doc, const struct json *object,
                     enum config_origin origin)
{
    struct reader r = {.config = c, .doc = doc, .origin = origin};
    return read_root(&r, object);
}

int config_read_text(struct config *c, const char *text, size_t n, const char *name,
                     enum config_origin origin)
{
    struct json_doc *doc;
    int status = as_usage_error(json_parse(&doc, text, n, name));
    if (status == OK)
        status = config_read_json(c, doc, json_root(doc), origin);
    json_free(doc);
    return status;
}

/* ---------------------------------------------------------------- files, and files that they extend */

static int read_source(struct config *c, const char *path, const struct source *extended_by);

static int check_no_cycle(const struct source *source)
{
    for (const struct source *s = source->extended_by; s; s = s->extended_by)
        if (strcmp(s->real_path, source->real_path) == 0)
            return error_set(ERR_USAGE, "'%s' extends itself", source->path);
    return OK;
}

/* The file that the member "extends" names, relative to the file that says so. */
static int read_extended(const struct reader *r, const struct json *value)
{
    const char *name = NULL;
    int status = as_usage_error(json_string(&name, value));
    char *dir = path_dir(r->source->path);
    char *path = status == OK && dir ? path_join(dir, name) : NULL;
    if (status == OK)
        status = path ? read_source(r->config, path, r->source) : ERR_MEMORY;
    free(path);
    free(dir);
    if (status == OK)
        return OK;
    error_context("key '%s'", EXTENDS);
    return json_context(r->doc, value);
}

static int read_source(struct config *c, const char *path, const struct source *extended_by)
{
    struct source source = {.path = path, .extended_by = extended_by};
    struct json_doc *doc;
    int status = as_usage_error(json_read_file(&doc, path));
    if (status != OK)
        return status;
    struct reader r = {.config = c, .doc = doc, .origin = CONFIG_FILE, .source = &source};
    source.real_path = realpath(path, NULL);
    status = source.real_path ? check_no_cycle(&source) : error_out_of_memory();
    const struct json *extends = json_get(json_root(doc), EXTENDS);
    if (status == OK && extends)
        status = read_extended(&r, extends);
    if (status == OK)
        status = read_root(&r, json_root(doc));
    free(source.real_path);
    json_free(doc);
    return status;
}

int config_read_file(struct config *c, const char *path)
{
    return read_source(c, path, NULL);
}

/* ---------------------------------------------------------------- the command line */

int config_set_key(struct config *c, const char *key, const char *value)
{
    size_t i = config_find(key);
    if (i == config_n_keys())
        return unknown_key(key);
    int status = config_assign_text(c, i, value);
    if (status != OK)
        return error_context("key '%s'", key);
    c->origins[i] = CONFIG_COMMAND_LINE;
    return OK;
}

/* The text between quotes, if `value` is a JSON string; `*out` stays NULL if it is not quoted. */
static int unquote(char **out, const char *value)
{
    *out = NULL;
    if (value[0] != '"')
        return OK;
    struct json_doc *doc;
    const char *text = NULL;
    int status = json_parse(&doc, value, strlen(value), "value");
    if (status == OK)
        status = json_string(&text, json_root(doc));
    if (status == OK) {
        *out = str_dup(text);
        status = *out ? OK : ERR_MEMORY;
    }
    json_free(doc);
    return as_usage_error(status);
}

int config_set(struct config *c, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    if (!equals)
        return error_set(ERR_USAGE, "expected key=value, found '%s'", assignment);
    char *key = str_dup_n(assignment, (size_t)(equals - assignment));
    if (!key)
        return ERR_MEMORY;
    size_t i = config_find(key);
    bool is_text =
        i < config_n_keys() && (config_key(i)->type == CONFIG_STR || config_key(i)->type == CONFIG_ENUM);
    char *text = NULL;
    int status = is_text ? unquote(&text, equals + 1) : OK;
    if (status == OK)
        status = config_set_key(c, key, text ? text : equals + 1);
    free(text);
    free(key);
    return status;
}
