/**
 * The frozen CLIP model: weights on a device, and the two towers.
 *
 * Reading order: dims.h, this file, vision.c, text.c. Letters are those of the paper: B images, K classes,
 * M patches, L layers, d_v and d_l the towers' widths, d the width of the joint embedding.
 */
#ifndef PROMPT_CLIP_CLIP_H
#define PROMPT_CLIP_CLIP_H

#include "prompt/clip/encoder.h"
#include "prompt/clip/token_rows.h"
#include "prompt/clip/token_tree.h"
#include "prompt/clip/tuning.h"
#include "prompt/weights/dims.h"
#include "prompt/weights/weights.h"

/** The dtypes that a model computes in. */
struct clip_dtypes {
    enum dtype compute; /* of the operands of matrix products: F32, F64, BF16 or F16 */
    enum dtype accum;   /* of the residual stream, sums and everything else: F32, or F64 in gradient checks */
    bool has_bf16_weights; /* the towers' matrices are kept in bf16; products are computed in `compute` */
};

struct clip_fast; /* packed weights of the fast encoder */
struct ranks;     /* ranks/ranks.h: processes that work together */
struct tape;      /* nn/tape.h: hand-written backwards */

/** To its users immutable after clip_create; all tensors live in the scope given to it. */
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
    struct nn_block *vision_blocks; /* [L]; these three belong to the plain encoder alone */
    struct nn_norm ln_post;
    struct nn_linear vision_projection; /* d_v -> d */

    /* text */
    const tensor *token_embedding; /* [vocabulary,d_l] */
    const tensor *text_positions;  /* [context,d_l] */
    struct nn_block *text_blocks;  /* [L]; these three belong to the plain encoder alone */
    struct nn_norm ln_final;
    struct nn_linear text_projection; /* d_l -> d */

    struct clip_fast *fast; /* NULL: the plain encoder */
};

/**
 * Moves the weights to `device` in the given dtypes; the fast encoder's when a pass first needs them.
 * @param out    owned: clip_free frees it
 * @param owner  scope of its tensors
 * @param w      borrowed: must outlive the model
 * @return OK; ERR_FORMAT naming a missing tensor; ERR_NUMERIC; ERR_MEMORY; ERR_TORCH
 */
int clip_create(struct clip **out, scope *owner, const struct weights *w, struct device device,
                struct clip_dtypes dtypes, enum encoder encoder);
void clip_free(struct clip *c);
/** Packs at once what the fast encoder packs when a pass first needs it; for measurements that no packing may
 * disturb. Does nothing to the plain encoder. */
int clip_prepare(const struct clip *c);

/** ln_1 and ln_2 of all blocks of a tower: weight and bias, [L,2,W] accum. */
void clip_block_norms(tensor **weight, tensor **bias, scope *s, const struct clip *c, enum tower tower);

/* ---------------------------------------------------------------- image features (vision.c) */

/** The input of the first vision layer; the same at every n of one image. */
struct image_tokens {
    tensor *x;   /* class token and patches with their positions, after ln_pre; [B,1+M,d_v] */
    tensor *qkv; /* their query, key and value in layer 1, [B,1+M,3 d_v]; NULL with the plain encoder */
};

/** @param pixels  [B,3,S,S], normalized, S = dims.image_px */
struct image_tokens clip_image_tokens(scope *s, const struct clip *c, const tensor *pixels);

/** Prompts [1,a,d_v] that enter with the class token and the patches, before ln_pre: the input of layer 1. */
tensor *clip_normalize_prompts(scope *s, const struct clip *c, const tensor *prompts);

/**
 * Image features with prompts at layers 1..J (Eqs. 8-9): at these layers the prompts are between class token
 * and patches. The outputs of layers 1..J-1 at the prompts are dropped; those of layer J stay, like any token.
 * @param tape       receives the fast encoder's backward; NULL in evaluation
 * @param prompts    J tensors [B,a,d_v]; gradients flow into them
 * @param n_prompts  J; 0 is plain CLIP
 * @return x, [B,d], not normalized
 */
