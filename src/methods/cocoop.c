/*
 * CoCoOp (Zhou et al., CVPR 2022): CoOp's context vectors, to each of which the Meta-Net adds one vector made
 * from the image's normalized features.
 */
#include "prompt/methods/context.h"
#include "prompt/methods/generator.h"

static int create(struct method *m, const struct method_init *init)
{
    const struct method_options *o = &m->options;
    if (o->context_class_specific || o->context_position != CONTEXT_POSITION_END)
        return error_set(ERR_USAGE, "method cocoop has one context for all classes, before the name: "
                                    "context.class_specific is false, context.position \"end\"");
    int status = context_create(m, init);
    return status == OK ? generator_create(m, init, "meta_net", m->clip->dims.text.width, 0) : status;
}

static struct text_form text_form(const struct method_options *o)
{
    struct text_form form = context_text_form(o);
    form.per_image = true;
    return form;
}

static void forward(struct method_output *out, scope *s, const struct method *m,
                    const struct method_inputs *in)
{
    struct initial_features initial = method_initial_features(out, s, m, in);
    struct generator meta_net = generator_find(m, "meta_net");
    tensor *shift = generator_forward(s, &meta_net, t_normalize(s, initial.x, -1)); /* [B,d_l] */
    tensor *vectors = t_add(s, t_unsqueeze(s, shift, 1), params_find(&m->trained, "context"));
    const struct text_vectors prefixes = {.first = method_after_start(s, m, vectors)};
    tensor *z = clip_encode_text(s, m->clip, &out->tape, prefixes, in->classes);
    out->features[1] = initial.x;
    out->text[1] = z;
    out->logits[1] = clip_logits(s, m->clip, initial.x, z);
}

static struct method_passes passes(const struct method *m, int64_t n_images, int64_t n_classes)
{
    (void)m, (void)n_classes;
    return (struct method_passes){.n_text = 1, .n_prefixes = n_images};
}

const struct method_ops method_cocoop = {
    .text_form = text_form, .create = create, .forward = forward, .passes = passes};
