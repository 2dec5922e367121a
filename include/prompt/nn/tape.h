/**
 * Hand-written backwards among autograd's: for parts of a computation that are cheaper to differentiate by
 * hand.
 *
 * Such a part computes its output with gradients off and puts a node on the tape. The node's output is a
 * leaf, so autograd stops there. tape_backward lets autograd run from the loss to the leaves, then visits the
 * nodes, last first: the gradient of a node's output goes through its backward, and autograd goes on from the
 * node's inputs. A node's output is only used by what comes after it, so its gradient is complete when it is
 * visited.
 */
#ifndef PROMPT_NN_TAPE_H
#define PROMPT_NN_TAPE_H

#include "prompt/torch/torch.h"

struct tape_node {
    tensor *output;        /* a leaf that requires gradients */
    const tensor **inputs; /* [n_inputs], results of autograd; owned array of borrowed handles */
    size_t n_inputs;
    void *state; /* what the forward kept; owned */
    /** Writes the gradients of the inputs; tensors live in `s`. May free what `state` keeps. */
    void (*backward)(tensor **input_grads, scope *s, void *state, const tensor *output_grad);
    void (*free_state)(void *state);
};

/** The nodes of one forward pass, in order; `{0}` is empty. */
struct tape {
    struct tape_node *nodes;
    size_t n;
};

/**
 * Puts a node on the tape; takes over `inputs` and `state`, also on failure.
 * @param output  values computed with gradients off
 * @return the node's output: a leaf in `s` to go on with; NULL if `s` failed
 */
tensor *tape_add(struct tape *t, scope *s, const tensor *output, struct tape_node node);

/** Gradients of the loss in all trained leaves. Marks and returns `s`'s status. */
int tape_backward(struct tape *t, scope *s, const tensor *loss);
void tape_free(struct tape *t); /* leaves it empty */

#endif
