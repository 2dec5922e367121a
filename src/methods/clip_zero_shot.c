/* CLIP as it is: the row "CLIP" of the tables, and -Iter. Nothing is trained. */
#include "prompt/methods/parts.h"

static int create(struct method *m, const struct method_init *init)
{
    (void)m, (void)init;
    return OK;
}

static void forward(struct method_output *out, scope *s, const struct method *m,
                    const struct method_inputs *in)
{
    (void)method_initial_features(out, s, m, in);
}

const struct method_ops method_clip = {.create = create, .forward = forward};
