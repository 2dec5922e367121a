/*
 * ProMPT: progressive multi-modal conditional prompt tuning (Eqs. 5-14).
 *
 * n = 0 is plain CLIP. Each iteration n = 1..N makes vision prompts from the text features that the filter
 * kept, encodes the image with them, makes text prompts from the image features, and encodes the classes after
 * them. The ablations of Table 5 are options that each switch off one arrow of that loop.
 */
#include "prompt/methods/filter.h"
#include "prompt/methods/generator.h"
#include "prompt/methods/vision_prompts.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- trained tensors */

/*
 * P^0: the embeddings of "a photo of a" (with the start token before it, if the prompt covers it). If b is
 * smaller, the last b of them; if it is larger, N(0, 0.02^2) vectors before them, after the start token.
 */
static int create_text_prompts(struct method *m, const struct method_init *init)
{
    const int64_t b = m->options.text_prompt_count, d_l = m->clip->dims.text.width;
    int status = method_add_normal(m, init->seed, "text_prompts", METHOD_PROMPT_STD, SHAPE(b, d_l));
    if (status != OK)
        return status;

    const bool covers_sos = m->options.covers_sos;
    const int64_t *words = init->start_tokens->ids + 1;
    const int64_t n_words = (int64_t)init->start_tokens->n - 1;
    const int64_t n_last = b < n_words ? b : n_words;
    scope *s = scope_open(m->scope, SCOPE_GRAD_OFF);
    tensor *prompts = params_find(&m->trained, "text_prompts");
    t_copy_(s, t_narrow(s, prompts, 0, b - n_last, n_last),
            clip_embed_tokens(s, m->clip, words + n_words - n_last, n_last));
    if (covers_sos && b > n_words)
        t_copy_(s, t_narrow(s, prompts, 0, 0, 1), clip_embed_tokens(s, m->clip, init->start_tokens->ids, 1));
    return scope_close(s);
}

static int create(struct method *m, const struct method_init *init)
{
    const struct method_options *o = &m->options;
    if (o->n_iterations == 0)
        return OK;
    /* without the filter every class makes a prompt, so O^0 has one row for each training class */
    const int64_t rows = o->filter ? o->vision_prompt_count : init->n_train_classes;
    const struct clip_dims *dims = &m->clip->dims;
    int status = vision_prompts_create(m, init, rows);
    if (status == OK)
        status = create_text_prompts(m, init);
    if (status == OK && o->vision_generator)
        status = generator_create(m, init, "vision_generator", dims->vision.width, o->vision_prompt_depth);
    if (status == OK && o->text_generator)
        status = generator_create(m, init, "text_generator", dims->text.width, 0);
    return status;
}

/* ---------------------------------------------------------------- one iteration */

/* The same in all iterations of a forward pass. */
struct pass {
    const struct method *method;
    struct tape *tape;
    const struct class_texts *classes;
    const tensor *fixed_text; /* or NULL */
    struct image_tokens image_tokens;
    int64_t n_kept; /* a', text features that the filter keeps, of K classes at most K */
    struct method_trace *trace;
};

/* Handed from one iteration to the next. */
struct state {
    tensor **vision_prompts;    /* O^n_j, J tensors [B or 1,a',d_v] */
    const tensor *text_prompts; /* P^n, [B or 1,b,d_l] */
    const tensor *x;            /* x^n, [B,d] */
    const tensor *z;            /* Z^n, [B or 1,K,d] */
    tensor *logits;             /* [B,K] */
};

static const tensor *generator_input(scope *s, const struct method *m, const tensor *features)
{
    switch (m->options.generator_input) {
    case GENERATOR_INPUT_NORMALIZED:
        return t_normalize(s, features, -1);
    case GENERATOR_INPUT_RAW:
        return scope_share(s, features);
    }
    return NULL;
}

/* The input of G^V, Z~ of the iteration before: [B,a',d], or [1 or B,K,d] without the filter. */
static const tensor *filtered(scope *s, const struct pass *p, const struct state *state, int64_t n)
{
    if (!p->method->options.filter)
        return state->z;
    const int64_t B = t_size(state->logits, 0), n_kept = p->n_kept;
    int64_t *traced = p->trace ? p->trace->picks + (n - 1) * B * n_kept : NULL;
    tensor *picks = NULL;
    if (p->trace && p->trace->force) {
        picks = t_from_i64(s, traced, SHAPE(B, n_kept), p->method->clip->device);
    } else {
        picks = filter_pick(s, state->logits, n_kept);
        if (p->trace) /* a failure marks the scope */
            (void)t_read_i64(traced, (size_t)(B * n_kept), s, picks);
    }
    return filter_gather(s, state->z, picks);
}

/* Step 1, Eq. 8: O^n_j = G^V_j(Z~) + O^(n-1)_j. */
static void update_vision_prompts(struct state *state, scope *s, const struct method *m, const tensor *kept)
{
    const int64_t J = m->options.vision_prompt_depth;
    struct generator g = generator_find(m, "vision_generator");
    tensor **generated = calloc((size_t)J, sizeof(tensor *));
    if (!generated) {
        scope_fail(s, error_out_of_memory());
        return;
    }
    generator_forward_layers(generated, s, &g, generator_input(s, m, kept), J);
    for (int64_t j = 0; j < J; j++)
        state->vision_prompts[j] = t_add(s, state->vision_prompts[j], generated[j]);
    free(generated);
}

