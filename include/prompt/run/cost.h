/** The cost of a training, told before its first step, and the plan that fits it into memory. */
#ifndef PROMPT_RUN_COST_H
#define PROMPT_RUN_COST_H

#include "prompt/run/class_list.h"

struct cost {
    int64_t n_trained;      /* trained values */
    int64_t n_steps;        /* in all */
    int64_t n_epochs;       /* begun */
    int64_t step_images;    /* images a step */
    double weights_bytes;   /* frozen model on the device */
    double text_bytes;      /* kept of the text side by a step for its backward */
    double text_full_bytes; /* the same with room for everything */
    double image_bytes;     /* kept of the image side */
    double rest_bytes;      /* the program itself, and temporaries of a step */
    double cache_bytes;     /* left for decoded images, at most the key data.cache_mib */
    double budget_bytes;    /* key memory_budget_mib, or most of what is free; 0: unknown */
};

/** The training that a step is planned for. */
struct cost_options {
    int64_t batch_size, n_images; /* n_images of the whole training; a step has the smaller of the two */
    int64_t n_steps, n_epochs;
    int64_t n_parts;       /* that divide the images of a step; 0: one */
    struct loader *loader; /* borrowed; NULL: none */
};

/**
 * Sets the keys that leave cores and decoding threads to the program (0) to `n_cores`, and that of memory to its
 * share of what is free now on the device, for a run beside n_runs - 1 others.
 */
int cost_take_share(struct config *c, int64_t n_cores, int64_t n_runs);

/**
 * Estimates the memory of a step and fits the process into the budget. The part of the text side without room
 * is computed again in the backward pass (fast encoder), which gives the same numbers; the rest of the budget
 * is for decoded images. Sets classes->texts.keep_bytes and the limit of the loader's cache. Call it after
 * everything that lives as long as the training is there: the process's memory counts as such.
 */
struct cost cost_plan(const struct session *s, const struct method *m, struct class_list *classes,
                      const struct cost_options *options);

/** Prints trained tensors, steps and memory as lines of the log. */
void cost_print(struct log *log, const struct cost *c, const struct method *m);

#endif
