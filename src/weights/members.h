/** Members of a configuration: read by type, compared with the tensors, or looked up in a table of what is
 * known. */
#ifndef PROMPT_SRC_WEIGHTS_MEMBERS_H
#define PROMPT_SRC_WEIGHTS_MEMBERS_H

#include "prompt/base/json.h"
#include "prompt/base/str.h"

/** A configuration that is being read. */
struct weights_document {
    const struct json_doc *doc;
    bool accept_unknown;       /* model.accept_unknown */
    struct str_list *accepted; /* "model_cfg.vision_cfg.new": what it let pass; borrowed */
    struct str_list *notes;    /* what a user should know; borrowed */
};

/** What is known of a member. Of a null the rule does not matter: most readers take it as missing. */
enum member_rule {
    MEMBER_READ,     /* understood where its object is read */
    MEMBER_HARMLESS, /* changes no feature, whatever it is */
    MEMBER_OFF,      /* must be false, 0, "", [] or {}: anything else is another computation */
    MEMBER_IS,       /* must be the text `only` */
};

struct member {
    const char *key; /* NULL ends the table */
    enum member_rule rule;
    const char *only;
};

/**
 * Every member of `object` (NULL: nothing to do) against the tables; each may be NULL.
 * @param path  of the object, "model_cfg.vision_cfg." or ""; stands before the keys in messages
 * @return OK; ERR_FORMAT with file, line and key for what is no object, for a value that is not followed, and
 * for an unknown member unless document->accept_unknown
 */
int members_check(const struct weights_document *document, const struct json *object, const char *path,
                  const struct member *table, const struct member *more);

/** A value that is understood and not followed: ERR_FORMAT "FILE:LINE: 'key': " and the reason. */
int member_refuse(const struct weights_document *document, const struct json *value, const char *reason);

/* A missing or null member leaves `*out` alone; another type is ERR_FORMAT. */
int member_i64(int64_t *out, const struct weights_document *d, const struct json *object, const char *key);
int member_f64(double *out, const struct weights_document *d, const struct json *object, const char *key);
int member_bool(bool *out, const struct weights_document *d, const struct json *object, const char *key);
int member_text(const char **out, const struct weights_document *d, const struct json *object,
                const char *key);
/** A switch, which null turns off, as Python takes it; a missing one leaves `*out` alone. */
int member_switch(bool *out, const struct weights_document *d, const struct json *object, const char *key);
/** The member, NULL if it is missing or null. */
const struct json *member_get(const struct json *object, const char *key);
/** Null, false, 0, "", [] or {}: what Python takes for false. */
bool member_is_off(const struct json *value);
/** A side in pixels: a number, or a list of two equal ones. */
int member_side(int64_t *out, const struct weights_document *d, const struct json *object, const char *key);

/** A size that the configuration may name must be the tensors'. */
int member_agrees(const struct weights_document *d, const struct json *object, const char *key,
                  int64_t found);
int member_side_agrees(const struct weights_document *d, const struct json *object, const char *key,
                       int64_t found);
/** A size that the configuration leaves out has the library's default, which must be the tensors'. */
int member_default_agrees(const struct weights_document *d, const struct json *object, const char *key,
                          int64_t by_default, int64_t found);

#endif
