/** Steps of methods that change the towers (clip/tuning.h): CLIP-LoRA and 2SFS. */
#ifndef PROMPT_METHODS_TUNED_TOWERS_H
#define PROMPT_METHODS_TUNED_TOWERS_H

#include "prompt/methods/parts.h"

extern const char *const tower_names[]; /* "text", "vision" */

/** The trained tensor "<prefix>.<tower>.<suffix>", borrowed. */
const tensor *tuned_find(const struct method *m, const char *prefix, enum tower tower, const char *suffix);
/** This name; 64 bytes suffice. */
void tuned_name(char out[64], const char *prefix, enum tower tower, const char *suffix);

/** The captions' features in a changed text tower, Z [1,K,d]. */
tensor *tuned_encode_text(scope *s, const struct method *m, struct tape *tape,
                          const struct class_texts *classes, const struct tower_tuning *tuning);

/** The images' features in a changed vision tower, x [B,d]. Sets n = 0 in `out`, unless the pass skips it. */
tensor *tuned_encode_image(struct method_output *out, scope *s, const struct method *m, struct tape *tape,
                           const struct method_inputs *in, const struct tower_tuning *tuning);

/** Sets n = 1 in `out`. */
void tuned_output(struct method_output *out, scope *s, const struct method *m, const tensor *x,
                  const tensor *z);

/** Replaces, or with `adds` adds to, the tensor `name` of a block in CLIP's weights, as fp32. `value` has its shape. */
int tuned_merge(struct weights *w, enum tower tower, int64_t layer, const char *name, const tensor *value,
                bool adds);

/** One pass of each tower. */
struct method_passes tuned_passes(const struct method *m, int64_t n_images, int64_t n_classes);

#endif
