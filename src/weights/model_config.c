/* Combines the sources of heads, activations, epsilons and preprocessing. */
#include "model_config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config_files.h"
#include "facts.h"
#include "preprocess_ours.h"
#include "prompt/base/json_write.h"
#include "prompt/base/str.h"

/* The towers in our metadata keys. */
static const char *const tower_names[2] = {"vision", "text"};
static const int64_t openai_head_width = 64;

/* ---------------------------------------------------------------- our metadata */

static const char *get_ours(const struct metadata *m, const char *tower, const char *field)
{
    char key[64];
    snprintf(key, sizeof key, "prompt.%s_%s", tower, field);
    return m ? metadata_get(m, key) : NULL;
}

static int set_ours(struct metadata *m, const char *tower, const char *field, const char *value)
{
    char key[64];
    snprintf(key, sizeof key, "prompt.%s_%s", tower, field);
    return metadata_set(m, key, value);
}

static int read_ours(struct weights_tower_facts *out, bool *found, const struct metadata *m,
                     const char *tower)
{
    const char *heads = get_ours(m, tower, "heads");
    const char *activation = get_ours(m, tower, "activation");
    const char *norm_eps = get_ours(m, tower, "norm_eps");
    *found = *found || heads || activation || norm_eps;
    if (heads && str_parse_i64(&out->n_heads, heads) != OK)
        return error_set(ERR_FORMAT, "metadata 'prompt.%s_heads': expected a whole number, found '%.40s'",
                         tower, heads);
    if (norm_eps && str_parse_f64(&out->norm_eps, norm_eps) != OK)
        return error_set(ERR_FORMAT, "metadata 'prompt.%s_norm_eps': expected a number, found '%.40s'", tower,
                         norm_eps);
    if (activation && nn_parse_activation(&out->activation, activation, ERR_FORMAT) != OK)
        return error_context("metadata 'prompt.%s_activation'", tower);
    return OK;
}

int weights_metadata(struct metadata *out, const struct weights *w)
{
    *out = (struct metadata){0};
    int status = metadata_set(out, "format", "pt"); /* required by Hugging Face's loaders */
    const struct tower_dims *towers[2] = {&w->dims.vision, &w->dims.text};
    for (int i = 0; i < 2 && status == OK; i++) {
        struct str text = {0};
        str_appendf(&text, "%" PRId64, towers[i]->n_heads);
        status = set_ours(out, tower_names[i], "heads", str_text(&text));
        if (status == OK)
            status = set_ours(out, tower_names[i], "activation", activation_names[towers[i]->activation]);
        str_clear(&text);
        json_write_f64(&text, towers[i]->norm_eps);
        if (status == OK && (status = set_ours(out, tower_names[i], "norm_eps", str_text(&text))) == OK)
            status = str_status(&text);
        str_free(&text);
    }
    if (status == OK)
        status = weights_write_preprocess(out, &w->preprocess);
    if (status != OK)
        metadata_free(out);
    return status;
}

/* ---------------------------------------------------------------- all sources together */

static int apply_options(struct weights_facts *facts, const struct weights_options *options)
{
    if (!options)
        return OK;
    if (options->vision_heads > 0)
        facts->vision.n_heads = options->vision_heads;
    if (options->text_heads > 0)
        facts->text.n_heads = options->text_heads;
    if (options->norm_eps > 0) {
        facts->vision.norm_eps = options->norm_eps;
        facts->text.norm_eps = options->norm_eps;
    }
    if (options->activation && options->activation[0] != '\0') {
        if (nn_parse_activation(&facts->vision.activation, options->activation, ERR_USAGE) != OK)
            return error_context("model.activation");
        facts->text.activation = facts->vision.activation;
    }
    return weights_apply_preprocess(&facts->preprocess, options);
}

static bool is_given(const char *text)
{
    return text && text[0] != '\0';
}

/* If the options give all of the preprocessing, its files are not read. The towers' configuration always is:
 * it may name a computation that no option covers. */
