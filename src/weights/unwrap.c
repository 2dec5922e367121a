/*
 * Finds the model in a file: the prefix of its tensors' names.
 *
 * Training scripts put dicts around a state dict ("state_dict", "model", ...) and wrappers put a prefix
 * before all names ("module.", "_orig_mod.", ...). No list of them is needed: the names of the image encoder
 * that all CLIPs have show their prefix.
 */
#include "unwrap.h"

#include <stdlib.h>
#include <string.h>

#include "foreign.h"
#include "names.h"
#include "prompt/base/str.h"
#include "raw.h"

enum {
    MAX_ROOTS = 32,          /* a file with more prefixes before CLIP's names is not a model */
    MAX_MODEL_TENSORS = 8192 /* five times the largest CLIP's; the search for a name is linear */
};

/* The prefix of a tower's names, and the number of tensors with it. */
struct root {
    const char *text; /* borrowed; the first `n` bytes of a name */
    size_t n;
    size_t n_outer; /* of the first tensor with this prefix */
    bool has_text_tower;
};

struct roots {
    struct root items[MAX_ROOTS];
    size_t n;
};

static const char *const vision_marks[] = {
    "visual.transformer.resblocks.", "visual.conv1.weight",      /* OpenAI, open_clip */
    "vision_model.encoder.layers.", "vision_model.embeddings.p", /* Hugging Face */
};
static const char *const text_marks[] = {
    "transformer.resblocks.",      "token_embedding.weight",     "text.transformer.resblocks.",
    "text.token_embedding.weight", "text_model.encoder.layers.", "text_model.embeddings.token_embedding.",
};
static const char custom_prefix[] = "text."; /* before the text tower of open_clip's CustomTextCLIP */

static const char *find_last(const char *text, const char *part)
{
    const char *last = NULL;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
        last = at;
    return last;
}

static bool is_below(const struct raw_tensor *item, const struct root *root)
{
    return strncmp(item->name, root->text, root->n) == 0;
}

static void add_root(struct roots *roots, const struct raw_tensor *item, size_t n)
{
    for (size_t i = 0; i < roots->n; i++)
        if (roots->items[i].n == n && is_below(item, &roots->items[i]))
            return;
    if (roots->n < MAX_ROOTS)
        roots->items[roots->n++] = (struct root){.text = item->name, .n = n, .n_outer = item->n_outer};
}

static bool has_text_tower(const struct weights_raw *raw, const struct root *root)
{
    for (size_t i = 0; i < raw->n; i++)
        for (size_t k = 0; k < sizeof text_marks / sizeof text_marks[0]; k++)
            if (is_below(&raw->items[i], root) &&
                str_starts_with(raw->items[i].name + root->n, text_marks[k]))
                return true;
    return false;
}

/* The roots that hold both towers. */
static void find_models(struct roots *out, const struct weights_raw *raw)
{
    struct roots all = {.n = 0};
    for (size_t i = 0; i < raw->n; i++)
        for (size_t k = 0; k < sizeof vision_marks / sizeof vision_marks[0]; k++) {
            const char *at = find_last(raw->items[i].name, vision_marks[k]);
            if (at)
                add_root(&all, &raw->items[i], (size_t)(at - raw->items[i].name));
        }
    out->n = 0;
    for (size_t i = 0; i < all.n; i++)
        if (has_text_tower(raw, &all.items[i]))
            out->items[out->n++] = all.items[i];
}

static const struct raw_tensor *find_below(const struct weights_raw *raw, const struct root *root,
                                           const char *name)
{
    for (size_t i = 0; i < raw->n; i++)
        if (is_below(&raw->items[i], root) && strcmp(raw->items[i].name + root->n, name) == 0)
            return &raw->items[i];
    return NULL;
}

/* Whether two models are the same tensors under two names. */
static bool are_same(const struct weights_raw *raw, const struct root *a, const struct root *b)
{
    for (size_t i = 0; i < raw->n; i++) {
        const struct raw_tensor *item = &raw->items[i];
        if (!is_below(item, a) || weights_is_passed_over(item->name + a->n))
            continue;
        const struct raw_tensor *other = find_below(raw, b, item->name + a->n);
        if (!other || !item->value || !other->value || !t_data(item->value) ||
            t_data(item->value) != t_data(other->value))
            return false;
    }
    return true;
}

/* Refuses several models in one file, such as a trained one and its average: only the owner can choose. */
static int refuse_several(const struct weights_raw *raw, const struct roots *models)
{
    struct str names = {0};
    bool differ = false;
    for (size_t i = 0; i < models->n; i++) {
        const struct root *m = &models->items[i];
        differ = differ || !are_same(raw, m, &models->items[0]);
        str_appendf(&names, "%s'%.*s'", i == 0 ? "" : ", ", (int)(m->n < 120 ? m->n : 120), m->text);
    }
    int status = str_status(&names);
    if (status == OK && differ)
        status =
            error_set(ERR_FORMAT, "holds %zu models, below the names %s: save the state dict of one of them",
                      models->n, str_text(&names));
    str_free(&names);
    return status;
}

