/*
 * The text tower, plain: Eqs. 3, 4, 7, 11. Every pair of image and class goes through the whole transformer;
 * this is the readable reference.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "class_texts.h"
#include "prompt/nn/exchange.h"
#include "text_fast.h"

/* ---------------------------------------------------------------- one image */

/* x [K,T,d_l] with `vectors` [1,n,d_l] at positions 1..n of each text. */
static tensor *replace_positions(scope *s, const tensor *x, const tensor *vectors)
{
    const int64_t K = t_size(x, 0), T = t_size(x, 1), n = t_size(vectors, 1), d_l = t_size(x, 2);
    return t_cat(s,
                 TENSORS(t_narrow(s, x, 1, 0, 1), t_expand(s, vectors, SHAPE(K, n, d_l)),
                         t_narrow(s, x, 1, 1 + n, T - 1 - n)),
                 1);
}

/* Features at the `ends` [K] of texts embedded without positions, [K,T,d_l] -> [K,d]. */
static tensor *encode_embedded(scope *s, const struct clip *c, const tensor *embedded, const tensor *ends,
                               const tensor *const *deep, const struct text_vectors *v)
{
    const int64_t K = t_size(embedded, 0), T = t_size(embedded, 1), d_l = c->dims.text.width;
    tensor *x = t_add(s, embedded, t_narrow(s, c->text_positions, 0, 0, T));
    for (int64_t i = 0; i < c->dims.text.n_layers; i++) {
        if (i > 0 && i <= v->n_deep)
            x = replace_positions(s, x, deep[i - 1]);
        struct nn_low_rank low_rank;
        const struct nn_block b = tuning_block(s, &low_rank, v->tuning, i, &c->text_blocks[i], x, c->device);
        x = nn_block(s, &b, x, true);
    }

    tensor *index = t_expand(s, t_reshape(s, ends, SHAPE(K, 1, 1)), SHAPE(K, 1, d_l));
    tensor *at_end = t_squeeze(s, t_gather(s, x, 1, index), 1); /* [K,d_l] */
    return nn_linear(s, &c->text_projection, nn_norm(s, &c->ln_final, at_end));
}

/* [K,p+n_tokens,d_l]: the prefix [p,d_l] (or none) before the embedded rows [K,n_tokens,d_l]. */
static tensor *prepend(scope *s, const tensor *prefix, const tensor *rows)
{
    if (!prefix)
        return scope_share(s, rows);
    tensor *repeated = t_expand(s, prefix, SHAPE(t_size(rows, 0), t_size(prefix, 0), t_size(prefix, 1)));
    return t_cat(s, TENSORS(repeated, rows), 1);
}

/* ---------------------------------------------------------------- rows to embeddings */

/* Embeddings of rows, with the learned vectors [1 or K,n_learned,d_l] at their positions: [K,T,d_l]. */
static tensor *embed_rows(scope *s, const struct clip *c, const struct class_texts *texts,
                          const tensor *vectors)
{
    const struct token_rows *rows = texts->rows;
    const int64_t K = rows->n, T = rows->n_tokens, P = rows->n_learned, d_l = c->dims.text.width;
    tensor *tokens = t_embedding(s, c->token_embedding, texts->tokens);
    if (P == 0)
        return tokens;
    tensor *all = t_cat(s, TENSORS(t_expand(s, vectors, SHAPE(K, P, d_l)), tokens), 1);
    return t_gather(s, all, 1, t_expand(s, texts->picks, SHAPE(K, T, d_l)));
}

/* Features of one image's texts, [K,d]: those of row b of the prefixes and of the deep vectors. */
static tensor *encode_image_texts(scope *outer, const struct clip *c, const struct text_vectors *v,
                                  const tensor *prefixes, int64_t b, const tensor *embedded,
                                  const tensor *ends)
{
    scope *s = scope_open(outer, SCOPE_GRAD_INHERIT);
    const tensor **deep = calloc((size_t)v->n_deep + 1, sizeof *deep);
    if (!deep)
        scope_fail(s, error_out_of_memory());
    for (int64_t i = 0; deep && i < v->n_deep; i++)
        deep[i] = t_narrow(s, v->deep[i], 0, b, 1);
    const tensor *prefix = prefixes ? t_select(s, prefixes, 0, b) : NULL; /* [p,d_l] */
    tensor *z = deep ? encode_embedded(s, c, prepend(s, prefix, embedded), ends, deep, v) : NULL;
    z = scope_keep(s, t_to(s, z, c->dtypes.accum));
    free(deep);
    scope_close(s);
    return z;
}

static tensor *plain_encode_text(scope *outer, const struct clip *c, const struct text_vectors *vectors,
                                 const struct class_texts *texts)
{
    const tensor *prefixes = texts->rows->n_learned > 0 ? NULL : vectors->first;
    const int64_t B = prefixes ? t_size(prefixes, 0) : 1;
    scope *s = scope_open(outer, SCOPE_GRAD_INHERIT);
    tensor *embedded = embed_rows(s, c, texts, vectors->first);
    const tensor **parts = calloc((size_t)(B > 0 ? B : 1), sizeof(tensor *)); /* Z of one image each, [K,d] */
    if (!parts)
        scope_fail(s, error_out_of_memory());
    for (int64_t b = 0; b < B && scope_ok(s); b++)
        parts[b] = encode_image_texts(s, c, vectors, prefixes, b, embedded, texts->ends);
    tensor *features = scope_ok(s) ? scope_keep(s, t_stack(s, parts, (size_t)B, 0)) : NULL;
    free(parts);
    scope_close(s);
    return features;
}

