/*
 * What a pass through a tower computes, counted from its shapes: the terms are those of text_fast.c,
 * vision_fast.c, text.c and vision.c, in their order. A product of [rows,in] and [in,out] counts
 * 2 rows in out.
 *
 * Frozen weights need no gradient, so a backward pass has the same products as its forward.
 */
#include "text_layout.h"

/* of attention's forward: five products where that has two */
static const double BACKWARD_ATTENTION = (double)ATTENTION_BACKWARD_PRODUCTS / (double)ATTENTION_PRODUCTS;

/* Bytes that norms, residual and activation move for one token in one layer. */
static double row_bytes(const struct clip *c, const struct tower_dims *t, bool backward)
{
    const double W = (double)t->width, M = (double)t->mlp_width;
    const double master = (double)dtype_size(c->types.master),
                 products = (double)dtype_size(c->types.products);
    return 2.0 * W * (2.0 * master + (backward ? 3.0 : 2.0) * products) + 3.0 * M * products;
}

/* `rows` tokens through attention's and MLP's products in `layers` layers; qkv has rows of its own. */
static void add_block(struct clip_work *w, const struct clip *c, const struct tower_dims *t, double rows,
                      double layers)
{
    const double W = (double)t->width, M = (double)t->mlp_width;
    w->products += 2.0 * rows * layers * (W * W + 2.0 * W * M);
    w->bytes += rows * layers * row_bytes(c, t, false);
}

static void add_product(struct clip_work *w, double rows, double n_in, double n_out)
{
    w->products += 2.0 * rows * n_in * n_out;
}

/* Scores and weighted sums of `pairs` of query and key. */
static void add_attention(struct clip_work *w, double pairs, double width)
{
    w->attention += 4.0 * pairs * width;
}

/* A forward and its backward, whose attention is `backward_attention` times the forward's. */
static struct clip_work with_attention(struct clip_work forward, double extra_forwards,
                                       double backward_attention)
{
    const double passes = 2.0 + extra_forwards;
    return (struct clip_work){.products = passes * forward.products,
                              .attention = (1.0 + extra_forwards + backward_attention) * forward.attention,
                              .bytes = (passes + 0.2) * forward.bytes}; /* the backward's norms move more */
}

static struct clip_work with_backward(struct clip_work forward, double extra_forwards)
{
    return with_attention(forward, extra_forwards, BACKWARD_ATTENTION);
}

struct clip_work clip_work_sum(struct clip_work a, struct clip_work b)
{
    return (struct clip_work){a.products + b.products, a.attention + b.attention, a.bytes + b.bytes};
}

/* ---------------------------------------------------------------- text */

/* Layers 1..L-1 of a part, and keys and values of layer L; a chunk's layer 1 has constant qkv. */
static struct clip_work part_work(const struct clip *c, const struct token_forest *f, double B,
                                  double n_prefix, bool has_constant_qkv)
{
    const struct tower_dims *t = &c->dims.text;
    const double W = (double)t->width, L = (double)t->n_layers, rows = B * (double)f->n_nodes;
    const double qkv_layers = has_constant_qkv && L > 1.0 ? L - 2.0 : L - 1.0;
    const double seen = (double)f->nodes.first[f->nodes.n_queries];
    struct clip_work w = {0};
    add_product(&w, rows * qkv_layers, W, 3.0 * W);
    add_block(&w, c, t, rows, L - 1.0);
    add_product(&w, rows, W, 2.0 * W);
    add_attention(&w, B * (L - 1.0) * (seen + (double)f->n_nodes * n_prefix), W);
    return w;
}

/* Layer L at the end tokens and the projection. */
static struct clip_work finish_work(const struct clip *c, const struct token_forest *f, double B,
                                    double n_prefix)
{
    const double W = (double)c->dims.text.width, rows = B * (double)f->n_rows;
    const double seen = (double)f->end_nodes.first[f->end_nodes.n_queries];
    struct clip_work w = {0};
    add_product(&w, rows, W, W);
    add_block(&w, c, &c->dims.text, rows, 1.0);
    add_product(&w, rows, W, (double)c->dims.embed_dim);
    add_attention(&w, B * (seen + (double)f->n_rows * n_prefix), W);
    return w;
}

static struct clip_work fast_text_work(const struct clip *c, const struct clip_texts *texts, double B,
                                       bool backward)
{
    const struct text_layout *l = texts->layout;
    const double p = (double)l->n_prefix;
    struct clip_work w = {0};
    if (p > 0.0) {
        const struct clip_work prefix = part_work(c, &l->prefix, B, 0.0, false);
        w = clip_work_sum(w, backward ? with_backward(prefix, 0.0) : prefix);
    }
    double kept_bytes = 0.0;
    for (size_t i = 0; i < l->forests.n; i++) {
        const struct token_forest *f = l->chunks[i].forest;
        const double copies = B * (double)l->chunks[i].n_copies;
        const struct clip_work chunk =
            clip_work_sum(part_work(c, f, copies, p, !l->is_embedded), finish_work(c, f, copies, p));
        const double bytes = text_chunk_kept_bytes(&l->chunks[i], c, (int64_t)B);
        const bool has_room = kept_bytes + bytes <= texts->keep_bytes; /* as text_fast.c decides */
        kept_bytes += has_room ? bytes : 0.0;
        w = clip_work_sum(w, backward ? with_backward(chunk, has_room ? 0.0 : 1.0) : chunk);
    }
    return w;
}

