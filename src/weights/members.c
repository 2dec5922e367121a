/* Members of a configuration: typed getters, and the check that no member is ignored. */
#include "members.h"

#include <inttypes.h>
#include <string.h>

#include "prompt/base/error.h"

int member_refuse(const struct weights_document *d, const struct json *value, const char *reason)
{
    return json_error(d->doc, value, "'%s': %s", json_key(value), reason);
}

const struct json *member_get(const struct json *object, const char *key)
{
    const struct json *value = json_get(object, key);
    return value && json_type(value) != JSON_NULL ? value : NULL;
}

int member_i64(int64_t *out, const struct weights_document *d, const struct json *object, const char *key)
{
    return member_get(object, key) ? json_get_i64(out, d->doc, object, key) : OK;
}

int member_f64(double *out, const struct weights_document *d, const struct json *object, const char *key)
{
    return member_get(object, key) ? json_get_f64(out, d->doc, object, key) : OK;
}

int member_bool(bool *out, const struct weights_document *d, const struct json *object, const char *key)
{
    return member_get(object, key) ? json_get_bool(out, d->doc, object, key) : OK;
}

int member_switch(bool *out, const struct weights_document *d, const struct json *object, const char *key)
{
    const struct json *value = json_get(object, key);
    if (value && json_type(value) == JSON_NULL)
        *out = false;
    return member_bool(out, d, object, key);
}

int member_text(const char **out, const struct weights_document *d, const struct json *object,
                const char *key)
{
    return member_get(object, key) ? json_get_string(out, d->doc, object, key) : OK;
}

int member_side(int64_t *out, const struct weights_document *d, const struct json *object, const char *key)
{
    const struct json *value = member_get(object, key);
    if (!value || json_type(value) != JSON_ARRAY)
        return member_i64(out, d, object, key);
    int64_t sides[2] = {0, 0};
    size_t n = 0;
    for (const struct json *each = json_first(value); each; each = json_next(each), n++)
        if (n < 2 && json_i64(&sides[n], each) != OK)
            return json_key_context(d->doc, value);
    if (n != 2 || sides[0] != sides[1])
        return member_refuse(d, value,
                             "expected a number or two equal ones: only square images are supported");
    *out = sides[0];
    return OK;
}

static int compare_size(const struct weights_document *d, const struct json *value, int64_t said,
                        int64_t found)
{
    if (said == found)
        return OK;
    return json_error(d->doc, value,
                      "'%s' is %" PRId64 ", but the tensors say %" PRId64
                      ": is this another model's configuration?",
                      json_key(value), said, found);
}

int member_agrees(const struct weights_document *d, const struct json *object, const char *key, int64_t found)
{
    int64_t said = found;
    int status = member_i64(&said, d, object, key);
    return status == OK ? compare_size(d, json_get(object, key), said, found) : status;
}

int member_default_agrees(const struct weights_document *d, const struct json *object, const char *key,
                          int64_t by_default, int64_t found)
{
    if (member_get(object, key) || by_default == found)
        return OK;
    return json_error(d->doc, object,
                      "'%s' has no '%s', which defaults to %" PRId64 ", but the tensors say %" PRId64,
                      json_key(object), key, by_default, found);
}

int member_side_agrees(const struct weights_document *d, const struct json *object, const char *key,
                       int64_t found)
{
    int64_t said = found;
    int status = member_side(&said, d, object, key);
    return status == OK ? compare_size(d, json_get(object, key), said, found) : status;
}

/* ---------------------------------------------------------------- known and unknown */

bool member_is_off(const struct json *value)
{
    const char *text = "";
    double number = 0.0;
    bool flag = false;
    switch (json_type(value)) {
    case JSON_NULL:
        return true;
    case JSON_BOOL:
        return json_bool(&flag, value) == OK && !flag;
    case JSON_NUMBER:
        return json_f64(&number, value) == OK && !(number < 0 || number > 0);
    case JSON_STRING:
        return json_string(&text, value) == OK && text[0] == '\0';
    case JSON_ARRAY:
    case JSON_OBJECT:
        return !json_first(value);
    }
    return false;
}

static bool is_text(const struct json *value, const char *text)
{
    const char *found = NULL;
    return json_type(value) == JSON_STRING && json_string(&found, value) == OK && strcmp(found, text) == 0;
}

static const struct member *find(const struct member *table, const char *key)
{
    for (; table && table->key; table++)
        if (strcmp(table->key, key) == 0)
            return table;
    return NULL;
}

static int unknown_member(const struct weights_document *d, const struct json *value, const char *path)
{
    if (!d->accept_unknown)
        return json_error(d->doc, value,
                          "'%s%s' is unknown and may change what the model computes; if it does "
                          "not, set model.accept_unknown=true",
                          path, json_key(value));
    struct str text = {0};
    str_appendf(&text, "%s%s", path, json_key(value));
    int status = str_status(&text);
    if (status == OK)
        status = str_list_add(d->accepted, str_text(&text));
    str_free(&text);
    return status;
}

static int check_member(const struct weights_document *d, const struct json *value, const char *path,
                        const struct member *known)
{
    if (json_type(value) == JSON_NULL)
        return OK;
    if (!known)
        return unknown_member(d, value, path);
    if (known->rule == MEMBER_READ || known->rule == MEMBER_HARMLESS)
        return OK;
    if (known->rule == MEMBER_OFF ? member_is_off(value) : is_text(value, known->only))
        return OK;
    const char *text = NULL;
    struct str found = {0};
    if (json_type(value) == JSON_STRING && json_string(&text, value) == OK)
        str_appendf(&found, " \"%.80s\"", text);
    int status = json_error(d->doc, value, "'%s%s'%s: only plain CLIP is supported%s%s%s", path,
                            json_key(value), str_text(&found), known->only ? " (\"" : "",
                            known->only ? known->only : "", known->only ? "\")" : "");
    str_free(&found);
    return status;
}

int members_check(const struct weights_document *d, const struct json *object, const char *path,
                  const struct member *table, const struct member *more)
{
    int status = OK;
    if (object && json_type(object) != JSON_OBJECT)
        return member_refuse(d, object, "expected an object");
    for (const struct json *value = object ? json_first(object) : NULL; status == OK && value;
         value = json_next(value)) {
        const struct member *known = find(table, json_key(value));
        status = check_member(d, value, path, known ? known : find(more, json_key(value)));
    }
    return status;
}
