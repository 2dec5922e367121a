/*
 * The text tower, fast: the numbers of text.c without the work that they do not need.
 *
 * The prefix of an image is the same for all its classes and nothing precedes it, so it goes through the
 * tower once and leaves its keys and values at every layer. The classes follow as token trees, in chunks;
 * each token sees the prefix and its ancestors. Only the prefix changes layer 1's inputs. The last layer has
 * queries at end tokens alone. The backward visits the same parts in reverse and ends at the prefix.
 *
 * Rows that hold learned vectors, or have dropout of their own, share nothing: they go side by side, those of
 * equal length together, and the backward ends at their embeddings. With trained changes of the tower nothing
 * of layer 1 is constant but its input.
 */
#include "text_fast.h"

#include <stdlib.h>

#include "class_texts.h"
#include "prompt/nn/tape.h"
#include "text_part.h"

/* The state of a forward pass until its backward. */
struct text_state {
    scope *scope; /* of the prefix's saved tensors */
    const struct clip *clip;
    const struct class_texts *texts;
    const tensor *embedded; /* [K,T,W], of rows that share nothing; else NULL */
    size_t n_vectors;       /* the first and the deep ones */
    bool needs_embedded;    /* they hold learned vectors, into which gradients flow */
    bool is_tuned;
    struct tuned_pass tuned; /* if is_tuned */
    struct text_part prefix;
    struct text_part *chunks;  /* [n_chunks]; each saves in a scope of its own, closed after its backward */
    struct prefix_layer *keys; /* [layers] */
};

static void free_part(struct text_part *p, bool owns_scope)
{
    free(p->saved);
    if (owns_scope && p->keep)
        scope_close(p->keep);
    *p = (struct text_part){0};
}

static void free_text_state(void *opaque)
{
    struct text_state *st = opaque;
    for (size_t i = 0; st->chunks && i < st->texts->n_chunks; i++)
        free_part(&st->chunks[i], true);
    free_part(&st->prefix, false);
    free(st->chunks);
    free(st->keys);
    if (st->scope)
        scope_close(st->scope);
    free(st);
}

static size_t n_vectors_of(const struct text_vectors *v)
{
    return v->first ? (size_t)v->n_deep + 1 : 0;
}

static struct text_state *text_state_create(const struct clip *c, const struct text_vectors *v,
                                            const struct class_texts *texts)
{
    struct text_state *st = calloc(1, sizeof *st);
    if (!st)
        return NULL;
    *st = (struct text_state){.scope = scope_open(NULL, SCOPE_GRAD_INHERIT),
                              .clip = c,
                              .texts = texts,
                              .n_vectors = n_vectors_of(v),
                              .needs_embedded = texts->rows->n_learned > 0,
                              .is_tuned = v->tuning != NULL};
    if (v->tuning)
        st->tuned.tuning = *v->tuning;
    st->chunks = calloc(texts->n_chunks, sizeof *st->chunks);
    st->keys = calloc((size_t)c->fast->text.n_layers, sizeof *st->keys);
    if (st->scope && st->chunks && st->keys)
        return st;
    free_text_state(st);
    return NULL;
}

static const struct tuned_pass *tuned_of(const struct text_state *st)
{
    return st->is_tuned ? &st->tuned : NULL;
}

/* The prefixes through the tower; their keys and values stay in st->keys. */
static int forward_prefix(scope *outer, struct text_state *st, const struct text_vectors *v, bool saves)
{
    const struct clip *c = st->clip;
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    st->prefix = (struct text_part){.tree = &st->texts->prefix,
                                    .keep = st->scope,
                                    .tuned = tuned_of(st),
                                    .deep = v->deep,
                                    .n_deep = v->n_deep};
    if (saves)
        st->prefix.saved = calloc((size_t)c->fast->text.n_layers, sizeof *st->prefix.saved);
    if (saves && !st->prefix.saved)
        scope_fail(s, error_out_of_memory());
    tensor *positions = t_narrow(s, c->text_positions, 0, 0, st->texts->n_prefix);
    tensor *x = t_contiguous(s, t_add(s, t_to(s, v->first, c->dtypes.accum), positions));
    (void)text_part_forward(st->scope, c, &st->prefix, x, st->keys);
    int status = scope_close(s);
    return status == OK ? scope_status(st->scope) : status;
}

