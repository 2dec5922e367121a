/*
 * CoOp (Zhou et al., IJCV 2022): context vectors instead of "a photo of a", one set for all classes or one for
 * each, before the class name or around it. The image side is CLIP's own.
 */
#include "prompt/methods/context.h"

#include <inttypes.h>

static int check_classes(const tensor *context, int64_t n_classes)
{
    if (t_dim(context) < 3 || t_size(context, 0) == n_classes)
        return OK;
    return error_set(ERR_USAGE,
                     "context.class_specific: contexts of %" PRId64
                     " classes cannot be evaluated with %" PRId64,
                     t_size(context, 0), n_classes);
}

static tensor *encode_text(scope *s, const struct method *m, struct tape *tape,
                           const struct class_texts *classes)
{
    const tensor *context = params_find(&m->trained, "context");
    int status = check_classes(context, classes->rows->n);
    if (status != OK) {
        scope_fail(s, status);
        return NULL;
    }
    const tensor *vectors = t_dim(context) == 3 ? context : t_unsqueeze(s, context, 0);
    if (classes->n_prefix > 0)
        vectors = method_after_start(s, m, vectors);
    return clip_encode_text(s, m->clip, tape, (struct text_vectors){.first = vectors}, classes);
}

static void forward(struct method_output *out, scope *s, const struct method *m,
                    const struct method_inputs *in)
{
    const tensor *z = in->fixed_text ? in->fixed_text : encode_text(s, m, &out->tape, in->classes);
    struct initial_features initial = method_initial_features(out, s, m, in);
    out->features[1] = initial.x;
    out->text[1] = z;
    out->logits[1] = clip_logits(s, m->clip, initial.x, z);
}

/* The text does not depend on the image. */
static struct method_passes passes(const struct method *m, int64_t n_images, int64_t n_classes)
{
    (void)m, (void)n_images, (void)n_classes;
    return (struct method_passes){.n_text = 1, .n_prefixes = 1};
}

const struct method_ops method_coop = {.text_form = context_text_form,
                                       .create = context_create,
                                       .forward = forward,
                                       .fixed_text = encode_text,
                                       .passes = passes};
