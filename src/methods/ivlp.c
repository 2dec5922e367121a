/*
 * IVLP, independent vision-language prompts (Khattak et al., CVPR 2023): a context in the text and prompts in
 * the image, each with vectors of its own at the tower's first layers. PromptSRC (ICCV 2023) trains the same
 * with terms that keep it near the frozen CLIP (agreement.h), and averages it over epochs.
 */
#include "prompt/methods/context.h"
#include "prompt/methods/vision_prompts.h"

#include <stdlib.h>

static int create(struct method *m, const struct method_init *init)
{
    int status = context_create_deep(m, init);
    const int64_t n = m->options.vision_prompt_count;
    return status == OK && n > 0 ? vision_prompts_create(m, init, n) : status;
}

/* Those of layer 1 pass ln_pre with the tokens. */
static tensor *encode_image(scope *s, const struct method *m, struct tape *tape, struct image_tokens tokens)
{
    tensor **prompts = vision_prompts_start(s, m, m->options.vision_prompt_count);
    if (!prompts)
        return NULL;
    prompts[0] = clip_normalize_prompts(s, m->clip, prompts[0]);
    tensor *x = vision_prompts_encode(s, m, tape, tokens, prompts, m->options.vision_prompt_depth);
    free(prompts);
    return x;
}

static void forward(struct method_output *out, scope *s, const struct method *m,
                    const struct method_inputs *in)
{
    const bool has_vision = m->options.vision_prompt_count > 0;
    struct initial_features initial =
        has_vision ? method_image_tokens(out, s, m, in) : method_initial_features(out, s, m, in);
    out->features[1] = has_vision ? encode_image(s, m, &out->tape, initial.image_tokens) : initial.x;
    out->text[1] = in->fixed_text ? in->fixed_text : context_encode_deep(s, m, &out->tape, in->classes);
    out->logits[1] = clip_logits(s, m->clip, out->features[1], out->text[1]);
}

static struct method_passes passes(const struct method *m, int64_t n_images, int64_t n_classes)
{
    (void)n_images, (void)n_classes;
    const int64_t n = m->options.vision_prompt_count;
    return (struct method_passes){.n_text = 1,
                                  .n_prefixes = 1,
                                  .n_image = n > 0 ? 1 : 0,
                                  .n_prompts = n,
                                  .n_prompt_layers = n > 0 ? m->options.vision_prompt_depth : 0};
}

const struct method_ops method_ivlp = {.text_form = context_deep_text_form,
                                       .create = create,
                                       .forward = forward,
                                       .fixed_text = context_encode_deep,
                                       .passes = passes};