/* The input of layer 1 of a chunk, with positions: [copies,n,W] accum. */
static tensor *chunk_input(scope *s, const struct text_state *st, const struct text_chunk *chunk, int64_t B)
{
    const int64_t n = chunk->tree.n_nodes;
    if (!st->embedded)
        return t_clone(s, t_expand(s, chunk->x0, SHAPE(B, n, st->clip->fast->text.width)));
    tensor *rows = t_narrow(s, t_index_select(s, st->embedded, 0, chunk->rows), 1, 0, n);
    return t_contiguous(s, t_add(s, rows, t_narrow(s, st->clip->text_positions, 0, 0, n)));
}

/* The features of a chunk's rows, [B,C,d]. */
static tensor *forward_chunk(scope *s, struct text_state *st, size_t i, int64_t B, bool saves)
{
    const struct clip *c = st->clip;
    const struct text_chunk *chunk = &st->texts->chunks[i];
    struct text_part *p = &st->chunks[i];
    *p = (struct text_part){.tree = &chunk->tree,
                            .prefix = st->texts->n_prefix > 0 ? st->keys : NULL,
                            .qkv0 = st->is_tuned ? NULL : chunk->qkv0,
                            .ends = chunk->ends,
                            .tuned = tuned_of(st),
                            .row_ids = chunk->row_ids};
    if (saves) {
        p->keep = scope_open(NULL, SCOPE_GRAD_INHERIT);
        p->saved = calloc((size_t)c->fast->text.n_layers, sizeof *p->saved);
        if (!p->keep || !p->saved)
            scope_fail(s, error_out_of_memory());
    }
    tensor *z = text_part_forward(s, c, p, chunk_input(s, st, chunk, B), NULL);
    if (p->keep && !scope_ok(p->keep))
        scope_fail(s, scope_status(p->keep));
    return t_reshape(s, t_to(s, z, c->dtypes.accum), SHAPE(B, chunk->n_rows, -1));
}

/* All chunks, put together in the order of the classes: [B,K,d]. Each saves its tensors for the backward if
 * there is still room. */
static tensor *forward_chunks(scope *outer, struct text_state *st, int64_t B, bool saves)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    const size_t n = st->texts->n_chunks;
    const tensor **parts = calloc(n, sizeof(tensor *));
    if (!parts)
        scope_fail(s, error_out_of_memory());
    double kept_bytes = 0.0;
    for (size_t i = 0; parts && i < n && scope_ok(s); i++) {
        scope *one = scope_open(s, SCOPE_GRAD_OFF);
        const double bytes = text_chunk_kept_bytes(&st->texts->chunks[i], st->clip, B);
        const bool has_room = kept_bytes + bytes <= st->texts->keep_bytes;
        kept_bytes += has_room ? bytes : 0.0;
        parts[i] = scope_keep(one, forward_chunk(one, st, i, B, saves && has_room));
        scope_close(one);
    }
    tensor *all = parts && scope_ok(s) ? t_cat(s, parts, n, 1) : NULL;
    tensor *out = scope_keep(s, t_index_select(s, all, 1, st->texts->order));
    free(parts);
    scope_close(s);
    return out;
}

/* Adds the gradient of a chunk's input [C,n,W] to that of all embeddings [K,T,W]. */
static void add_to_embedded(scope *s, const struct clip *c, tensor *d_embedded,
                            const struct text_chunk *chunk, const tensor *d_x)
{
    const int64_t K = t_size(d_embedded, 0), T = t_size(d_embedded, 1), W = t_size(d_embedded, 2);
    tensor *padded = t_zeros(s, SHAPE(chunk->n_rows, T, W), c->dtypes.accum, c->device);
    t_copy_(s, t_narrow(s, padded, 1, 0, t_size(d_x, 1)), d_x);
    t_index_add_(s, t_reshape(s, d_embedded, SHAPE(1, K, T * W)), chunk->rows,
                 t_reshape(s, padded, SHAPE(1, chunk->n_rows, T * W)));
}

/* Zeros to which the chunks add: the gradients of the prefix's keys and values, or of the embeddings
 * (returned). */