tensor *clip_encode_image(scope *s, const struct clip *c, struct tape *tape, struct image_tokens tokens,
                          const tensor *const *prompts, int64_t n_prompts);

/** The first tensor of clip_image_tokens alone. */
tensor *clip_embed_image(scope *s, const struct clip *c, const tensor *pixels);

/**
 * Image features of a tower with trained changes, through which gradients flow down to its first layer.
 * @param tape    receives the fast encoder's backward; NULL in evaluation
 * @param x       of clip_embed_image, or of clip_image_tokens
 * @param tuning  its tensors as in tuning.h
 * @return x, [B,d], not normalized
 */
tensor *clip_encode_tuned_image(scope *s, const struct clip *c, struct tape *tape, tensor *x,
                                const struct tower_tuning *tuning);

/* ---------------------------------------------------------------- text features (text.c, class_texts.c) */

/** Token rows of all images that go through a layer of the text tower at a time; measured flat from 1,024 to
 * 4,096 on a CPU. CUDA takes more, as a launch costs more there than most of its work. */
enum { CLIP_TEXT_CHUNK_ROWS = 2048, CLIP_TEXT_CHUNK_ROWS_CUDA = 32768 };
/** Nodes of a chunk's token tree on CUDA, where tree attention is dense: its work grows with their square. */
enum { CLIP_TEXT_TREE_NODES_CUDA = 1024 };

/** Embeddings of single tokens, without positions: [n] -> [n,d_l]. */
tensor *clip_embed_tokens(scope *s, const struct clip *c, const int64_t *ids, int64_t n);

/** Features of texts without learned vectors: [1,K,d], not normalized. ERR_SHAPE if they do not fit. */
tensor *clip_encode_rows(scope *s, const struct clip *c, const struct token_rows *rows);

/** The features of a class whose captions follow several templates. */
enum template_mean {
    TEMPLATE_MEAN_NORMALIZED, /* those of each template normalized, their mean normalized: CLIP's ensemble */
    TEMPLATE_MEAN_RAW,        /* their mean normalized: PromptSRC's teacher */
};

/**
 * Z^0 of K classes, [1,K,d], without gradients: the features of their captions. The rows of each template are
 * one of `captions`; those of a single template are not normalized.
 */
tensor *clip_encode_captions(scope *s, const struct clip *c, const struct token_rows *captions,
                             size_t n_templates, enum template_mean mean);

struct text_chunk;    /* class_texts.h: rows that the fast encoder computes together */
struct text_division; /* class_texts.h: rows that ranks share */

/** The texts of K classes, laid out once for the text tower. */
struct class_texts {
    const struct token_rows *rows;  /* borrowed: what follows a prefix, or whole texts */
    int64_t n_prefix;               /* positions of the prefix */
    const tensor *caption_features; /* Z^0, [1,K,d], borrowed; NULL: there is none */
    const tensor *teacher;          /* text features of methods/agreement.h, [1,K,d], borrowed; or NULL */
    double keep_bytes; /* kept at most by one pass for its backward; the rest is computed again */
    /* [K], owned: each class's index among those of the training, -1: it was not trained; NULL: these are the
     * classes of the training */
    int64_t *trained_rows;
    struct text_division *division; /* owned; NULL: each rank encodes all rows */
    /* of rows that are embedded whole: with the plain encoder, or if they share nothing; else NULL */
    tensor *tokens; /* [K,T], 0 where a learned vector stands */
    tensor
        *picks;   /* [K,T,1], each position among the learned vectors and then its row's tokens; NULL: none */
    tensor *ends; /* [K], of the plain encoder, with the prefix before them; else NULL */
    /* of the fast encoder, else empty */
    struct text_chunk *chunks; /* [n_chunks], owned */
    size_t n_chunks;
    int64_t *sorted;          /* [K], the rows in the chunks' order, owned */
    tensor *order;            /* [K], each row's index in it */
    struct token_tree prefix; /* a chain of n_prefix tokens, of which only the masks are used */
};

