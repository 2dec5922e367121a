/**
 * Combines hand-written backwards with autograd, for parts that are cheaper to differentiate by hand.
 *
 * Such a part computes its output with gradients off and puts a node on the tape. The node's output is a
 * leaf, so autograd stops there. tape_backward runs autograd from the loss to the leaves, then visits the
 * nodes, last first: the node's backward maps the gradient of its output to those of its inputs, from which
 * autograd continues. Only later computation uses a node's output, so its gradient is complete when the node
 * is visited.
 */
#ifndef PROMPT_NN_TAPE_H
#define PROMPT_NN_TAPE_H

#include "prompt/torch/torch.h"

struct tape_node {
    tensor *output;        /* borrowed from its scope; a leaf that requires gradients */
    const tensor **inputs; /* [n_inputs] results of autograd; owned array of borrowed tensors */
    size_t n_inputs;
    void *state; /* owned; kept by the forward */
    /** Writes the gradients of the inputs, as tensors of `s`. May free the contents of `state`. */
    void (*backward)(tensor **input_grads, scope *s, void *state, const tensor *output_grad);
    void (*free_state)(void *state);
};

/** The nodes of one forward pass, in order; `{0}` is empty. */
struct tape {
    struct tape_node *nodes;
    size_t n;
};

/**
 * Puts a node on the tape; takes ownership of `inputs` and `state`, also on failure.
 * @param output  values computed with gradients off
 * @return the node's output, borrowed from `s`: a leaf for the computation that follows; NULL if `s` failed
 */
tensor *tape_add(struct tape *t, scope *s, const tensor *output, struct tape_node node);

/** Adds the gradients of the loss to all trained leaves. Marks `s` on failure and returns its status. */
int tape_backward(struct tape *t, scope *s, const tensor *loss);
void tape_free(struct tape *t); /* leaves it empty */

#endif
