/**
 * The frozen CLIP model: weights on a device, in the type of its products, and the two encoders' seams.
 *
 * Reading order: dims.h, this file, vision.c, text.c. Letters are those of the paper.
 */
#ifndef PROMPT_CLIP_CLIP_H
#define PROMPT_CLIP_CLIP_H

#include "prompt/clip/encoder.h"
#include "prompt/weights/dims.h"
#include "prompt/weights/weights.h"

/** The types a model computes in. */
struct clip_dtypes {
    enum dtype compute; /* weights of the matrix products: F32, F64, BF16 or F16 */
    enum dtype accum;   /* everything else: F32, or F64 in gradient checks */
};

struct clip_fast; /* packed weights of the fast encoder */
struct tape;      /* nn/tape.h: hand-written backwards */

/** Immutable after clip_create; all tensors live in the scope given to it. */
struct clip {
    struct clip_dims dims;
    struct clip_dtypes dtypes;
    struct device device;
    double logit_scale; /* exp(s) = 1/tau */

    /* vision */
    const tensor *patch_weight;    /* [d_v,3,p,p] */
    const tensor *class_embedding; /* [d_v] */
    const tensor *patch_positions; /* [1+M,d_v], class token first */
    struct nn_norm ln_pre;
    struct nn_block *vision_blocks; /* [L]; with what follows it, of the plain encoder alone */
    struct nn_norm ln_post;
    struct nn_linear vision_projection; /* d_v -> d */

    /* text */
    const tensor *token_embedding; /* [vocabulary,d_l] */
    const tensor *text_positions;  /* [context,d_l] */
    struct nn_block *text_blocks;  /* [L]; likewise */
    struct nn_norm ln_final;
    struct nn_linear text_projection; /* d_l -> d */

    struct clip_fast *fast; /* NULL: the plain encoder */
};

/** Moves the weights to `device` in the given types. The tensors live in `run`. */
int clip_create(struct clip **out, scope *run, const struct weights *w, struct device device,
                struct clip_dtypes dtypes, enum encoder encoder);
void clip_free(struct clip *c);

/* ---------------------------------------------------------------- image features (vision.c) */

/** What enters the first vision layer; the same at every n of one image. */
struct image_tokens {
    tensor *x;   /* class token and patches with their positions, after ln_pre; [B,1+M,d_v] */
    tensor *qkv; /* their query, key and value in layer 1, [B,1+M,3 d_v]; of the fast encoder, else NULL */
};

/** @param pixels  [B,3,S,S], normalized, S = dims.image_px */
struct image_tokens clip_image_tokens(scope *s, const struct clip *c, const tensor *pixels);

/**
 * Image features with prompts at layers 1..J (Eqs. 8-9): there the prompts stand between class token and
 * patches; what a layer before J puts out at their positions is dropped, what layer J puts out goes on like
 * any token.
 * @param tape       where the fast encoder puts its backward; NULL in evaluation
 * @param prompts    J tensors [B,a,d_v]; gradients flow into them
 * @param n_prompts  J; 0 is plain CLIP
 * @return x, [B,d], not normalized
 */
tensor *clip_encode_image(scope *s, const struct clip *c, struct tape *tape, struct image_tokens tokens,
                          const tensor *const *prompts, int64_t n_prompts);

/* ---------------------------------------------------------------- text features (text.c) */

/**
 * Token ids of K texts, padded with 0 to a common length; what stands after a prefix, or a whole text. An id
 * -1-j is the place of the j-th learned vector.
 */
struct text_rows {
    int64_t n;        /* K */
    int64_t n_tokens; /* longest row */
    int64_t *ids;     /* [K, n_tokens] */
    int64_t *ends;    /* [K], index of the end token in its row */
    int64_t n_places; /* of learned vectors in each row; 0: tokens alone */
};

/** Token rows of all images that go through a layer of the text tower at a time; measured flat from 1,024 to
 * 4,096 on a CPU. CUDA takes more, as a launch costs more there than most of its work. */
enum { CLIP_TEXT_CHUNK_ROWS = 2048, CLIP_TEXT_CHUNK_ROWS_CUDA = 32768 };
/** Nodes of a chunk's token tree on CUDA, where tree attention is dense: its work grows with their square. */
enum { CLIP_TEXT_TREE_NODES_CUDA = 1024 };

/** Embeddings of single tokens, without positions: [n] -> [n,d_l]. */
tensor *clip_embed_tokens(scope *s, const struct clip *c, const int64_t *ids, int64_t n);

/** Texts as an encoder reads them, laid out once for a list of classes. */
struct clip_texts {
    const struct text_rows *rows; /* borrowed */
    int64_t n_prefix;             /* positions before the rows */
    struct text_layout *layout;   /* of the fast encoder, else NULL */
    double keep_bytes;            /* what one pass may keep for its backward; the rest is computed again */
};

/**
 * @param run       owns the layout's tensors
 * @param n_prefix  positions that a prefix takes before the rows
 * @param n_images  prefixes that are usually encoded at a time; sizes the chunks
 * @return OK; ERR_SHAPE if prefix and rows do not fit into the context; ERR_MEMORY
 */
int clip_texts_create(struct clip_texts *out, scope *run, const struct clip *c, const struct text_rows *rows,
                      int64_t n_prefix, int64_t n_images);
void clip_texts_free(struct clip_texts *texts);

/**
 * Text features of every row behind every prefix (Eqs. 7, 11): T([prefix, row]) read at the row's end token.
 * Positions behind the longest end token are left out: attention is causal, so nobody would read them.
 * @param tape     where the fast encoder puts its backward; NULL in evaluation
 * @param vectors  P, [B,n_prefix,d_l], n_prefix as the texts were made for; NULL: no prefix, B = 1. For rows
 * with places, the vectors that stand there: [1,n_places,d_l] for all rows or [K,n_places,d_l], B = 1.
 * Gradients flow into it
 * @return Z, [B,K,d], not normalized
 */
tensor *clip_encode_text(scope *s, const struct clip *c, struct tape *tape, const tensor *vectors,
                         const struct clip_texts *texts);

/* ---------------------------------------------------------------- what it needs of memory (memory.c) */

/** Bytes of the model on its device; on a CPU with the file's own tensors, which stay mapped. */
double clip_model_bytes(const struct clip *c, const struct weights *w);
/** Bytes that the backward of one clip_encode_text keeps if it may keep everything. */
double clip_text_kept_bytes(const struct clip *c, const struct clip_texts *texts, int64_t n_prefixes);
/** Of those, what the largest part takes that can be computed again by itself. */
double clip_text_part_bytes(const struct clip *c, const struct clip_texts *texts, int64_t n_prefixes);
/** Bytes that the backward of one clip_encode_image keeps. */
double clip_image_kept_bytes(const struct clip *c, int64_t n_images, int64_t n_prompts);
/** Bytes that one layer works with for a moment, besides what is kept; n_prefixes 0: no text. */
double clip_layer_bytes(const struct clip *c, const struct clip_texts *texts, int64_t n_prefixes,
                        int64_t n_images, int64_t n_prompts);

/* ---------------------------------------------------------------- logits */

/** exp(s) cos(x, z), in the accumulate dtype: x [B,d] against z [B,K,d], or one z [1,K,d] for all -> [B,K]. */
tensor *clip_logits(scope *s, const struct clip *c, const tensor *x, const tensor *z);

#endif
