/** A training step and an evaluation step, which the loops repeat and the benchmark times. */
#ifndef PROMPT_SRC_RUN_STEP_H
#define PROMPT_SRC_RUN_STEP_H

#include "prompt/methods/method.h"
#include "prompt/nn/optimizer.h"
#include "prompt/ranks/ranks.h"

enum { N_AGREEMENTS = 3 };

/** The numbers of a step that leave the device, in one read. */
struct step_numbers {
    double losses[METHOD_MAX_ITERATIONS];     /* CE(p^n, y), n = 1 first */
    double accuracies[METHOD_MAX_ITERATIONS]; /* share of the batch's images that p^n classifies rightly */
    double agreement[N_AGREEMENTS]; /* terms of text, image and logits, weighted; 0 without a weight */
    double loss;
    double largest_gradient; /* over all trained tensors; not finite if any value is not */
};

bool step_is_finite(const struct step_numbers *numbers);

/** The inputs of a step; borrowed. */
struct step_batch {
    const tensor *pixels; /* [B,3,S,S] */
    const tensor *labels; /* [B] */
    int64_t step;         /* of the training, from 1; step_compute reads it for dropout alone */
    int64_t stage_step;   /* of its stage, from 1 */
    /* of several ranks, each with a part of the batch; NULL: these are all images */
    struct ranks *ranks;
    double weight;             /* of this part's mean loss in that of the batch */
    const tensor *loss_weight; /* the same on the device, [], in the loss's dtype; NULL without ranks */
    int64_t first_image;       /* index in the batch of this part's first */
};

/**
 * The part of a training step between the upload of its batch and the read of its numbers: gradients cleared, forward,
 * loss, backward. It reads tensors alone and decides nothing by their values, so that a device could replay it; but
 * dropout's masks come from the host, as does the text that ranks exchange.
 * @return the numbers of step_numbers, stacked; NULL if the scope has failed
 */
tensor *step_compute(scope *s, const struct method *m, struct optimizer *optimizer,
                     const struct class_texts *classes, const struct step_batch *batch);

/**
 * step_compute, one read of its numbers, the exchange of several ranks and, if all numbers are finite, the update.
 * The trained tensors keep their gradients until the next step. Of several ranks all get the numbers of the whole
 * batch, and the same update.
 * @param s  holds the step's tensors, gradients on
 */
int step_train(struct step_numbers *out, scope *s, const struct method *m, struct optimizer *optimizer,
               const struct class_texts *classes, struct step_batch batch, double lr);

/** x^0 on the host. */
struct step_features {
    float *values;    /* [B,d], borrowed */
    enum dtype dtype; /* that it has in the model */
};

/** The inputs of an evaluation step, as method_forward takes them; borrowed. */
struct step_inputs {
    const tensor *fixed_text; /* of method_fixed_text, or NULL */
    const tensor *pixels;     /* [B,3,S,S], or NULL */
    const tensor *features;   /* x^0, [B,d], or NULL */
};

/**
 * Logits for n = 0..N on the host, [B,N+1,K]; one read from the device.
 * @param computed  receives x^0 by a second read; may be NULL
 */
int step_logits(float *logits, struct step_features *computed, scope *parent, const struct method *m,
                const struct class_texts *classes, const struct step_inputs *in);

#endif
