/* Prompts at the first vision layers. */
#include "prompt/methods/vision_prompts.h"

#include <inttypes.h>
#include <stdlib.h>

int vision_prompts_create(struct method *m, const struct method_init *init, int64_t n_rows)
{
    const int64_t J = m->options.vision_prompt_depth;
    const struct tower_dims *dims = &m->clip->dims.vision;
    if (J > dims->n_layers)
        return error_set(ERR_USAGE,
                         "vision_prompt.depth: %" PRId64
                         " vision layers get prompts, but the model has %" PRId64,
                         J, dims->n_layers);
    if (n_rows == 0)
        return error_set(ERR_USAGE,
                         "vision_prompt.count is 0, which only methods ivlp and promptsrc may have");
    return method_add_normal(m, init->seed, "vision_prompts", METHOD_PROMPT_STD,
                             SHAPE(J, n_rows, dims->width));
}

tensor **vision_prompts_start(scope *s, const struct method *m, int64_t n_rows)
{
    const tensor *all = params_find(&m->trained, "vision_prompts"); /* [J,a,d_v] */
    const int64_t J = m->options.vision_prompt_depth;
    tensor **prompts = calloc((size_t)J, sizeof(tensor *));
    if (!prompts) {
        scope_fail(s, error_out_of_memory());
        return NULL;
    }
    for (int64_t j = 0; j < J; j++)
        prompts[j] = t_narrow(s, t_narrow(s, all, 0, j, 1), 1, 0, n_rows);
    return prompts;
}

tensor *vision_prompts_encode(scope *s, const struct method *m, struct tape *tape,
                              struct image_tokens image_tokens, tensor **prompts, int64_t n_layers)
{
    const int64_t B = t_size(image_tokens.x, 0);
    for (int64_t j = 0; j < n_layers; j++)
        prompts[j] = t_expand(s, prompts[j], SHAPE(B, t_size(prompts[j], 1), t_size(prompts[j], 2)));
    return clip_encode_image(s, m->clip, tape, image_tokens, (const tensor *const *)prompts, n_layers);
}
