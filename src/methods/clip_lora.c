/*
 * CLIP-LoRA (Zanella and Ben Ayed, CVPRW 2024): low-rank additions to query, key and value in every block of both
 * towers. The text is the caption; in training, the additions' inputs are dropped at random.
 */
#include <inttypes.h>
#include <math.h>

#include "prompt/methods/tuned_towers.h"

static const char PREFIX[] = "lora";

/* a [L,3,r,W] uniform in +-1/sqrt(W), b [L,3,W,r] zeros, so that the additions begin at 0. */
static int add_pair(struct method *m, const struct method_init *init, enum tower tower,
                    const struct tower_dims *dims)
{
    const int64_t L = dims->n_layers, W = dims->width, r = m->options.lora_rank;
    if (r > W)
        return error_set(ERR_USAGE, "lora.rank: %" PRId64 " is more than the %s tower's width, %" PRId64, r,
                         tower_names[tower], W);
    char name[64];
    tuned_name(name, PREFIX, tower, "a");
    int status = method_add_uniform(m, init->seed, name, 1.0 / sqrt((double)W), SHAPE(L, 3, r, W));
    tuned_name(name, PREFIX, tower, "b");
    return status == OK ? method_add_zeros(m, name, SHAPE(L, 3, W, r)) : status;
}

static int create(struct method *m, const struct method_init *init)
{
    int status = add_pair(m, init, TOWER_TEXT, &m->clip->dims.text);
    return status == OK ? add_pair(m, init, TOWER_VISION, &m->clip->dims.vision) : status;
}

/* `step` of the training; 0: no dropout. `first` row of the dropout. */
static struct tower_tuning tuning_of(const struct method *m, enum tower tower, int64_t step, int64_t first)
{
    const struct method_options *o = &m->options;
    return (struct tower_tuning){
        .tower = tower,
        .a = tuned_find(m, PREFIX, tower, "a"),
        .b = tuned_find(m, PREFIX, tower, "b"),
        .scale = o->lora_alpha / sqrt((double)o->lora_rank),
        .dropout = {.p = step > 0 ? o->lora_dropout : 0.0, .seed = m->seed, .step = step, .first_row = first},
    };
}

static tensor *encode_text(scope *s, const struct method *m, struct tape *tape,
                           const struct class_texts *classes, int64_t step)
{
    const struct tower_tuning tuning = tuning_of(m, TOWER_TEXT, step, 0);
    return tuned_encode_text(s, m, tape, classes, &tuning);
}

static tensor *fixed_text(scope *s, const struct method *m, struct tape *tape,
                          const struct class_texts *classes)
{
    return encode_text(s, m, tape, classes, 0);
}

static void forward(struct method_output *out, scope *s, const struct method *m,
                    const struct method_inputs *in)
{
    const struct tower_tuning vision = tuning_of(m, TOWER_VISION, in->step, in->first_image);
    const tensor *z = in->fixed_text ? in->fixed_text : encode_text(s, m, &out->tape, in->classes, in->step);
    const tensor *x = tuned_encode_image(out, s, m, &out->tape, in, &vision);
    tuned_output(out, s, m, x, z);
}

/* W + alpha/sqrt(r) B A of query, key and value. */
static int merge(const struct method *m, struct weights *w, enum tower tower, int64_t layer)
{
    const struct tower_tuning t = tuning_of(m, tower, 0, 0);
    scope *s = scope_open(m->scope, SCOPE_GRAD_OFF);
    const int64_t W = t_size(t.a, 3);
    tensor *product = t_matmul(s, t_select(s, t.b, 0, layer), t_select(s, t.a, 0, layer)); /* [3,W,W] */
    product = t_scale(s, t_reshape(s, product, SHAPE(3 * W, W)), t.scale);
    int status = scope_status(s);
    if (status == OK)
        status = tuned_merge(w, tower, layer, "attn.in_proj_weight", product, true);
    const int closed = scope_close(s);
    return status == OK ? closed : status;
}

/* With dropout each class goes through the tower by itself, as its masks are its own. */
static struct text_form text_form(const struct method_options *o)
{
    return (struct text_form){.is_caption = true, .is_separate = o->lora_dropout > 0.0};
}

const struct method_ops method_clip_lora = {.text_form = text_form,
                                            .create = create,
                                            .forward = forward,
                                            .fixed_text = fixed_text,
                                            .passes = tuned_passes,
                                            .merge = merge};