/* ---------------------------------------------------------------- either encoder */

static int check_deep(const struct clip *c, const struct text_vectors *v, const struct class_texts *texts)
{
    for (int64_t i = 0; i < v->n_deep; i++)
        if (t_size(v->deep[i], 0) != t_size(v->first, 0) || 1 + t_size(v->deep[i], 1) > texts->n_prefix)
            return error_set(ERR_SHAPE,
                             "%" PRId64 " deep vectors of %" PRId64 " prefixes do not fit into %" PRId64
                             " prefixes of %" PRId64 " positions",
                             t_size(v->deep[i], 1), t_size(v->deep[i], 0), t_size(v->first, 0),
                             texts->n_prefix);
    if (v->n_deep >= c->dims.text.n_layers)
        return error_set(ERR_SHAPE, "deep vectors for %" PRId64 " text layers, but the model has %" PRId64,
                         1 + v->n_deep, c->dims.text.n_layers);
    return OK;
}

static int check_vectors(const struct clip *c, const struct text_vectors *v, const struct class_texts *texts)
{
    const tensor *vectors = v->first;
    const int64_t n = vectors ? t_size(vectors, 1) : 0, K = texts->rows->n, P = texts->rows->n_learned;
    if (n != texts->n_prefix + P)
        return error_set(ERR_SHAPE,
                         "the texts are laid out for %" PRId64 " learned vectors, not for %" PRId64,
                         texts->n_prefix + P, n);
    if (P > 0 && t_size(vectors, 0) != 1 && t_size(vectors, 0) != K)
        return error_set(ERR_SHAPE, "learned vectors of %" PRId64 " texts, but there are %" PRId64,
                         t_size(vectors, 0), K);
    if (v->tuning && v->tuning->dropout.p > 0.0 && !texts->rows->is_separate)
        return error_set(ERR_SHAPE, "dropout needs texts that are laid out as separate rows");
    return check_deep(c, v, texts);
}

static tensor *encode_text(scope *s, const struct clip *c, struct tape *tape, struct text_vectors vectors,
                           const struct class_texts *texts)
{
    if (!c->fast)
        return plain_encode_text(s, c, &vectors, texts);
    if (!token_rows_share(texts->rows))
        vectors.first = embed_rows(s, c, texts, vectors.first);
    return fast_encode_text(s, c, tape, &vectors, texts);
}

/* This rank's rows, then those of all. */
static tensor *encode_divided_text(scope *s, const struct clip *c, struct tape *tape,
                                   struct text_vectors vectors, const struct class_texts *texts)
{
    const struct text_division *d = texts->division;
    struct tower_tuning tuning;
    if (vectors.first && texts->rows->n_learned > 0 && t_size(vectors.first, 0) > 1) /* vectors of each row */
        vectors.first = t_narrow(s, vectors.first, 0, d->first, d->rows.n);
    if (vectors.tuning) {
        tuning = *vectors.tuning;
        tuning.dropout.first_row += d->first;
        vectors.tuning = &tuning;
    }
    const tensor *own = encode_text(s, c, tape, vectors, &d->own);
    return exchange_rows(s, tape, d->ranks, own, texts->rows->n, c->device);
}

tensor *clip_encode_text(scope *s, const struct clip *c, struct tape *tape, struct text_vectors vectors,
                         const struct class_texts *texts)
{
    int status = scope_ok(s) ? check_vectors(c, &vectors, texts) : OK;
    if (status != OK) {
        scope_fail(s, status);
        return NULL;
    }
    return texts->division ? encode_divided_text(s, c, tape, vectors, texts)
                           : encode_text(s, c, tape, vectors, texts);
}

tensor *clip_encode_rows(scope *outer, const struct clip *c, const struct token_rows *rows)
{
    scope *s = scope_open(outer, SCOPE_GRAD_INHERIT);
    struct class_texts texts;
    int status = class_texts_create(&texts, s, c, rows, 0, 1, NULL);
    if (status != OK)
        scope_fail(s, status);
    tensor *z =
        status == OK ? scope_keep(s, clip_encode_text(s, c, NULL, (struct text_vectors){0}, &texts)) : NULL;
    class_texts_free(&texts);
    scope_close(s);
    return z;
}

/* The features of one template's captions, as they are summed. */
static tensor *encode_template(scope *s, const struct clip *c, const struct token_rows *captions,
                               enum template_mean mean)
{
    tensor *z = clip_encode_rows(s, c, captions);
    return mean == TEMPLATE_MEAN_NORMALIZED ? t_normalize(s, z, -1) : z;
}

tensor *clip_encode_captions(scope *outer, const struct clip *c, const struct token_rows *captions,
                             size_t n_templates, enum template_mean mean)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    tensor *z = NULL;
    if (n_templates > 1) {
        tensor *sum = encode_template(s, c, captions, mean);
        for (size_t i = 1; i < n_templates && scope_ok(s); i++)
            sum = t_add(s, sum, encode_template(s, c, &captions[i], mean));
        z = t_normalize(s, sum, -1); /* the sum has the direction of the mean */
    } else {
        z = clip_encode_rows(s, c, captions);
    }
    z = scope_keep(s, z);
    scope_close(s);
    return z;
}
