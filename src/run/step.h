/* One training step up to its gradients, and one evaluation step: what the loops repeat and the benchmark
 * times. */
#ifndef PROMPT_RUN_STEP_H
#define PROMPT_RUN_STEP_H

#include "prompt/methods/method.h"
#include "prompt/nn/optim.h"

/** The numbers of a step that leave the device, in one read. */
struct step_numbers {
    double losses[METHOD_MAX_ITERATIONS]; /* CE(p^n, y), n = 1 first */
    double loss;
    double largest_gradient; /* over all trained tensors; not finite if any of them is not */
};

/**
 * Forward, loss and backward of pixels [B,3,S,S] and labels [B]. Gradients of before are cleared, the new
 * ones stay with the trained tensors for sgd_step.
 * @param s  holds the step's tensors, gradients on
 */
int step_gradients(struct step_numbers *out, scope *s, const struct method *m, struct sgd *optimizer,
                   const struct class_texts *classes, const tensor *pixels, const tensor *labels);

/** Logits of pixels [B,3,S,S] for n = 0..N on the host, [B,N+1,K]; one read from the device. */
int step_logits(float *logits, scope *parent, const struct method *m, const struct class_texts *classes,
                const tensor *pixels);

#endif
