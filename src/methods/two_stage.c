/*
 * 2SFS (Farina et al., Rethinking Few-Shot Adaptation of Vision-Language Models in Two Stages, CVPR 2025): first
 * the norms of all blocks of both towers, then, with frozen towers, a row of weights for each class. A class that
 * training knows is recognized by its row, any other by its caption in the changed text tower.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/methods/tuned_towers.h"

static const char PREFIX[] = "norms", CLASSIFIER[] = "classifier";
enum { NORMS, ROWS }; /* the stages */

/* ---------------------------------------------------------------- trained tensors */

static int add_norms(struct method *m, enum tower tower)
{
    scope *s = scope_open(m->scope, SCOPE_GRAD_OFF);
    tensor *weight = NULL, *bias = NULL;
    char name[64];
    clip_block_norms(&weight, &bias, s, m->clip, tower);
    tuned_name(name, PREFIX, tower, "weight");
    int status = scope_status(s);
    if (status == OK)
        status = method_add_copy(m, name, weight);
    tuned_name(name, PREFIX, tower, "bias");
    if (status == OK)
        status = method_add_copy(m, name, bias);
    const int closed = scope_close(s);
    return status == OK ? closed : status;
}

/* The rows are zeros until the second stage begins. */
static int create(struct method *m, const struct method_init *init)
{
    const int64_t K = init->n_train_classes, d = m->clip->dims.embed_dim;
    if (m->options.regularization.average_deviation > 0.0)
        return error_set(ERR_USAGE,
                         "average.deviation: method two_stage has no average over epochs, as its two "
                         "stages train different tensors");
    if (m->options.regularization.image_weight > 0.0)
        return error_set(ERR_USAGE,
                         "agreement.image_weight: method two_stage leaves the image features alone in "
                         "its second stage");
    int status = add_norms(m, TOWER_TEXT);
    if (status == OK)
        status = add_norms(m, TOWER_VISION);
    return status == OK ? method_add_zeros(m, CLASSIFIER, SHAPE(K, d)) : status;
}

/* ---------------------------------------------------------------- stages */

static int64_t n_first(const struct method_options *o, int64_t n_steps)
{
    return (int64_t)floor(o->two_stage_share * (double)n_steps);
}

static bool trains(const char *name, int64_t stage)
{
    return (strcmp(name, CLASSIFIER) == 0) == (stage == ROWS);
}

static struct tower_tuning tuning_of(const struct method *m, enum tower tower)
{
    return (struct tower_tuning){.tower = tower,
                                 .norm_weight = tuned_find(m, PREFIX, tower, "weight"),
                                 .norm_bias = tuned_find(m, PREFIX, tower, "bias")};
}

static tensor *encode_text(scope *s, const struct method *m, struct tape *tape,
                           const struct class_texts *classes)
{
    const struct tower_tuning tuning = tuning_of(m, TOWER_TEXT);
    return tuned_encode_text(s, m, tape, classes, &tuning);
}

/* The rows begin as the captions' normalized features. */
static int begin_stage(struct method *m, const struct class_texts *classes)
{
    scope *s = scope_open(m->scope, SCOPE_GRAD_OFF);
    tensor *z = t_normalize(s, encode_text(s, m, NULL, classes), -1);
    t_copy_(s, params_find(&m->trained, CLASSIFIER), t_squeeze(s, z, 0));
    return scope_close(s);
}

/* ---------------------------------------------------------------- forward */

/* The rows of classes that training knows, the captions' features of the others: [1,K,d]. */
static tensor *select_rows(scope *s, const struct method *m, const struct class_texts *classes)
{
    const tensor *rows = params_find(&m->trained, CLASSIFIER);
    if (!classes->trained_rows)
        return t_unsqueeze(s, rows, 0);
    const int64_t K = classes->rows->n, n_trained = t_size(rows, 0);
    int64_t *picks = malloc((size_t)K * sizeof *picks);
    if (!picks) {
        scope_fail(s, error_out_of_memory());
        return NULL;
    }
    for (int64_t k = 0; k < K; k++)
        picks[k] = classes->trained_rows[k] >= 0 ? classes->trained_rows[k] : n_trained + k;
    tensor *all = t_cat(s, TENSORS(rows, t_squeeze(s, encode_text(s, m, NULL, classes), 0)), 0);
    tensor *picked = t_index_select(s, all, 0, t_from_i64(s, picks, SHAPE(K), m->clip->device));
    free(picks);
    return t_unsqueeze(s, picked, 0);
}

static tensor *fixed_text(scope *s, const struct method *m, struct tape *tape,
                          const struct class_texts *classes)
{
    return m->stage == ROWS ? select_rows(s, m, classes) : encode_text(s, m, tape, classes);
}

/* The images' features without gradients. */
static tensor *encode_frozen(struct method_output *out, scope *outer, const struct method *m,
                             const struct method_inputs *in, const struct tower_tuning *vision)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    tensor *x = scope_keep(s, tuned_encode_image(out, s, m, NULL, in, vision));
    out->features[0] = scope_keep(s, out->features[0]);
    out->logits[0] = scope_keep(s, out->logits[0]);
    scope_close(s);
    return x;
}

/* In the second stage no gradient reaches the towers. */
static void forward(struct method_output *out, scope *s, const struct method *m,
                    const struct method_inputs *in)
{
    const struct tower_tuning vision = tuning_of(m, TOWER_VISION);
    const tensor *z = in->fixed_text ? in->fixed_text : fixed_text(s, m, &out->tape, in->classes);
    const tensor *x = m->stage == ROWS ? encode_frozen(out, s, m, in, &vision)
                                       : tuned_encode_image(out, s, m, &out->tape, in, &vision);
    tuned_output(out, s, m, x, z);
}

static int merge(const struct method *m, struct weights *w, enum tower tower, int64_t layer)
{
    static const char *const names[] = {"ln_1.weight", "ln_2.weight", "ln_1.bias", "ln_2.bias"};
    scope *s = scope_open(m->scope, SCOPE_GRAD_OFF);
    int status = OK;
    for (int64_t i = 0; status == OK && i < 4; i++) {
        const tensor *all = tuned_find(m, PREFIX, tower, i < 2 ? "weight" : "bias");
        const tensor *value = t_select(s, t_select(s, all, 0, layer), 0, i % 2);
        status = value ? tuned_merge(w, tower, layer, names[i], value, false) : scope_status(s);
    }
    const int closed = scope_close(s);
    return status == OK ? closed : status;
}

static struct method_passes passes(const struct method *m, int64_t n_images, int64_t n_classes)
{
    struct method_passes p = tuned_passes(m, n_images, n_classes);
    p.trains_norms = true;
    return p;
}

static struct text_form text_form(const struct method_options *o)
{
    (void)o;
    return (struct text_form){.is_caption = true};
}

const struct method_ops method_two_stage = {.text_form = text_form,
                                            .create = create,
                                            .forward = forward,
                                            .fixed_text = fixed_text,
                                            .passes = passes,
                                            .n_first = n_first,
                                            .trains = trains,
                                            .begin_stage = begin_stage,
                                            .merge = merge};
