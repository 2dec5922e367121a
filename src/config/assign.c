/* Setting one key: types, ranges, names, and the message with the expected and the found value. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "prompt/base/json_write.h"

/* A scalar as it is in the file, a container by its type. */
static void describe_found(struct str *out, const struct json *value)
{
    const char *text = NULL;
    double number = 0.0;
    bool truth = false;
    if (json_string(&text, value) == OK)
        json_write_string(out, text);
    else if (json_f64(&number, value) == OK)
        json_write_f64(out, number);
    else if (json_bool(&truth, value) == OK)
        str_append(out, truth ? "true" : "false");
    else
        str_append(out, json_type_name(json_type(value)));
}

/* The name that a misspelled value of an enum was probably meant to be. */
static const char *nearest_name(const struct config_key *key, const char *name)
{
    size_t n = 0;
    while (key->names && key->names[n])
        n++;
    return n > 0 ? str_nearest(name, key->names, n) : NULL;
}

static int refuse(const struct config_key *key, const char *found, const char *suggestion)
{
    struct str message = {0};
    str_append(&message, "expected ");
    config_describe_values(&message, key);
    str_appendf(&message, ", found %s", found);
    if (suggestion)
        str_appendf(&message, "; did you mean \"%s\"?", suggestion);
    int status = error_set(ERR_USAGE, "%s", str_text(&message));
    str_free(&message);
    return status;
}

static int refuse_json(const struct config_key *key, const struct json *value)
{
    struct str found = {0};
    describe_found(&found, value);
    const char *text = NULL;
    bool is_name = key->type == CONFIG_ENUM && json_string(&text, value) == OK;
    int status = refuse(key, str_text(&found), is_name ? nearest_name(key, text) : NULL);
    str_free(&found);
    return status;
}

/* The index of an enum's name, -1 if it has no such name. */
static int64_t find_name(const struct config_key *key, const char *name)
{
    for (int64_t i = 0; key->names[i]; i++)
        if (strcmp(key->names[i], name) == 0)
            return i;
    return -1;
}

static int assign_string(char **field, const char *text)
{
    char *copy = str_dup(text);
    if (!copy)
        return ERR_MEMORY;
    free(*field);
    *field = copy;
    return OK;
}

int config_assign(struct config *c, size_t i, const struct json *value)
{
    const struct config_key *key = config_key(i);
    void *field = config_field(c, i);
    const char *text = NULL;
    int64_t whole = 0;
    double number = 0.0;
    switch (key->type) {
    case CONFIG_I64:
        if (json_i64(&whole, value) != OK || (double)whole < key->min || (double)whole > key->max)
            break;
        *(int64_t *)field = whole;
        return OK;
    case CONFIG_F64:
        if (json_f64(&number, value) != OK || number < key->min || number > key->max)
            break;
        *(double *)field = number;
        return OK;
    case CONFIG_BOOL:
        if (json_bool(field, value) != OK)
            break;
        return OK;
    case CONFIG_STR:
        if (json_string(&text, value) != OK)
            break;
        return assign_string(field, text);
    case CONFIG_ENUM:
        if (json_string(&text, value) != OK || find_name(key, text) < 0)
            break;
        *(unsigned *)field = (unsigned)find_name(key, text);
        return OK;
    }
    return refuse_json(key, value);
}

int config_assign_text(struct config *c, size_t i, const char *value)
{
    const struct config_key *key = config_key(i);
    if (key->type == CONFIG_STR)
        return assign_string(config_field(c, i), value);
    if (key->type == CONFIG_ENUM && find_name(key, value) >= 0) {
        *(unsigned *)config_field(c, i) = (unsigned)find_name(key, value);
        return OK;
    }
    struct json_doc *doc = NULL;
    int status = key->type == CONFIG_ENUM ? ERR_FORMAT : json_parse(&doc, value, strlen(value), "value");
    if (status == OK)
        status = config_assign(c, i, json_root(doc));
    else if (status == ERR_FORMAT) {
        char *found = str_format("'%s'", value);
        status = found ? refuse(key, found, nearest_name(key, value)) : ERR_MEMORY;
        free(found);
    }
    json_free(doc);
    return status;
}
