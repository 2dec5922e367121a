/** The generators G^V and G^T: Linear-ReLU-Linear, d -> d/16 -> width (Eqs. 8 and 10). */
#ifndef PROMPT_METHODS_GENERATOR_H
#define PROMPT_METHODS_GENERATOR_H

#include "prompt/methods/parts.h"

/** Adds the trained tensors "<name>.fc1.weight" ... with nn.Linear's initial values. n_layers = 0: a generator
 * without layers. */
int generator_create(struct method *m, const struct method_init *init, const char *name, int64_t width,
                     int64_t n_layers);

/** A method's generator by its name; borrowed tensors. Biases have a layer axis if n_layers was not 0. */
struct generator {
    const tensor *fc1_weight; /* [d/16,d] */
    const tensor *fc1_bias;   /* [J,d/16], or [d/16] */
    const tensor *fc2_weight; /* [width,d/16] */
    const tensor *fc2_bias;   /* [J,width], or [width] */
};
struct generator generator_find(const struct method *m, const char *name);

/** G(x): [...,d] -> [...,width]; for a generator without layers. */
tensor *generator_forward(scope *s, const struct generator *g, const tensor *x);

/** G_j(x) for j = 1..J into out[0..J-1]. The matrices are shared, so x W1^T is computed once for all layers. */
void generator_forward_layers(tensor **out, scope *s, const struct generator *g, const tensor *x,
                              int64_t n_layers);

#endif
