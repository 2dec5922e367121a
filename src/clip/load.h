/** The tensors of a file of weights as the parts of the model: on its device, in its dtypes. */
#ifndef PROMPT_SRC_CLIP_LOAD_H
#define PROMPT_SRC_CLIP_LOAD_H

#include "prompt/clip/clip.h"
#include "prompt/nn/nn.h"

/** The way of the weights into a model. */
struct load_source {
    const struct weights *weights; /* borrowed */
    struct device device;
    struct clip_dtypes dtypes;
};

/* Each returns tensors of scope `s`, which on a CPU are the file's own if they have the dtype already. `prefix`
 * comes before the names. A missing tensor marks the scope with ERR_FORMAT. */

tensor *load_tensor(scope *s, const struct load_source *from, const char *prefix, const char *name,
                    enum dtype dtype);
struct nn_norm load_norm(scope *s, const struct load_source *from, const char *prefix, const char *name,
                         double eps);
struct nn_linear load_linear(scope *s, const struct load_source *from, const char *prefix, const char *weight,
                             const char *bias);
/** A projection, which OpenAI stores as [in,out]. */
struct nn_linear load_projection(scope *s, const struct load_source *from, const char *name);
/** One block of a tower, "visual.transformer.resblocks.0." its prefix. */
struct nn_block load_block(scope *s, const struct load_source *from, const char *prefix,
                           const struct tower_dims *dims);

#endif