static tensor *open_gradients(scope *s, struct text_state *st, int64_t B)
{
    const struct clip *c = st->clip;
    const int64_t p = st->texts->n_prefix, W = c->fast->text.width;
    for (int64_t i = 0; p > 0 && i < c->fast->text.n_layers; i++) {
        st->keys[i].d_k = t_zeros(s, SHAPE(B, p, W), c->dtypes.accum, c->device);
        st->keys[i].d_v = t_zeros(s, SHAPE(B, p, W), c->dtypes.accum, c->device);
    }
    if (st->is_tuned)
        tuned_open_gradients(s, c, &st->tuned);
    if (!st->needs_embedded)
        return NULL;
    return t_zeros(s, SHAPE(t_size(st->embedded, 0), t_size(st->embedded, 1), W), c->dtypes.accum, c->device);
}

static void backward(tensor **input_grads, scope *s, void *opaque, const tensor *d_features)
{
    struct text_state *st = opaque;
    const struct clip *c = st->clip;
    const int64_t B = t_size(d_features, 0);
    tensor *d_embedded = open_gradients(s, st, B);
    for (size_t i = 0; i < st->texts->n_chunks; i++) {
        const struct text_chunk *chunk = &st->texts->chunks[i];
        scope *one = scope_open(s, SCOPE_GRAD_OFF);
        tensor *d = t_contiguous(one, t_index_select(one, d_features, 1, chunk->rows));
        d = t_reshape(one, d, SHAPE(-1, chunk->tree.n_rows, t_size(d, -1)));
        if (!st->chunks[i].saved) /* there was no room: computed again */
            (void)forward_chunk(one, st, i, B, true);
        if (scope_ok(one)) { /* else its operands may be missing */
            tensor *d_x = text_part_backward(one, c, &st->chunks[i], st->keys, d, st->needs_embedded);
            if (st->needs_embedded)
                add_to_embedded(one, c, d_embedded, chunk, d_x);
        }
        scope_close(one);
        free_part(&st->chunks[i], true);
    }
    if (st->n_vectors > 0)
        input_grads[0] = st->embedded
                             ? d_embedded
                             : text_part_backward_prefix(s, c, &st->prefix, st->keys, input_grads + 1);
    if (st->is_tuned)
        tuned_gradients(input_grads + st->n_vectors, &st->tuned);
}

/* The vectors that gradients flow into, the first, then the deep ones; then the tower's changes. Owned; NULL: out
 * of memory. */
static const tensor **inputs_of(size_t *n, const struct text_vectors *v)
{
    const tensor **inputs = calloc((size_t)v->n_deep + 1 + TUNING_MAX_TENSORS, sizeof *inputs);
    if (!inputs)
        return NULL;
    *n = n_vectors_of(v);
    for (size_t i = 0; i < *n; i++)
        inputs[i] = i == 0 ? v->first : v->deep[i - 1];
    *n += tuning_tensors(inputs + *n, v->tuning);
    return inputs;
}

static bool any_requires_grad(const struct text_vectors *v)
{
    bool any = tuning_requires_grad(v->tuning) || (v->first && t_requires_grad(v->first));
    for (int64_t i = 0; i < v->n_deep; i++)
        any = any || t_requires_grad(v->deep[i]);
    return any;
}

tensor *fast_encode_text(scope *outer, const struct clip *c, struct tape *tape, const struct text_vectors *v,
                         const struct class_texts *texts)
{
    const tensor *input = v->first;
    const bool saves = tape && any_requires_grad(v);
    const bool is_embedded = !token_rows_share(texts->rows);
    const int64_t B = input && !is_embedded ? t_size(input, 0) : 1;
    struct text_state *st = text_state_create(c, v, texts);
    if (!st) {
        scope_fail(outer, error_out_of_memory());
        return NULL;
    }
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    int status = OK;
    if (is_embedded)
        st->embedded = t_to(st->scope, t_detach(s, input), c->dtypes.accum);
    else if (input)
        status = forward_prefix(s, st, v, saves);
    if (status != OK)
        scope_fail(s, status);
    tensor *z = scope_keep(s, forward_chunks(s, st, B, saves));
    status = scope_close(s);
    if (!saves || status != OK) {
        free_text_state(st);
        return z;
    }
    size_t n_inputs = 0;
    const tensor **inputs = inputs_of(&n_inputs, v);
    if (!inputs) {
        free_text_state(st);
        scope_fail(outer, error_out_of_memory());
        return NULL;
    }
    st->prefix.deep = inputs + 1; /* the tape keeps the array as long as the state */
    return tape_add(tape, outer, z,
                    (struct tape_node){.inputs = inputs,
                                       .n_inputs = n_inputs,
                                       .state = st,
                                       .backward = backward,
                                       .free_state = free_text_state});
}