/* ---------------------------------------------------------------- taking its tensors */

/* The bytes of the root that come from dicts around the state dict; those may hold other things, too. */
static size_t outer_of(const struct root *root)
{
    const char *outer = "state_dict."; /* for formats without dicts, such as safetensors */
    size_t n = root->n_outer < root->n ? root->n_outer : root->n;
    if (n < strlen(outer) && root->n >= strlen(outer) && strncmp(root->text, outer, strlen(outer)) == 0)
        n = strlen(outer);
    return n;
}

/* In the state dict itself every tensor must have the prefix. */
static int refuse_outsiders(const struct weights_raw *raw, const struct root *root)
{
    const size_t n_outer = outer_of(root);
    const char *first = NULL;
    size_t n_inside = 0;
    size_t n_all = 0;
    for (size_t i = 0; i < raw->n; i++) {
        const struct raw_tensor *item = &raw->items[i];
        if (strncmp(item->name, root->text, n_outer) != 0)
            continue;
        n_all++;
        if (is_below(item, root))
            n_inside++;
        else if (!first)
            first = item->name + n_outer;
    }
    if (!first)
        return OK;
    return error_set(ERR_FORMAT,
                     "unexpected tensor '%.120s': the names of %zu of %zu tensors start with '%.*s'", first,
                     n_inside, n_all, (int)(root->n - n_outer), root->text + n_outer);
}

/* For open_clip's custom_text: the name without "text." if it belongs to the text tower. */
static const char *plain_name(const char *name, bool is_custom_text)
{
    return is_custom_text && str_starts_with(name, custom_prefix) ? name + strlen(custom_prefix) : name;
}

/* Refuses tensors of an unsupported kind under names of the model. */
static int refuse_unread(const struct weights_raw *raw, const struct root *root)
{
    const struct raw_tensor *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < raw->n; i++) {
        const struct raw_tensor *item = &raw->items[i];
        if (item->value || !is_below(item, root) || weights_is_passed_over(item->name + root->n))
            continue;
        n++;
        if (!first)
            first = item;
    }
    if (!first)
        return OK;
    struct str more = {0};
    if (n > 1)
        str_appendf(&more, " (as %s %zu more)", n == 2 ? "is" : "are", n - 1);
    int status = str_status(&more);
    if (status == OK)
        status = error_set(
            ERR_FORMAT,
            "tensor '%.120s' %s%s: only plain tensors of float32, float16, bfloat16 or float64 are supported",
            first->name + root->n, first->found ? first->found : "is not supported", str_text(&more));
    str_free(&more);
    return status;
}

static int note_changes(struct weights *w, bool is_custom_text, bool has_bias)
{
    int status = OK;
    if (is_custom_text)
        status =
            str_list_add(&w->notes, "the text tower's names start with 'text.' (open_clip's custom_text)");
    if (status == OK && has_bias)
        status = str_list_add(&w->notes, "'logit_bias' is left out: it has no effect on a softmax");
    return status;
}

static int take(struct params *out, struct weights *w, const struct weights_raw *raw, const struct root *root)
{
    const bool is_custom_text = find_below(raw, root, "text.token_embedding.weight") ||
                                find_below(raw, root, "text.transformer.resblocks.0.ln_1.weight");
    bool has_bias = false;
    int status = OK;
    for (size_t i = 0; i < raw->n && status == OK; i++) {
        const struct raw_tensor *item = &raw->items[i];
        if (!is_below(item, root))
            continue;
        const char *name = plain_name(item->name + root->n, is_custom_text);
        if (strcmp(name, "logit_bias") == 0)
            has_bias = true;
        else if (out->n == MAX_MODEL_TENSORS)
            status = error_set(ERR_FORMAT, "more than %d tensors", (int)MAX_MODEL_TENSORS);
        else if (item->value)
            status = params_add(out, name, item->value);
    }
    return status == OK ? note_changes(w, is_custom_text, has_bias) : status;
}

int weights_unwrap(struct params *out, struct weights *w, const struct weights_raw *raw)
{
    struct roots models;
    find_models(&models, raw);
    int status = weights_refuse_other_models(w, raw);
    if (status == OK && models.n == 0)
        status = weights_say_what_is_there(w, raw);
    if (status == OK && models.n > 1)
        status = refuse_several(raw, &models);
    const struct root *root = &models.items[0];
    if (status != OK || (status = refuse_outsiders(raw, root)) != OK ||
        (status = refuse_unread(raw, root)) != OK || (status = take(out, w, raw, root)) != OK)
        return status;
    free(w->prefix);
    w->prefix = str_dup_n(root->text, root->n);
    return w->prefix ? OK : ERR_MEMORY;
}
