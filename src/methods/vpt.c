/* VPT-deep (Jia et al., ECCV 2022) on CLIP: learned prompts at the first J vision layers; the text is that of
 * the template. */
#include "prompt/methods/vision_prompts.h"

#include <stdlib.h>

static int create(struct method *m, const struct method_init *init)
{
    return vision_prompts_create(m, init, m->options.vision_prompt_count);
}

static void forward(struct method_output *out, scope *s, const struct method *m,
                    const struct method_inputs *in)
{
    struct initial_features initial = method_image_tokens(out, s, m, in);
    tensor **prompts = vision_prompts_start(s, m, m->options.vision_prompt_count);
    if (!prompts)
        return;
    tensor *x = vision_prompts_encode(s, m, &out->tape, initial.image_tokens, prompts,
                                      m->options.vision_prompt_depth);
    free(prompts);
    out->features[1] = x;
    out->text[1] = in->classes->caption_features;
    out->logits[1] = clip_logits(s, m->clip, x, out->text[1]);
}

static struct method_passes passes(const struct method *m, int64_t n_images, int64_t n_classes)
{
    (void)n_images, (void)n_classes;
    return (struct method_passes){.n_image = 1,
                                  .n_prompts = m->options.vision_prompt_count,
                                  .n_prompt_layers = m->options.vision_prompt_depth};
}

const struct method_ops method_vpt = {.create = create, .forward = forward, .passes = passes};
