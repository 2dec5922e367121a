/*
 * The files of transformers: tokenizer.json, and the vocabulary of vocab.json. Checks every member of
 * tokenizer.json that changes ids: it must be CLIP's own tokenizer, except for the merges. Our cleaning does
 * more than its normalizer.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "merges.h"
#include "prompt/base/json.h"

static int at(const struct json_doc *doc, const struct json *value, const char *key)
{
    return error_context("%s:%zu: '%s'", json_name(doc), json_line(value), key);
}

static struct merges_span span_of(const char *text)
{
    return (struct merges_span){text, strlen(text)};
}

/* ---------------------------------------------------------------- members that must be CLIP's */

/* Members that change no id: offsets, and a second split of indivisible pieces. */
static bool is_harmless(const char *key)
{
    return strcmp(key, "trim_offsets") == 0 || strcmp(key, "use_regex") == 0;
}

/* Whether `value` has all members of `expected`, and besides only harmless ones. */
static bool is_like(const struct json *value, const struct json *expected)
{
    if (!value || json_type(value) != json_type(expected))
        return false;
    const char *text = "", *expected_text = "";
    bool flag = false, expected_flag = false;
    switch (json_type(expected)) {
    case JSON_STRING:
        return json_string(&text, value) == OK && json_string(&expected_text, expected) == OK &&
               strcmp(text, expected_text) == 0;
    case JSON_BOOL:
        return json_bool(&flag, value) == OK && json_bool(&expected_flag, expected) == OK &&
               flag == expected_flag;
    case JSON_ARRAY:
        value = json_first(value);
        for (expected = json_first(expected); expected;
             expected = json_next(expected), value = json_next(value))
            if (!value || !is_like(value, expected))
                return false;
        return !value;
    case JSON_OBJECT:
        for (const struct json *member = json_first(expected); member; member = json_next(member))
            if (!is_like(json_get(value, json_key(member)), member))
                return false;
        for (const struct json *member = json_first(value); member; member = json_next(member))
            if (!json_get(expected, json_key(member)) && !is_harmless(json_key(member)))
                return false;
        return true;
    case JSON_NULL:
    case JSON_NUMBER:
        break;
    }
    return false;
}

/* Checks that the member `key` of tokenizer.json is like one of `n` forms. */
static int check_form(const struct json_doc *doc, const char *key, const char *const *forms, size_t n)
{
    const struct json *value = json_get(json_root(doc), key);
    bool is_known = false;
    for (size_t i = 0; i < n && !is_known; i++) {
        struct json_doc *form = NULL;
        const int status = json_parse(&form, forms[i], strlen(forms[i]), key);
        if (status != OK)
            return status;
        is_known = is_like(value, json_root(form));
        json_free(form);
    }
    if (is_known)
        return OK;
    return json_error(doc, value, "'%s' is not CLIP's, so it is not supported", key);
}

static const char *const normalizers[] = {
    "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"Replace\",\"pattern\":{\"Regex\":"
    "\"\\\\s+\"},\"content\":\" \"},{\"type\":\"Lowercase\"}]}",
};

#define PRE_TOKENIZER(special)                                                                               \
    "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" special        \
    "'s|'t|'re|'ve|'m|'ll|'d|[\\\\p{L}]+|[\\\\p{N}]|[^\\\\s\\\\p{L}\\\\p{N}]+\"},\"behavior\":\"Removed\","  \
    "\"invert\":true},{\"type\":\"ByteLevel\",\"add_prefix_space\":false}]}"

static const char *const pre_tokenizers[] = {
    PRE_TOKENIZER(""), /* transformers 4 */
    PRE_TOKENIZER("<\\\\|startoftext\\\\|>|<\\\\|endoftext\\\\|>|"),
};

/* The values that a member of the root or of the model may have. */
struct known_member {
    const char *key;
    const char *text; /* it must be this text or be missing; NULL: any value */
    bool may_be_null;
};

