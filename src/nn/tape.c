/* Hand-written backwards, visited in reverse. */
#include "prompt/nn/tape.h"

#include <stdlib.h>

#include "prompt/base/array.h"
#include "prompt/torch/fused.h"

static void free_node(struct tape_node *n)
{
    if (n->free_state)
        n->free_state(n->state);
    free(n->inputs);
    *n = (struct tape_node){0};
}

tensor *tape_add(struct tape *t, scope *s, const tensor *output, struct tape_node node)
{
    if (array_grow(&t->nodes, t->n, sizeof *t->nodes) != OK) {
        free_node(&node);
        scope_fail(s, ERR_MEMORY);
        return NULL;
    }
    node.output = t_detach(s, output);
    t_require_grad(s, node.output);
    t->nodes[t->n++] = node;
    return node.output;
}

/* Continues autograd from the node's inputs with the gradients of its backward. */
static void visit(struct tape_node *n, scope *outer)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    tensor *output_grad = t_grad(s, n->output);
    tensor **grads = calloc(n->n_inputs ? n->n_inputs : 1, sizeof *grads);
    if (!grads)
        scope_fail(s, error_out_of_memory());
    if (output_grad && grads) { /* else the loss does not depend on the node */
        n->backward(grads, s, n->state, output_grad);
        t_backward_from(s, n->inputs, (const tensor *const *)grads, n->n_inputs);
    }
    free(grads);
    scope_close(s);
}

int tape_backward(struct tape *t, scope *s, const tensor *loss)
{
    /* keep the graph if nodes follow: their inputs may share it with the loss */
    const bool goes_on = t->n > 0 && t_requires_grad(loss);
    int status = goes_on ? t_backward_from(s, &loss, NULL, 1) : t_backward(s, loss);
    for (size_t i = t->n; i > 0 && scope_ok(s); i--) {
        visit(&t->nodes[i - 1], s);
        free_node(&t->nodes[i - 1]); /* what the forward kept is not needed any more */
        t->n = i - 1;
    }
    return status == OK ? scope_status(s) : status;
}

void tape_free(struct tape *t)
{
    for (size_t i = 0; i < t->n; i++)
        free_node(&t->nodes[i]);
    free(t->nodes);
    *t = (struct tape){0};
}