/**
 * @param owner             scope of the tensors
 * @param n_prefix          positions that a prefix takes before the rows
 * @param n_images          prefixes that are usually encoded at a time; sizes the chunks
 * @param caption_features  [1,K,d], borrowed, or NULL
 * @return OK; ERR_SHAPE if prefix and rows do not fit into the context; ERR_MEMORY; ERR_TORCH
 */
int class_texts_create(struct class_texts *out, scope *owner, const struct clip *c,
                       const struct token_rows *rows, int64_t n_prefix, int64_t n_images,
                       const tensor *caption_features);
void class_texts_free(struct class_texts *texts); /* leaves them empty */

/**
 * Divides the rows among `ranks`, at most as many as rows: from now on each encodes its share in clip_encode_text,
 * at the same time, and all have the features of all. The numbers differ from those of one rank by rounding.
 * @param ranks  borrowed; one rank divides nothing
 */
int class_texts_divide(struct class_texts *texts, scope *owner, const struct clip *c, struct ranks *ranks,
                       int64_t n_images);
/** The rows that this rank encodes: `texts` itself if they are not divided; borrowed. */
struct class_texts *class_texts_own(struct class_texts *texts);

/** Learned vectors in the text and changes of the tower, into which gradients flow; borrowed. */
struct text_vectors {
    /*
     * [B,n_prefix,d_l]        P, the prefix of each image; NULL if n_prefix is 0, then B = 1
     * [1 or K,n_learned,d_l]  of rows that hold learned vectors, for all or for each; B = 1
     */
    const tensor *first;
    /*
     * [n_deep] tensors [B,n,d_l], without positions: they replace positions 1..n of the prefix before layers
     * 2, 3, ..., 1+n_deep (MaPLe, Eq. 4). The outputs of the layers before at these positions are dropped.
     */
    const tensor *const *deep;
    int64_t n_deep;
    /*
     * Trained changes of the tower, through which gradients flow down to its first layer; NULL: none. Dropout
     * needs rows that are separate (token_rows.h).
     */
    const struct tower_tuning *tuning;
};

/**
 * Text features of every row after every prefix (Eqs. 7, 11): T([prefix, row]) read at the row's end token.
 * Positions after the longest row are left out: attention is causal, so nothing would read them.
 * @param tape  receives the fast encoder's backward; NULL in evaluation. `texts` must live as long
 * @return Z, [B,K,d], not normalized
 */
tensor *clip_encode_text(scope *s, const struct clip *c, struct tape *tape, struct text_vectors vectors,
                         const struct class_texts *texts);

/* ---------------------------------------------------------------- memory (memory.c) */

/** Bytes of the model on its device; on a CPU with the file's own tensors, which stay mapped. */
double clip_model_bytes(const struct clip *c, const struct weights *w);
/** Bytes of the weights that the fast encoder packs besides these for a tower whose norms are trained. */
double clip_bare_bytes(const struct clip *c);
/** Bytes that the backward of one clip_encode_text keeps if it may keep everything. */
double clip_text_kept_bytes(const struct clip *c, const struct class_texts *texts, int64_t n_prefixes);
/** Of those, the bytes of the largest chunk, which can be computed again by itself. */
double clip_text_chunk_bytes(const struct clip *c, const struct class_texts *texts, int64_t n_prefixes);
/** Bytes that the backward of one clip_encode_image keeps. */
double clip_image_kept_bytes(const struct clip *c, int64_t n_images, int64_t n_prompts);
/** Bytes that one layer works with for a moment, besides those kept; n_prefixes 0: no text. */
double clip_layer_bytes(const struct clip *c, const struct class_texts *texts, int64_t n_prefixes,
                        int64_t n_images, int64_t n_prompts);

/* ---------------------------------------------------------------- logits */

/**
 * exp(s) cos(x, z), accum, [B,K].
 * @param x  [B,d]
 * @param z  [B,K,d], or [1,K,d] for all images
 */
tensor *clip_logits(scope *s, const struct clip *c, const tensor *x, const tensor *z);

#endif