static struct clip_work plain_text_work(const struct clip *c, const struct clip_texts *texts, double B,
                                        bool backward)
{
    const struct tower_dims *t = &c->dims.text;
    const double W = (double)t->width, L = (double)t->n_layers, texts_n = B * (double)texts->rows->n;
    const double T = (double)(texts->n_prefix + texts->rows->n_tokens);
    struct clip_work w = {0};
    add_product(&w, texts_n * T * L, W, 3.0 * W);
    add_block(&w, c, t, texts_n * T, L);
    add_product(&w, texts_n, W, (double)c->dims.embed_dim);
    add_attention(&w, texts_n * L * T * (T + 1.0) / 2.0, W);
    return backward ? with_backward(w, 0.0) : w;
}

struct clip_work clip_text_work(const struct clip *c, const struct clip_texts *texts, int64_t n_prefixes,
                                bool backward)
{
    return c->fast ? fast_text_work(c, texts, (double)n_prefixes, backward)
                   : plain_text_work(c, texts, (double)n_prefixes, backward);
}

/* ---------------------------------------------------------------- images */

struct clip_work clip_tokens_work(const struct clip *c, int64_t n_images)
{
    const double B = (double)n_images, T = (double)clip_image_positions(&c->dims),
                 W = (double)c->dims.vision.width;
    const double p = (double)c->dims.patch_px;
    struct clip_work w = {0};
    add_product(&w, B * (T - 1.0), 3.0 * p * p, W);
    if (c->fast && c->dims.vision.n_layers > 1)
        add_product(&w, B * T, W, 3.0 * W);
    return w;
}

/* Layer 1 where only prompts, as keys and values, depend on anything trained. */
static bool is_constant(int64_t J, int64_t i)
{
    return i == 0 && J != 1;
}

/* Layer i of L with a prompts, J layers of them; see enum layer_kind in vision_fast.c. */
static struct clip_work fast_layer_work(const struct clip *c, double B, double a, int64_t J, int64_t i)
{
    const struct tower_dims *t = &c->dims.vision;
    const double W = (double)t->width, T = (double)clip_image_positions(&c->dims),
                 all = B * (T + (J > 0 ? a : 0.0));
    const bool keys_only = i < J - 1;
    struct clip_work w = {0};
    if (i == t->n_layers - 1) {
        add_product(&w, all, W, 2.0 * W);
        add_product(&w, B, W, W);
        add_block(&w, c, t, B, 1.0);
        add_product(&w, B, W, (double)c->dims.embed_dim);
        add_attention(&w, all, W);
        return w;
    }
    if (is_constant(J, i))
        add_product(&w, J > 0 ? B * a : 0.0, W, 2.0 * W);
    else
        add_product(&w, all, W, 3.0 * W);
    const double queries = keys_only ? B * T : all;
    add_block(&w, c, t, queries, 1.0);
    add_attention(&w, queries * all / B, W);
    return w;
}

static struct clip_work plain_image_work(const struct clip *c, double B, double a, int64_t J)
{
    const struct tower_dims *t = &c->dims.vision;
    const double W = (double)t->width, L = (double)t->n_layers,
                 T = (double)clip_image_positions(&c->dims) + (J > 0 ? a : 0.0);
    struct clip_work w = {0};
    add_product(&w, B * T * L, W, 3.0 * W);
    add_block(&w, c, t, B * T, L);
    add_product(&w, B, W, (double)c->dims.embed_dim);
    add_attention(&w, B * L * T * T, W);
    return w;
}

struct clip_work clip_image_work(const struct clip *c, int64_t n_images, int64_t n_prompts,
                                 int64_t n_prompt_layers, bool backward)
{
    const double B = (double)n_images, a = (double)n_prompts;
    struct clip_work w = {0};
    if (!c->fast) {
        w = plain_image_work(c, B, a, n_prompt_layers);
        return backward ? with_backward(w, 0.0) : w;
    }
    for (int64_t i = 0; i < c->dims.vision.n_layers; i++) {
        const bool is_last = i == c->dims.vision.n_layers - 1;
        struct clip_work layer = fast_layer_work(c, B, a, n_prompt_layers, i);
        if (backward && is_constant(n_prompt_layers, i) && !is_last) /* no gradient of queries or patches */
            layer = with_attention(layer, 0.0, 1.0 + a / ((double)clip_image_positions(&c->dims) + a));
        else if (backward)
            layer = with_backward(layer, 0.0);
        w = clip_work_sum(w, layer);
    }
    return w;
}