/* null and false count as missing where only one text is allowed. */
static bool is_allowed(const struct json *member, const struct known_member *known)
{
    const char *text = "";
    bool flag = false;
    double number = 0;
    switch (json_type(member)) {
    case JSON_NULL:
        return known->may_be_null;
    case JSON_BOOL:
        return json_bool(&flag, member) == OK && !flag && known->may_be_null;
    case JSON_NUMBER:
        return json_f64(&number, member) == OK && number == 0 && known->may_be_null;
    case JSON_STRING:
        return json_string(&text, member) == OK && strcmp(text, known->text) == 0;
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return false;
}

static int check_members(const struct json_doc *doc, const struct json *object,
                         const struct known_member *known, size_t n)
{
    for (const struct json *member = json_first(object); member; member = json_next(member)) {
        size_t i = 0;
        while (i < n && strcmp(json_key(member), known[i].key) != 0)
            i++;
        if (i == n)
            return json_error(doc, member, "'%.80s' is an unknown member", json_key(member));
        if (known[i].text && !is_allowed(member, &known[i]))
            return known[i].may_be_null
                       ? json_error(doc, member, "'%s' is not supported: expected it off or empty",
                                    json_key(member))
                       : json_error(doc, member, "'%s' is not supported: expected \"%s\"", json_key(member),
                                    known[i].text);
    }
    return OK;
}

static int check_root(const struct json_doc *doc)
{
    /* the program itself refuses long texts, pads rows, and adds start and end */
    static const struct known_member known[] = {
        {.key = "version"},        {.key = "truncation"}, {.key = "padding"},
        {.key = "added_tokens"},   {.key = "normalizer"}, {.key = "pre_tokenizer"},
        {.key = "post_processor"}, {.key = "decoder"},    {.key = "model"}};
    return check_members(doc, json_root(doc), known, sizeof known / sizeof known[0]);
}

static int check_model(const struct json_doc *doc, const struct json *model)
{
    static const struct known_member known[] = {
        {.key = "type", .text = "BPE"},
        {.key = "dropout", .text = "", .may_be_null = true},
        {.key = "unk_token"}, /* every byte is known */
        {.key = "fuse_unk"},
        {.key = "continuing_subword_prefix", .text = "", .may_be_null = true},
        {.key = "end_of_word_suffix", .text = "</w>"},
        {.key = "byte_fallback", .text = "", .may_be_null = true},
        {.key = "ignore_merges", .text = "", .may_be_null = true},
        {.key = "vocab"},
        {.key = "merges"}};
    static const char *const needed[] = {"end_of_word_suffix", "vocab", "merges"};
    if (!model || json_type(model) != JSON_OBJECT)
        return error_set(ERR_FORMAT, "%s: expected a tokenizer.json with an object 'model'", json_name(doc));
    int status = check_members(doc, model, known, sizeof known / sizeof known[0]);
    for (size_t i = 0; status == OK && i < sizeof needed / sizeof needed[0]; i++)
        if (!json_get(model, needed[i]))
            status = json_error(doc, model, "'model' has no '%s': it is not CLIP's tokenizer", needed[i]);
    return status;
}

/* ---------------------------------------------------------------- vocabulary */

static int check_token(const struct merges_builder *b, const char *token, const struct json *id)
{
    int64_t found = 0;
    if (json_i64(&found, id) != OK)
        return ERR_FORMAT;
    const uint32_t expected = merges_id_of(b, span_of(token));
    if (expected == MERGES_NONE)
        return merges_refuse("expected a token that the merges make", span_of(token));
    if (found == (int64_t)expected)
        return OK;
    return error_set(ERR_FORMAT, "expected %" PRIu32 ", its id by the merges, found %" PRId64, expected,
                     found);
}

static int check_vocab(const struct merges_builder *b, const struct json_doc *doc, const struct json *vocab)
{
    if (json_type(vocab) != JSON_OBJECT)
        return json_error(doc, vocab, "expected the vocabulary as an object");
    size_t n = 0;
    for (const struct json *token = json_first(vocab); token; token = json_next(token), n++)
        if (check_token(b, json_key(token), token) != OK)
            return at(doc, token, json_key(token));
    if (n == merges_vocab_size(b))
        return OK;
    return json_error(doc, vocab,
                      "expected a vocabulary of %" PRIu32 " tokens, as the merges make it, found %zu",
                      merges_vocab_size(b), n);
}

int merges_check_vocab_file(const struct merges_builder *b, const char *path)
{
    struct json_doc *doc = NULL;
    int status = json_read_file(&doc, path);
    if (status == OK)
        status = check_vocab(b, doc, json_root(doc));
    json_free(doc);
    return status;
}

/* Each must be the start or the end token: another would be cut out of the text before anything else. */
static int check_added(const struct merges_builder *b, const struct json_doc *doc)
{
    const struct json *added = json_get(json_root(doc), "added_tokens");
    for (const struct json *token = json_first(added); token; token = json_next(token)) {
        const struct json *content = json_get(token, "content"), *id = json_get(token, "id");
        const char *text = "";
        if (!content || !id || json_string(&text, content) != OK)
            return json_error(doc, token, "'added_tokens': expected 'id' and 'content'");
        const bool is_ours = strcmp(text, "<|startoftext|>") == 0 || strcmp(text, "<|endoftext|>") == 0;
        if ((is_ours
                 ? check_token(b, text, id)
                 : merges_refuse("expected only CLIP's two, others are not supported", span_of(text))) != OK)
            return at(doc, token, "added_tokens");
    }
    return OK;
}

/* ---------------------------------------------------------------- merges */

/* "left right", or ["left", "right"] since tokenizers 0.20. */
static int add_merge(struct merges_builder *b, const struct json *merge)
{
    const char *texts[2] = {"", ""};
    struct merges_span pair[2];
    int status = OK;
    if (json_type(merge) == JSON_ARRAY && json_size(merge) == 2) {
        status = json_string(&texts[0], json_first(merge));
        if (status == OK)
            status = json_string(&texts[1], json_next(json_first(merge)));
        pair[0] = span_of(texts[0]);
        pair[1] = span_of(texts[1]);
    } else {
        status = json_string(&texts[0], merge);
        if (status == OK)
            status = merges_split(pair, span_of(texts[0]));
    }
    return status == OK ? merges_add(b, pair[0], pair[1]) : status;
}

static int add_merges(struct merges_builder *b, const struct json_doc *doc, const struct json *merges)
{
    for (const struct json *merge = json_first(merges); merge; merge = json_next(merge)) {
        const int status = add_merge(b, merge);
        if (status != OK)
            return at(doc, merge, "merges");
    }
    return OK;
}

static int build(struct merges *out, const struct json_doc *doc)
{
    const struct json *model = json_get(json_root(doc), "model");
    int status = OK;
    if ((status = check_model(doc, model)) == OK && (status = check_root(doc)) == OK &&
        (status = check_form(doc, "normalizer", normalizers, sizeof normalizers / sizeof normalizers[0])) ==
            OK)
        status = check_form(doc, "pre_tokenizer", pre_tokenizers,
                            sizeof pre_tokenizers / sizeof pre_tokenizers[0]);
    if (status != OK)
        return status;
    const struct json *merges = json_get(model, "merges");
    const size_t n = json_size(merges);
    if (json_type(merges) != JSON_ARRAY || n == 0 || n > MERGES_MAX)
        return json_error(doc, merges, "'merges': expected an array of 1 to %d", MERGES_MAX);
    struct merges_builder *b = NULL;
    if ((status = merges_begin(&b, n)) == OK && (status = add_merges(b, doc, merges)) == OK &&
        (status = check_vocab(b, doc, json_get(model, "vocab"))) == OK)
        status = check_added(b, doc);
    merges_end(status == OK ? out : NULL, b);
    return status;
}

int merges_parse_json(struct merges *out, const char *text, size_t n, const char *name)
{
    *out = (struct merges){0};
    struct json_doc *doc = NULL;
    int status = json_parse(&doc, text, n, name);
    if (status == OK)
        status = build(out, doc);
    json_free(doc);
    return status;
}
