/*
 * MaPLe (Khattak et al., CVPR 2023): a context in the text tower's first J layers, and in the image tower's the
 * projections of the same vectors, one Linear a layer.
 */
#include "prompt/methods/context.h"
#include "prompt/methods/vision_prompts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* The layers' projections start as one nn.Linear. */
static int create_projections(struct method *m, const struct method_init *init, int64_t n_layers)
{
    const int64_t d_v = m->clip->dims.vision.width, d_l = m->clip->dims.text.width;
    const double bound = 1.0 / sqrt((double)d_l);
    int status = OK;
    if ((status = method_add_uniform(m, init->seed, "vision_projections.weight", bound,
                                     SHAPE(n_layers, d_v, d_l))) != OK ||
        (status =
             method_add_uniform(m, init->seed, "vision_projections.bias", bound, SHAPE(n_layers, d_v))) != OK)
        return status;
    static const char *const names[] = {"vision_projections.weight", "vision_projections.bias"};
    scope *s = scope_open(m->scope, SCOPE_GRAD_OFF);
    for (size_t i = 0; i < 2; i++) {
        tensor *all = params_find(&m->trained, names[i]);
        t_copy_(s, all, t_narrow(s, t_clone(s, all), 0, 0, 1));
    }
    return scope_close(s);
}

static int create(struct method *m, const struct method_init *init)
{
    const int64_t J = m->options.context_depth, L = m->clip->dims.vision.n_layers;
    const int64_t d_v = m->clip->dims.vision.width, d_l = m->clip->dims.text.width;
    const double bound = 1.0 / sqrt((double)d_l);
    if (J > L)
        return error_set(ERR_USAGE,
                         "context.depth: %" PRId64 " vision layers get prompts, but the model has %" PRId64,
                         J, L);
    int status = OK;
    if ((status = context_create_deep(m, init)) != OK ||
        (status = method_add_uniform(m, init->seed, "context_projection.weight", bound, SHAPE(d_v, d_l))) !=
            OK ||
        (status = method_add_uniform(m, init->seed, "context_projection.bias", bound, SHAPE(d_v))) != OK)
        return status;
    return J > 1 ? create_projections(m, init, J - 1) : OK;
}

/* The first layer's prompts, [1,n,d_v]; they pass ln_pre with the tokens. */
static tensor *project_first(scope *s, const struct method *m)
{
    const struct params *p = &m->trained;
    tensor *first = t_linear(s, params_find(p, "context"), params_find(p, "context_projection.weight"),
                             params_find(p, "context_projection.bias"));
    return clip_normalize_prompts(s, m->clip, t_unsqueeze(s, first, 0));
}

/* Those of layers 2..J, [J-1,n,d_v], in one product: the gradient of all maps is then one tensor, not a sum. */
static tensor *project_deep(scope *s, const struct method *m)
{
    const struct params *p = &m->trained;
    tensor *weight = t_transpose(s, params_find(p, "vision_projections.weight"), 1, 2);
    tensor *bias = t_unsqueeze(s, params_find(p, "vision_projections.bias"), 1);
    return t_add(s, t_matmul(s, params_find(p, "text_prompts"), weight), bias);
}

static tensor *encode_image(scope *s, const struct method *m, struct tape *tape, struct image_tokens tokens)
{
    const int64_t J = m->options.context_depth;
    tensor **prompts = calloc((size_t)J, sizeof(tensor *));
    if (!prompts) {
        scope_fail(s, error_out_of_memory());
        return NULL;
    }
    const tensor *deep = J > 1 ? project_deep(s, m) : NULL;
    prompts[0] = project_first(s, m);
    for (int64_t i = 1; i < J; i++)
        prompts[i] = t_narrow(s, deep, 0, i - 1, 1);
    tensor *x = vision_prompts_encode(s, m, tape, tokens, prompts, J);
    free(prompts);
    return x;
}

static void forward(struct method_output *out, scope *s, const struct method *m,
                    const struct method_inputs *in)
{
    struct initial_features initial = method_image_tokens(out, s, m, in);
    out->features[1] = encode_image(s, m, &out->tape, initial.image_tokens);
    out->text[1] = in->fixed_text ? in->fixed_text : context_encode_deep(s, m, &out->tape, in->classes);
    out->logits[1] = clip_logits(s, m->clip, out->features[1], out->text[1]);
}

static struct method_passes passes(const struct method *m, int64_t n_images, int64_t n_classes)
{
    (void)n_images, (void)n_classes;
    return (struct method_passes){.n_text = 1,
                                  .n_prefixes = 1,
                                  .n_image = 1,
                                  .n_prompts = m->options.context_count,
                                  .n_prompt_layers = m->options.context_depth};
}

const struct method_ops method_maple = {.text_form = context_deep_text_form,
                                        .create = create,
                                        .forward = forward,
                                        .fixed_text = context_encode_deep,
                                        .passes = passes};
