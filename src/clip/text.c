/*
 * The text tower, plain: Eqs. 3, 4, 7, 11. Every pair of image and class goes through the whole transformer;
 * this is the readable reference.
 */
#include <math.h>
#include <stdlib.h>

#include "fast.h"

tensor *clip_embed_tokens(scope *s, const struct clip *c, const int64_t *ids, int64_t n)
{
    return t_embedding(s, c->token_embedding, t_from_i64(s, ids, SHAPE(n), c->device));
}

/* The features of one prefix before all rows: x [K,T,d_l] without positions -> [K,d]. */
static tensor *encode_rows(scope *outer, const struct clip *c, const tensor *embedded, const tensor *ends)
{
    const int64_t K = t_size(embedded, 0), T = t_size(embedded, 1), d_l = c->dims.text.width;
    tensor *x = t_add(outer, embedded, t_narrow(outer, c->text_positions, 0, 0, T));
    for (int64_t i = 0; i < c->dims.text.n_layers; i++)
        x = nn_block(outer, &c->text_blocks[i], x, true);

    tensor *index = t_expand(outer, t_reshape(outer, ends, SHAPE(K, 1, 1)), SHAPE(K, 1, d_l));
    tensor *at_end = t_squeeze(outer, t_gather(outer, x, 1, index), 1); /* [K,d_l] */
    return nn_linear(outer, &c->text_projection, nn_norm(outer, &c->ln_final, at_end));
}

/* [K,p+n_tokens,d_l]: the prefix [p,d_l] (or none) before the embedded rows [K,n_tokens,d_l]. */
static tensor *prepend(scope *s, const tensor *prefix, const tensor *rows)
{
    if (!prefix)
        return scope_share(s, rows);
    tensor *repeated = t_expand(s, prefix, SHAPE(t_size(rows, 0), t_size(prefix, 0), t_size(prefix, 1)));
    return t_cat(s, TENSORS(repeated, rows), 1);
}

/* Embeddings of rows of tokens alone, or with the vectors [1 or K,n_places,d_l] in their places: [K,T,d_l].
 */
static tensor *embed_rows(scope *s, const struct clip *c, const struct text_rows *rows, const tensor *vectors)
{
    const int64_t K = rows->n, T = rows->n_tokens, d_l = c->dims.text.width, P = rows->n_places;
    int64_t *ids = malloc((size_t)(2 * K * T) * sizeof *ids);
    if (!ids) {
        scope_fail(s, error_out_of_memory());
        return NULL;
    }
    int64_t *picks = ids + K * T; /* of each position among the vectors and the tokens */
    for (int64_t i = 0; i < K * T; i++) {
        ids[i] = rows->ids[i] < 0 ? 0 : rows->ids[i];
        picks[i] = rows->ids[i] < 0 ? -1 - rows->ids[i] : P + i % T;
    }
    tensor *tokens = t_reshape(s, clip_embed_tokens(s, c, ids, K * T), SHAPE(K, T, d_l));
    tensor *out = tokens;
    if (P > 0) {
        tensor *index = t_unsqueeze(s, t_from_i64(s, picks, SHAPE(K, T), c->device), -1);
        tensor *all = t_cat(s, TENSORS(t_expand(s, vectors, SHAPE(K, P, d_l)), tokens), 1);
        out = t_gather(s, all, 1, t_expand(s, index, SHAPE(K, T, d_l)));
    }
    free(ids);
    return out;
}

static int check_context(const struct clip *c, int64_t n_prefix, const struct text_rows *rows)
{
    if (n_prefix + rows->n_tokens <= c->dims.context_length)
        return OK;
    return error_set(ERR_SHAPE,
                     "a prefix of %lld and a row of %lld tokens do not fit into the context of %lld",
                     (long long)n_prefix, (long long)rows->n_tokens, (long long)c->dims.context_length);
}

static tensor *plain_encode_text(scope *outer, const struct clip *c, const tensor *vectors,
                                 const struct text_rows *rows)
{
    const tensor *prefixes = rows->n_places > 0 ? NULL : vectors;
    const int64_t B = prefixes ? t_size(prefixes, 0) : 1, n_prefix = prefixes ? t_size(prefixes, 1) : 0;
    const int64_t K = rows->n;
    scope *s = scope_open(outer, SCOPE_GRAD_INHERIT);
    tensor *embedded = embed_rows(s, c, rows, vectors);
    tensor *ends = t_from_i64(s, rows->ends, SHAPE(K), c->device);
    ends =
        t_add(s, ends, t_full(s, SHAPE(1), (double)n_prefix, DTYPE_I64, c->device)); /* behind the prefix */

    const tensor **parts = calloc((size_t)(B > 0 ? B : 1), sizeof(tensor *)); /* Z of one image each, [K,d] */
    if (!parts)
        scope_fail(s, error_out_of_memory());
    for (int64_t b = 0; b < B && scope_ok(s); b++) {
        scope *image = scope_open(s, SCOPE_GRAD_INHERIT);
        const tensor *prefix = prefixes ? t_select(image, prefixes, 0, b) : NULL;  /* [p,d_l] */
        tensor *z = encode_rows(image, c, prepend(image, prefix, embedded), ends); /* [K,d] */
        parts[b] = scope_keep(image, t_to(image, z, c->dtypes.accum));
        scope_close(image);
    }
    tensor *features = scope_ok(s) ? scope_keep(s, t_stack(s, parts, (size_t)B, 0)) : NULL;
    free(parts);
    scope_close(s);
    return features;
}

/* ---------------------------------------------------------------- the seam */

int clip_texts_create(struct clip_texts *out, scope *run, const struct clip *c, const struct text_rows *rows,
                      int64_t n_prefix, int64_t n_images)
{
    *out = (struct clip_texts){.rows = rows, .n_prefix = n_prefix, .keep_bytes = (double)INFINITY};
    int status = check_context(c, n_prefix, rows);
    if (status == OK && c->fast)
        status = text_layout_create(&out->layout, run, c, rows, n_prefix, n_images);
    return status;
}

void clip_texts_free(struct clip_texts *texts)
{
    text_layout_free(texts->layout);
    *texts = (struct clip_texts){0};
}

static int check_vectors(const tensor *vectors, const struct clip_texts *texts)
{
    const int64_t n = vectors ? t_size(vectors, 1) : 0, K = texts->rows->n, P = texts->rows->n_places;
    if (n != texts->n_prefix + P)
        return error_set(ERR_SHAPE, "the texts are laid out for %lld learned vectors, not for %lld",
                         (long long)(texts->n_prefix + P), (long long)n);
    if (P > 0 && t_size(vectors, 0) != 1 && t_size(vectors, 0) != K)
        return error_set(ERR_SHAPE, "learned vectors of %lld texts, but there are %lld",
                         (long long)t_size(vectors, 0), (long long)K);
    return OK;
}

tensor *clip_encode_text(scope *s, const struct clip *c, struct tape *tape, const tensor *vectors,
                         const struct clip_texts *texts)
{
    int status = scope_ok(s) ? check_vectors(vectors, texts) : OK;
    if (status != OK) {
        scope_fail(s, status);
        return NULL;
    }
    if (!c->fast)
        return plain_encode_text(s, c, vectors, texts->rows);
    const bool has_places = texts->rows->n_places > 0;
    return fast_encode_text(s, c, tape, has_places ? embed_rows(s, c, texts->rows, vectors) : vectors, texts);
}
