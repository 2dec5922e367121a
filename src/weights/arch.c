/* The named architectures of `prompt model init`. */
#include "arch.h"

#include <string.h>

#include "facts.h"
#include "prompt/base/str.h"

#define TOWER(width_, layers_, heads_)                                                                       \
    {                                                                                                        \
        .width = (width_), .n_layers = (layers_), .n_heads = (heads_), .mlp_width = 4 * (width_),            \
        .activation = ACTIVATION_QUICK_GELU, .norm_eps = WEIGHTS_USUAL_NORM_EPS                              \
    }

static const char *const arch_names[] = {"ViT-B-32", "ViT-B-16", "ViT-L-14", "ViT-L-14-336",
                                         "tiny",     "micro",    NULL};
enum { N_ARCHS = sizeof arch_names / sizeof arch_names[0] - 1 };

/*
 * In the order of arch_names. The test models have a joint width of 64, so a generator's hidden width, d/16,
 * is 4. "tiny" has CLIP's vocabulary and works with its tokenizer; "micro" is for finite differences.
 */
static const struct clip_dims arch_dims[N_ARCHS] = {
    {TOWER(768, 12, 12), TOWER(512, 12, 8), 512, 224, 32, 77, 49408},
    {TOWER(768, 12, 12), TOWER(512, 12, 8), 512, 224, 16, 77, 49408},
    {TOWER(1024, 24, 16), TOWER(768, 12, 12), 768, 224, 14, 77, 49408},
    {TOWER(1024, 24, 16), TOWER(768, 12, 12), 768, 336, 14, 77, 49408},
    {TOWER(128, 3, 2), TOWER(32, 3, 2), 64, 32, 8, 77, 49408},
    {TOWER(32, 2, 2), TOWER(32, 2, 2), 64, 16, 8, 77, 512},
};

int weights_arch_dims(struct clip_dims *out, const char *name)
{
    struct str list = {0};
    for (size_t i = 0; i < N_ARCHS; i++) {
        if (strcmp(arch_names[i], name) == 0) {
            *out = arch_dims[i];
            str_free(&list);
            return OK;
        }
        str_appendf(&list, "%s%s", i ? ", " : "", arch_names[i]);
    }
    const char *nearest = str_nearest(name, arch_names, N_ARCHS);
    int status = error_set(ERR_USAGE, "unknown architecture '%.80s'%s%s%s (known: %s)", name,
                           nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "",
                           str_text(&list));
    str_free(&list);
    return status;
}

static bool same_tower(const struct tower_dims *a, const struct tower_dims *b)
{
    return a->width == b->width && a->n_layers == b->n_layers && a->n_heads == b->n_heads &&
           a->mlp_width == b->mlp_width;
}

const char *weights_arch_of(const struct clip_dims *dims)
{
    for (size_t i = 0; i < N_ARCHS; i++) {
        const struct clip_dims *a = &arch_dims[i];
        if (same_tower(&a->vision, &dims->vision) && same_tower(&a->text, &dims->text) &&
            a->embed_dim == dims->embed_dim && a->image_px == dims->image_px &&
            a->patch_px == dims->patch_px && a->context_length == dims->context_length &&
            a->vocab_size == dims->vocab_size)
            return arch_names[i];
    }
    return "ViT";
}
