/* Steps of methods that change the towers. */
#include "prompt/methods/tuned_towers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *const tower_names[] = {[TOWER_TEXT] = "text", [TOWER_VISION] = "vision"};

void tuned_name(char out[64], const char *prefix, enum tower tower, const char *suffix)
{
    snprintf(out, 64, "%s.%s.%s", prefix, tower_names[tower], suffix);
}

const tensor *tuned_find(const struct method *m, const char *prefix, enum tower tower, const char *suffix)
{
    char name[64];
    tuned_name(name, prefix, tower, suffix);
    return params_find(&m->trained, name);
}

tensor *tuned_encode_text(scope *s, const struct method *m, struct tape *tape,
                          const struct class_texts *classes, const struct tower_tuning *tuning)
{
    return clip_encode_text(s, m->clip, tape, (struct text_vectors){.tuning = tuning}, classes);
}

tensor *tuned_encode_image(struct method_output *out, scope *outer, const struct method *m, struct tape *tape,
                           const struct method_inputs *in, const struct tower_tuning *tuning)
{
    const bool needs_clip = !in->skips_clip || agreement_reads_clip(&m->options.regularization);
    out->text[0] = in->classes->caption_features;
    if (needs_clip)
        return clip_encode_tuned_image(outer, m->clip, tape,
                                       method_initial_features(out, outer, m, in).image_tokens.x, tuning);
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    tensor *x = scope_keep(s, clip_embed_image(s, m->clip, in->pixels));
    scope_close(s);
    return clip_encode_tuned_image(outer, m->clip, tape, x, tuning);
}

void tuned_output(struct method_output *out, scope *s, const struct method *m, const tensor *x,
                  const tensor *z)
{
    out->features[1] = x;
    out->text[1] = z;
    out->logits[1] = clip_logits(s, m->clip, x, z);
}

int tuned_merge(struct weights *w, enum tower tower, int64_t layer, const char *name, const tensor *value,
                bool adds)
{
    static const char *const prefixes[] = {[TOWER_TEXT] = "", [TOWER_VISION] = "visual."};
    char full[128];
    snprintf(full, sizeof full, "%stransformer.resblocks.%" PRId64 ".%s", prefixes[tower], layer, name);
    for (size_t i = 0; i < w->tensors.n; i++) {
        struct param *p = &w->tensors.items[i];
        if (strcmp(p->name, full) != 0)
            continue;
        scope *s = scope_open(w->scope, SCOPE_GRAD_OFF);
        tensor *moved =
            t_to_device(s, t_to(s, t_detach(s, value), DTYPE_F32), (struct device){DEVICE_CPU, 0});
        p->value = t_contiguous(w->scope, adds ? t_add(s, t_to(s, p->value, DTYPE_F32), moved) : moved);
        return scope_close(s);
    }
    return error_set(ERR_FORMAT, "'%s': tensor '%s' is missing", w->path, full);
}

struct method_passes tuned_passes(const struct method *m, int64_t n_images, int64_t n_classes)
{
    (void)m, (void)n_images, (void)n_classes;
    return (struct method_passes){.n_text = 1, .n_prefixes = 1, .n_image = 1};
}
