/*
 * A step of pre-training. Each step creates the plain encoder over the weights again, with gradients on; this
 * copies only the two projections, so that gradients reach the weights under OpenAI's names.
 */
#include "step.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/rng.h"

static const double MAX_GRAD_NORM = 1.0;
static const double MAX_LOG_SCALE = 4.6051701859880913680; /* ln 100: CLIP's bound */

static const struct clip_dtypes fp32 = {.compute = DTYPE_F32, .accum = DTYPE_F32};

/* ---------------------------------------------------------------- towers */

/* Indices of the class token and of the patches that each picture keeps, [B,1+kept], drawn anew in
 * each step. */
static tensor *draw_kept(scope *s, const struct session *session, const struct pair_batch *b,
                         int64_t n_patches, int64_t n_kept, int64_t step)
{
    int64_t *index = malloc((size_t)(b->n * (1 + n_kept)) * sizeof *index);
    size_t *patches = malloc((size_t)n_patches * sizeof *patches);
    tensor *out = NULL;
    if (!index || !patches)
        scope_fail(s, error_out_of_memory());
    for (int64_t i = 0; index && patches && i < b->n; i++) {
        struct rng rng;
        rng_init(&rng, (uint64_t)session->config->seed, RNG_PATCHES, (uint64_t)step, (uint64_t)i);
        for (int64_t k = 0; k < n_patches; k++)
            patches[k] = (size_t)k;
        rng_shuffle(&rng, patches, (size_t)n_patches);
        index[i * (1 + n_kept)] = 0;
        for (int64_t k = 0; k < n_kept; k++)
            index[i * (1 + n_kept) + 1 + k] = 1 + (int64_t)patches[k];
    }
    if (index && patches)
        out = t_from_i64(s, index, SHAPE(b->n, 1 + n_kept), session->device);
    free(index);
    free(patches);
    return out;
}

/* Keeps only a share of the patches (Li et al., Scaling Language-Image Pre-training via Masking, CVPR
 * 2023). */
static tensor *keep_patches(scope *s, const struct session *session, const struct pair_batch *b, tensor *x,
                            int64_t step)
{
    const struct config *c = session->config;
    const int64_t M = t_size(x, 1) - 1, width = t_size(x, 2);
    const int64_t n_kept = (int64_t)ceil(c->pretrain_patch_keep * (double)M);
    if (n_kept >= M || step >= c->pretrain_steps - c->pretrain_full_steps)
        return x;
    tensor *index = draw_kept(s, session, b, M, n_kept, step); /* [B,1+kept] */
    return t_gather(s, x, 1, t_expand(s, t_unsqueeze(s, index, -1), SHAPE(b->n, 1 + n_kept, width)));
}

/* x [B,d]; `step` < 0: all patches. */
static tensor *encode_images(scope *s, const struct session *session, const struct clip *c,
                             const struct pair_batch *b, int64_t step)
{
    const int64_t S = c->dims.image_px;
    tensor *pixels = t_from_f32(s, b->pixels, SHAPE(b->n, 3, S, S), DTYPE_F32, session->device);
    struct image_tokens tokens = clip_image_tokens(s, c, pixels);
    if (step >= 0)
        tokens.x = keep_patches(s, session, b, tokens.x, step);
    return clip_encode_image(s, c, NULL, tokens, NULL, 0);
}

/* z [B,d]; the rows are cut at the longest caption of the batch. */
static tensor *encode_texts(scope *s, const struct clip *c, const struct pair_batch *b)
{
    int64_t n_tokens = 0;
    for (int64_t i = 0; i < b->n; i++)
        n_tokens = b->ends[i] + 1 > n_tokens ? b->ends[i] + 1 : n_tokens;
    struct token_rows rows;
    tensor *z = NULL;
    int status = token_rows_create(&rows, b->n, n_tokens);
    if (status == OK) {
        for (int64_t i = 0; i < b->n; i++)
            memcpy(rows.ids + i * n_tokens, b->ids + i * c->dims.context_length,
                   (size_t)n_tokens * sizeof *rows.ids);
        memcpy(rows.ends, b->ends, (size_t)b->n * sizeof *rows.ends);
        z = t_squeeze(s, clip_encode_rows(s, c, &rows), 0);
    } else {
        scope_fail(s, status);
    }
    token_rows_free(&rows);
    return z;
}

/* Normalized features of pictures and captions, [B,d] each. */
static int encode_batch(tensor **x, tensor **z, scope *s, const struct session *session,
                        const struct pair_batch *b, int64_t step)
{
    struct clip *c = NULL;
    int status = clip_create(&c, s, session->weights, session->device, fp32, ENCODER_PLAIN);
    if (status == OK) {
        *x = t_normalize(s, encode_images(s, session, c, b, step), -1);
        *z = t_normalize(s, encode_texts(s, c, b), -1);
        status = scope_status(s);
    }
    clip_free(c);
    return status;
}

