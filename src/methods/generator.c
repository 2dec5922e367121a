/* G^V and G^T. G^V has one pair of matrices for all layers and two biases for each. */
#include "prompt/methods/generator.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static int add(struct method *m, const struct method_init *init, const char *name, const char *part,
               double fan_in, const int64_t *dims, size_t n_dims)
{
    char full[96];
    snprintf(full, sizeof full, "%s.%s", name, part);
    return method_add_uniform(m, init->seed, full, 1.0 / sqrt(fan_in), dims, n_dims);
}

int generator_create(struct method *m, const struct method_init *init, const char *name, int64_t width,
                     int64_t n_layers)
{
    const int64_t d = m->clip->dims.embed_dim, hidden = d / 16;
    const int64_t bias1[] = {n_layers, hidden}, bias2[] = {n_layers, width};
    const size_t skip = n_layers == 0 ? 1 : 0; /* biases without a layer axis */
    if (hidden == 0)
        return error_set(ERR_USAGE,
                         "the generators need a joint dimension of at least 16, the model has %" PRId64, d);

    int status = OK;
    if ((status = add(m, init, name, "fc1.weight", (double)d, SHAPE(hidden, d))) == OK &&
        (status = add(m, init, name, "fc1.bias", (double)d, bias1 + skip, 2 - skip)) == OK &&
        (status = add(m, init, name, "fc2.weight", (double)hidden, SHAPE(width, hidden))) == OK)
        status = add(m, init, name, "fc2.bias", (double)hidden, bias2 + skip, 2 - skip);
    return status;
}

static const tensor *find(const struct method *m, const char *name, const char *part)
{
    char full[96];
    snprintf(full, sizeof full, "%s.%s", name, part);
    return params_find(&m->trained, full);
}

struct generator generator_find(const struct method *m, const char *name)
{
    return (struct generator){find(m, name, "fc1.weight"), find(m, name, "fc1.bias"),
                              find(m, name, "fc2.weight"), find(m, name, "fc2.bias")};
}

tensor *generator_forward(scope *s, const struct generator *g, const tensor *x)
{
    tensor *hidden = t_relu(s, t_linear(s, x, g->fc1_weight, g->fc1_bias));
    return t_linear(s, hidden, g->fc2_weight, g->fc2_bias);
}

void generator_forward_layers(tensor **out, scope *s, const struct generator *g, const tensor *x,
                              int64_t n_layers)
{
    tensor *shared = t_linear(s, x, g->fc1_weight, NULL); /* [...,d/16] */
    for (int64_t j = 0; j < n_layers; j++) {
        tensor *hidden = t_relu(s, t_add(s, shared, t_select(s, g->fc1_bias, 0, j)));
        out[j] = t_linear(s, hidden, g->fc2_weight, t_select(s, g->fc2_bias, 0, j));
    }
}
