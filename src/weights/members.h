/** Members of a configuration: read by type, compared with the tensors, or looked up in a table. */
#ifndef PROMPT_SRC_WEIGHTS_MEMBERS_H
#define PROMPT_SRC_WEIGHTS_MEMBERS_H

#include "prompt/base/json.h"
#include "prompt/base/str.h"

/** A configuration being read. */
struct weights_document {
    const struct json_doc *doc;
    bool accept_unknown;       /* model.accept_unknown */
    struct str_list *accepted; /* borrowed; the unknown members that it passed, "model_cfg.vision_cfg.new" */
    struct str_list *notes;    /* borrowed; notes for the user */
};

/** The rule for a known member. It does not apply to null, which most readers treat as missing. */
enum member_rule {
    MEMBER_READ,     /* understood by the reader of its object */
    MEMBER_HARMLESS, /* changes no feature, whatever its value */
    MEMBER_OFF,      /* must be false, 0, "", [] or {}: other values change the computation */
    MEMBER_IS,       /* must be the text `only` */
};

struct member {
    const char *key; /* NULL ends the table */
    enum member_rule rule;
    const char *only;
};

/**
 * Checks every member of `object` (NULL: nothing to do) against the tables; each may be NULL.
 * @param path  of the object, "model_cfg.vision_cfg." or ""; precedes the keys in messages
 * @return OK; ERR_FORMAT with file, line and key if it is not an object, for an unsupported value, and for an
 * unknown member unless document->accept_unknown
 */
int members_check(const struct weights_document *document, const struct json *object, const char *path,
                  const struct member *table, const struct member *more);

/** Refuses a value that is understood but not supported: ERR_FORMAT "FILE:LINE: 'key': " and the reason. */
int member_refuse(const struct weights_document *document, const struct json *value, const char *reason);

/* A missing or null member leaves `*out` unchanged; another type is ERR_FORMAT. Texts are borrowed. */
int member_i64(int64_t *out, const struct weights_document *d, const struct json *object, const char *key);
int member_f64(double *out, const struct weights_document *d, const struct json *object, const char *key);
int member_bool(bool *out, const struct weights_document *d, const struct json *object, const char *key);
int member_text(const char **out, const struct weights_document *d, const struct json *object,
                const char *key);
/** A switch; null turns it off, as in Python; a missing one leaves `*out` unchanged. */
int member_switch(bool *out, const struct weights_document *d, const struct json *object, const char *key);
/** The member, borrowed; NULL if it is missing or null. */
const struct json *member_get(const struct json *object, const char *key);
/** Whether the value is false in Python: null, false, 0, "", [] or {}. */
bool member_is_off(const struct json *value);
/** A side in pixels: a number, or a list of two equal ones. */
int member_side(int64_t *out, const struct weights_document *d, const struct json *object, const char *key);

/** If the configuration has this size, it must agree with the tensors. */
int member_agrees(const struct weights_document *d, const struct json *object, const char *key,
                  int64_t found);
int member_side_agrees(const struct weights_document *d, const struct json *object, const char *key,
                       int64_t found);
/** The same, but a missing size has the library's default, which must agree with the tensors, too. */
int member_default_agrees(const struct weights_document *d, const struct json *object, const char *key,
                          int64_t by_default, int64_t found);

#endif