/* Step 3, Eq. 10: P^n = G^T(x^n) + P^(n-1), one vector for all b positions. */
static tensor *update_text_prompts(scope *s, const struct method *m, const struct state *state)
{
    struct generator g = generator_find(m, "text_generator");
    tensor *generated = generator_forward(s, &g, generator_input(s, m, state->x)); /* [B,d_l] */
    return t_add(s, t_unsqueeze(s, generated, 1), state->text_prompts);
}

/* Step 4, Eq. 11. A prompt that does not cover the start token follows a fixed one. */
static tensor *encode_text(scope *s, const struct method *m, struct tape *tape,
                           const struct class_texts *classes, const tensor *prompts)
{
    const struct text_vectors prefixes = {.first = m->options.covers_sos ? prompts
                                                                         : method_after_start(s, m, prompts)};
    return clip_encode_text(s, m->clip, tape, prefixes, classes);
}

/* Without G^T the text is that of P^0. */
static tensor *encode_fixed_text(scope *s, const struct method *m, struct tape *tape,
                                 const struct class_texts *classes)
{
    if (m->options.text_generator || m->options.n_iterations == 0)
        return NULL;
    return encode_text(s, m, tape, classes, t_unsqueeze(s, params_find(&m->trained, "text_prompts"), 0));
}

/* Whether the gradient ends between iteration n and the one before, at the tensors that n takes over. */
static bool is_cut(const struct method *m, int64_t n)
{
    return m->options.detach_iterations && n > 1;
}

static void iterate(struct state *state, scope *s, const struct pass *p, int64_t n)
{
    const struct method *m = p->method;
    const struct method_options *o = &m->options;
    if (o->vision_generator) {
        const tensor *kept = filtered(s, p, state, n);
        for (int64_t j = 0; is_cut(m, n) && j < o->vision_prompt_depth; j++)
            state->vision_prompts[j] = t_detach(s, state->vision_prompts[j]);
        update_vision_prompts(state, s, m, is_cut(m, n) ? t_detach(s, kept) : kept);
    }
    if (o->vision_generator || n == 1) /* else x^n = x^1 */
        state->x = vision_prompts_encode(s, m, p->tape, p->image_tokens, state->vision_prompts,
                                         o->vision_prompt_depth); /* step 2 */
    if (o->text_generator) {
        if (is_cut(m, n))
            state->text_prompts = t_detach(s, state->text_prompts);
        state->text_prompts = update_text_prompts(s, m, state);
    }
    if (o->text_generator || n == 1) /* else Z^n = Z^1 */
        state->z =
            p->fixed_text ? p->fixed_text : encode_text(s, m, p->tape, p->classes, state->text_prompts);
    state->logits = clip_logits(s, m->clip, state->x, state->z); /* step 5 */
}

static void forward(struct method_output *out, scope *s, const struct method *m,
                    const struct method_inputs *in)
{
    const struct method_options *o = &m->options;
    const struct class_texts *classes = in->classes;
    struct initial_features initial = method_initial_features(out, s, m, in);
    if (o->n_iterations == 0)
        return;

    const int64_t K = classes->rows->n, n_rows = t_size(params_find(&m->trained, "vision_prompts"), 1);
    const int64_t n_kept = o->filter && n_rows < K ? n_rows : K;
    if (o->vision_generator && n_kept > n_rows) {
        scope_fail(s, error_set(ERR_USAGE,
                                "filter: false was trained with %" PRId64
                                " classes, one vision prompt each, and cannot be evaluated with %" PRId64,
                                n_rows, K));
        return;
    }
    tensor **vision_prompts = vision_prompts_start(s, m, o->vision_generator ? n_kept : n_rows);
    if (!vision_prompts)
        return;
    const struct pass pass = {m,      &out->tape, classes, in->fixed_text, initial.image_tokens,
                              n_kept, in->trace};
    struct state state = {.vision_prompts = vision_prompts,
                          .text_prompts = t_unsqueeze(s, params_find(&m->trained, "text_prompts"), 0),
                          .x = initial.x,
                          .z = classes->caption_features,
                          .logits = initial.logits};
    for (int64_t n = 1; n <= o->n_iterations; n++) {
        iterate(&state, s, &pass, n);
        out->features[n] = state.x;
        out->text[n] = state.z;
        out->logits[n] = state.logits;
    }
    free(vision_prompts);
}

/* Without its generator a side does not depend on the image or the iteration, and is computed once. */
static struct method_passes passes(const struct method *m, int64_t n_images, int64_t n_classes)
{
    const struct method_options *o = &m->options;
    if (o->n_iterations == 0)
        return (struct method_passes){0};
    const int64_t n_rows = t_size(params_find(&m->trained, "vision_prompts"), 1);
    return (struct method_passes){.n_text = o->text_generator ? o->n_iterations : 1,
                                  .n_prefixes = o->text_generator ? n_images : 1,
                                  .n_image = o->vision_generator ? o->n_iterations : 1,
                                  .n_prompts = o->vision_generator && n_classes < n_rows ? n_classes : n_rows,
                                  .n_prompt_layers = o->vision_prompt_depth};
}

/* The prompt is the prefix of all names. */
static struct text_form text_form(const struct method_options *o)
{
    if (o->n_iterations == 0)
        return (struct text_form){0};
    return (struct text_form){.n_before = o->text_prompt_count + (o->covers_sos ? 0 : 1),
                              .per_image = o->text_generator};
}

const struct method_ops method_prompt = {.text_form = text_form,
                                         .create = create,
                                         .forward = forward,
                                         .fixed_text = encode_fixed_text,
                                         .passes = passes};