/* ---------------------------------------------------------------- a step */

/* InfoNCE: the mean of the cross-entropies over captions and over pictures. */
static tensor *info_nce(scope *s, const struct session *session, const tensor *x, const tensor *z,
                        const tensor *log_scale)
{
    const int64_t B = t_size(x, 0);
    int64_t *own = malloc((size_t)(B > 0 ? B : 1) * sizeof *own);
    if (!own) {
        scope_fail(s, error_out_of_memory());
        return NULL;
    }
    for (int64_t i = 0; i < B; i++)
        own[i] = i;
    tensor *labels = t_from_i64(s, own, SHAPE(B), session->device);
    free(own);
    tensor *logits = t_mul(s, t_matmul(s, x, t_transpose(s, z, 0, 1)), t_exp(s, log_scale)); /* [B,B] */
    tensor *by_caption = t_cross_entropy(s, logits, labels);
    tensor *by_picture = t_cross_entropy(s, t_transpose(s, logits, 0, 1), labels);
    return t_scale(s, t_add(s, by_caption, by_picture), 0.5);
}

static int check_finite(const struct pretrain_numbers *n, int64_t step)
{
    if (isfinite(n->loss) && isfinite(n->grad_norm))
        return OK;
    return error_set(ERR_NUMERIC,
                     "step %" PRId64 ": the loss (%g) or the gradient's norm (%g) is not finite; a smaller "
                     "pretrain.lr or a longer warm-up may help",
                     step + 1, n->loss, n->grad_norm);
}

int pretrain_step(struct pretrain_numbers *out, struct session *session, struct adamw *optimizer,
                  const struct pair_batch *batch, int64_t step)
{
    const struct config *c = session->config;
    const struct params *trained = optimizer->trained;
    tensor *log_scale = params_find(trained, "logit_scale");
    scope *s = scope_open(session->scope, SCOPE_GRAD_ON);
    tensor *x = NULL, *z = NULL;
    params_clear_grad(s, trained);
    int status = encode_batch(&x, &z, s, session, batch, step);
    tensor *loss = info_nce(s, session, x, z, log_scale);
    if (status == OK && (status = t_backward(s, loss)) == OK &&
        (status = t_item_f64(&out->loss, s, loss)) == OK &&
        (status = params_clip_grad(&out->grad_norm, s, trained, MAX_GRAD_NORM)) == OK &&
        (status = check_finite(out, step)) == OK)
        status = adamw_step(
            optimizer,
            warmup_cosine_lr(c->pretrain_lr, step + 1, c->pretrain_warmup_steps, c->pretrain_steps),
            step + 1);
    t_clamp_max_(s, log_scale, MAX_LOG_SCALE);
    if (status == OK)
        status = t_item_f64(&out->logit_scale, s, log_scale);
    out->logit_scale = exp(out->logit_scale);
    int closed = scope_close(s);
    return status == OK ? closed : status;
}

/* ---------------------------------------------------------------- retrieval */

static bool same_caption(const struct pair_batch *b, int64_t context, int64_t i, int64_t j)
{
    return memcmp(b->ids + i * context, b->ids + j * context, (size_t)context * sizeof *b->ids) == 0;
}

/* The share of rows of the square `cosines` whose largest value is that of the row's own caption. */
static double recall(const float *cosines, const struct pair_batch *b, int64_t context, bool by_column)
{
    const int64_t B = b->n;
    int64_t n_right = 0;
    for (int64_t i = 0; i < B; i++) {
        int64_t best = 0;
        for (int64_t j = 1; j < B; j++) {
            const float value = by_column ? cosines[j * B + i] : cosines[i * B + j];
            const float largest = by_column ? cosines[best * B + i] : cosines[i * B + best];
            best = value > largest ? j : best;
        }
        n_right += same_caption(b, context, i, best);
    }
    return (double)n_right / (double)B;
}

int pretrain_retrieval(struct retrieval *out, struct session *session, const struct pair_batch *batch)
{
    const size_t n = (size_t)(batch->n * batch->n);
    float *cosines = malloc(n * sizeof *cosines);
    scope *s = scope_open(session->scope, SCOPE_GRAD_OFF);
    tensor *x = NULL, *z = NULL;
    int status = cosines ? encode_batch(&x, &z, s, session, batch, -1) : error_out_of_memory();
    if (status == OK)
        status = t_read_f32(cosines, n, s, t_matmul(s, x, t_transpose(s, z, 0, 1)));
    if (status == OK) {
        const int64_t context = session->config->pretrain_context;
        *out = (struct retrieval){.image_to_text = recall(cosines, batch, context, false),
                                  .text_to_image = recall(cosines, batch, context, true)};
    }
    free(cosines);
    int closed = scope_close(s);
    return status == OK ? closed : status;
}
