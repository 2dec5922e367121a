/** What a training will cost, said before its first step. */
#ifndef PROMPT_RUN_COST_H
#define PROMPT_RUN_COST_H

#include "prompt/run/session.h"

struct cost {
    int64_t n_trained;    /* trained values */
    int64_t n_steps;      /* in all */
    double weights_bytes; /* frozen model on the device */
    double text_bytes;    /* what the backward pass keeps of the text side */
    double image_bytes;   /* of the image side */
    double decoded_bytes; /* decoded images kept in memory, at most */
    double free_bytes;    /* on the device now; 0: unknown */
};

/**
 * The plain encoders keep, for each token and layer, about 14 widths of values for the backward pass: the
 * inputs of both norms, query, key, value, the attention's result, and two MLP-wide tensors of QuickGELU. On
 * a CPU the holes that freed temporaries leave between them in glibc's heap come on top: measured 18.4 widths
 * (text) and 19.0 (images) on the tiny model, 18.4 on ViT-B/16, where 14.1 are in use.
 */
struct cost cost_estimate(const struct session *s, const struct method *m, const struct class_list *classes,
                          int64_t n_steps);

/** Trained tensors, steps and memory, as lines of the log. */
void cost_print(struct log *log, const struct cost *c, const struct method *m, const struct session *s);

#endif
