/** What a training will cost, said before its first step, and how it is made to fit into memory. */
#ifndef PROMPT_RUN_COST_H
#define PROMPT_RUN_COST_H

#include "prompt/run/class_list.h"

struct cost {
    int64_t n_trained;      /* trained values */
    int64_t n_steps;        /* in all */
    int64_t step_images;    /* images a step */
    double weights_bytes;   /* frozen model on the device */
    double text_bytes;      /* what the backward pass of a step keeps of the text side */
    double text_full_bytes; /* what it would keep of it with room for everything */
    double image_bytes;     /* of the image side */
    double rest_bytes;      /* the program itself, and what a step works with for a moment */
    double cache_bytes;     /* what is left for decoded images, at most the key data.cache_mib */
    double budget_bytes;    /* key memory_budget_mib, or most of what is free; 0: unknown */
};

/** What a step is planned for. */
struct cost_options {
    int64_t batch_size, n_images; /* of all the training; a step has the smaller of the two */
    int64_t n_steps;
    struct loader *loader; /* NULL: none */
};

/**
 * For a run beside n_runs - 1 others: the keys that leave cores, decoding threads and memory to the program
 * (0) are set to its share of what is there now.
 */
int cost_take_share(struct config *c, int64_t n_runs);

/**
 * Estimates work and memory of a step and fits the process into the budget: the part of the text side that
 * finds no room is computed again in the backward pass (fast encoder), which gives the same numbers; what is
 * left over is for decoded images. Sets classes->texts.names.keep_bytes and the limit of the loader's cache.
 * To be called when all that lives as long as the training is there: it counts as what the process takes.
 */
struct cost cost_plan(const struct session *s, const struct method *m, struct class_list *classes,
                      const struct cost_options *options);

/** Prints trained tensors, steps and memory as lines of the log. */
void cost_print(struct log *log, const struct cost *c, const struct method *m, const struct session *s);

#endif