static struct weights_wanted wanted_from_files(struct weights *w, const struct weights_options *o)
{
    static const struct weights_options none = {0};
    o = o ? o : &none;
    return (struct weights_wanted){.preprocess = !is_given(o->image_mean) || !is_given(o->image_std) ||
                                                 !is_given(o->interpolation) || !is_given(o->resize_mode),
                                   .accept_unknown = o->accept_unknown,
                                   .accepted = &w->accepted,
                                   .notes = &w->notes};
}

static int check_known(const struct weights_facts *facts)
{
    const struct weights_tower_facts *v = &facts->vision;
    const struct weights_tower_facts *t = &facts->text;
    struct str unknown = {0};
    if (v->n_heads == 0)
        str_append(&unknown, ", model.vision_heads");
    if (t->n_heads == 0)
        str_append(&unknown, ", model.text_heads");
    if (v->activation < 0 || t->activation < 0)
        str_append(&unknown, ", model.activation");
    if (!(v->norm_eps != 0) || !(t->norm_eps != 0))
        str_append(&unknown, ", model.norm_eps");
    int status = str_status(&unknown);
    if (status == OK && unknown.len > 0)
        status = error_set(
            ERR_FORMAT,
            "the file does not specify heads, activation or epsilon: put its config.json (Hugging Face) or "
            "open_clip_config.json beside it, or set %s",
            unknown.data + strlen(", "));
    str_free(&unknown);
    return status;
}

static int apply_tower(struct tower_dims *tower, const struct weights_tower_facts *facts, const char *name)
{
    if (facts->n_heads < 1 || tower->width % facts->n_heads != 0)
        return error_set(ERR_FORMAT, "%s tower: width %" PRId64 " does not divide into %" PRId64 " heads",
                         name, tower->width, facts->n_heads);
    if (!(facts->norm_eps > 0) || !(facts->norm_eps < 1)) /* refuses a NaN, too */
        return error_set(ERR_FORMAT, "%s tower: layer norm's epsilon %g is not between 0 and 1", name,
                         facts->norm_eps);
    tower->n_heads = facts->n_heads;
    tower->activation = (enum activation)facts->activation;
    tower->norm_eps = facts->norm_eps;
    return OK;
}

/* Reads the facts from the file itself or its library's configuration. */
static int read_files(struct weights_facts *facts, bool *is_ours, struct weights *w,
                      const struct weights_origin *origin, const struct weights_options *options)
{
    const struct weights_wanted wanted = wanted_from_files(w, options);
    int status = OK;
    if ((status = read_ours(&facts->vision, is_ours, origin->metadata, tower_names[0])) == OK &&
        (status = read_ours(&facts->text, is_ours, origin->metadata, tower_names[1])) == OK)
        status = weights_read_preprocess(&facts->preprocess, is_ours, origin->metadata);
    if (status != OK || *is_ours)
        return status;
    if (!origin->is_openai_archive)
        return weights_config_beside(facts, origin, &w->dims, &wanted);
    facts->vision = (struct weights_tower_facts){w->dims.vision.width / openai_head_width,
                                                 ACTIVATION_QUICK_GELU, WEIGHTS_USUAL_NORM_EPS};
    facts->text = (struct weights_tower_facts){w->dims.text.width / openai_head_width, ACTIVATION_QUICK_GELU,
                                               WEIGHTS_USUAL_NORM_EPS};
    return OK;
}

int weights_read_facts(struct weights_facts *out, bool *is_ours, struct weights *w,
                       const struct weights_origin *origin, const struct weights_options *options)
{
    const struct weights_tower_facts nothing = {.activation = -1};
    *out = (struct weights_facts){
        .vision = nothing, .text = nothing, .preprocess = preprocess_default(w->dims.image_px)};
    *is_ours = false;
    int status = read_files(out, is_ours, w, origin, options);
    return status == OK ? apply_options(out, options) : status;
}

int weights_apply_facts(struct weights *w, const struct weights_facts *facts)
{
    int status = check_known(facts);
    if (status == OK)
        status = apply_tower(&w->dims.vision, &facts->vision, "vision");
    w->preprocess = facts->preprocess;
    return status == OK ? apply_tower(&w->dims.text, &facts->text, "text") : status;
}
