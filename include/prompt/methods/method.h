/**
 * What all methods share: trained tensors by name, class texts, a forward pass that gives logits per
 * iteration.
 *
 * A method is one file with one row in method.c. Letters are those of the paper: B images, K classes, N
 * iterations.
 */
#ifndef PROMPT_METHODS_METHOD_H
#define PROMPT_METHODS_METHOD_H

#include "prompt/clip/clip.h"
#include "prompt/methods/captions.h"
#include "prompt/methods/options.h"
#include "prompt/nn/tape.h"

/** What a method needs to make its initial values. */
struct method_init {
    uint64_t seed;
    int64_t n_train_classes;           /* K of training */
    const struct tokens *start_tokens; /* start token and "a photo of a": prompt_start_tokens */
};

/** A list of classes as the text tower sees it, with the features that never change. */
struct class_texts {
    const struct class_rows *rows; /* borrowed */
    int64_t n;                     /* K */
    bool is_whole;                 /* `names` are whole texts with places for learned vectors */
    struct text_rows whole;        /* their rows */
    struct clip_texts names;       /* what stands behind a learned prompt, or the whole texts */
    tensor *caption_features;      /* Z^0, [1,K,d] */
    tensor *fixed_features;        /* method_fixed_text in evaluation; NULL: each forward pass encodes it */
};

/**
 * Encodes the captions, without gradients; Z^0 lives in `s`. Of several templates: the features of each
 * normalized, their mean normalized.
 * @param form        of the method: method_text_form
 * @param n_prefixes  prefixes that are encoded at a time; sizes the chunks
 */
int class_texts_create(struct class_texts *out, scope *s, const struct clip *clip,
                       const struct class_rows *rows, const struct text_form *form, int64_t n_prefixes);
void class_texts_free(struct class_texts *texts);

/**
 * The logits after every iteration; [0] is plain CLIP, n = 0. Tensors live in the scope of the forward pass;
 * the rest is freed by method_output_free.
 */
struct method_output {
    struct tape tape;                          /* of encoders that are differentiated by hand */
    int64_t n_iterations;                      /* N */
    tensor *logits[METHOD_MAX_ITERATIONS + 1]; /* [B,K] each */
};

/** Looks into the filter, or overrules it, in tests and traces. */
struct method_trace {
    bool force;     /* true: read the picks instead of writing them */
    int64_t *picks; /* [N,B,min(a,K)], classes in falling order of probability before iteration n = 1..N */
};

struct method {
    const struct method_ops *ops;
    const struct clip *clip; /* borrowed */
    struct method_options options;
    struct params trained; /* leaves that require gradients, in checkpoint order */
    scope *scope;          /* owns the trained tensors */
};

/** What a step asks of the encoders, besides CLIP's own image features (n = 0). */
struct method_passes {
    int64_t n_text;          /* text passes */
    int64_t n_prefixes;      /* prefixes of each: B, or 1 if the text does not depend on the image */
    int64_t n_image;         /* image passes with prompts */
    int64_t n_prompts;       /* vision prompts a layer */
    int64_t n_prompt_layers; /* J */
};

struct method_ops {
    /** NULL: the method learns no text. */
    struct text_form (*text_form)(const struct method_options *o);
    /** Checks the options against the model and adds the trained tensors. */
    int (*create)(struct method *m, const struct method_init *init);
    /** pixels [B,3,S,S] to out; `trace` may be NULL. A failure marks the scope. */
    void (*forward)(struct method_output *out, scope *s, const struct method *m,
                    const struct class_texts *classes, const tensor *pixels, struct method_trace *trace);
    /** Z that is the same for all images; NULL, as pointer or as result: there is none. */
    tensor *(*fixed_text)(scope *s, const struct method *m, struct tape *tape,
                          const struct class_texts *classes);
    /** For the estimate of cost: n_images a step, n_classes to tell apart. NULL: no passes. */
    struct method_passes (*passes)(const struct method *m, int64_t n_images, int64_t n_classes);
};

/** Where the method's learned vectors stand in the text of a class. */
struct text_form method_text_form(const struct method_options *o);

/**
 * @param owner  scope of the trained tensors
 * @return OK; ERR_USAGE if the options do not fit the model (J > L, say); ERR_MEMORY; ERR_TORCH
 */
int method_create(struct method **out, scope *owner, const struct clip *clip,
                  const struct method_options *options, const struct method_init *init);
void method_free(struct method *m);

void method_forward(struct method_output *out, scope *s, const struct method *m,
                    const struct class_texts *classes, const tensor *pixels, struct method_trace *trace);

/**
 * Z, [1,K,d], of a method whose learned text does not depend on the image, else NULL. As long as nothing is
 * trained, forward passes may take it from classes->fixed_features.
 */
tensor *method_fixed_text(scope *s, const struct method *m, const struct class_texts *classes);

struct method_passes method_passes(const struct method *m, int64_t n_images, int64_t n_classes);

void method_output_free(struct method_output *out);

/** Adds the gradients of `loss`, made from `out`, to those of the trained tensors. */
int method_backward(struct method_output *out, scope *s, const tensor *loss);

/**
 * L = sum over n = 1..N of lambda^(N-n) CE(p^n, y), mean over the batch (Eqs. 13-14).
 * @param losses  receives the N terms CE(p^n, y), n = 1 first; scalars in `s`; may be NULL
 */
tensor *method_loss(tensor **losses, scope *s, const struct method *m, const struct method_output *output,
                    const tensor *labels);

/* ---------------------------------------------------------------- for the files of methods */

extern const struct method_ops method_clip;   /* clip_zero_shot.c: nothing is trained */
extern const struct method_ops method_prompt; /* prompt.c: ProMPT */
extern const struct method_ops method_coop;   /* coop.c */
extern const struct method_ops method_cocoop; /* cocoop.c */
extern const struct method_ops method_vpt;    /* vpt.c: VPT-deep */

#define METHOD_PROMPT_STD 0.02 /* of every learned vector that starts at random */

/** Adds a trained tensor with these initial values (host, row-major). */
int method_add_trained(struct method *m, const char *name, const float *values, const int64_t *dims,
                       size_t n_dims);
/** The same from `std` times standard normal, or uniform in +-bound; streams keyed by (seed, tensor's index).
 */
int method_add_normal(struct method *m, uint64_t seed, const char *name, double std, const int64_t *dims,
                      size_t n_dims);
int method_add_uniform(struct method *m, uint64_t seed, const char *name, double bound, const int64_t *dims,
                       size_t n_dims);

/** The fixed start token before learned vectors [B,n,d_l]: [B,1+n,d_l]. */
tensor *method_after_start(scope *s, const struct method *m, const struct class_texts *classes,
                           const tensor *vectors);

/** n = 0: image tokens, x^0 and the zero-shot logits, without gradients. */
struct initial_features {
    struct image_tokens image_tokens;
    tensor *x;      /* x^0, [B,d] */
    tensor *logits; /* [B,K] */
};
struct initial_features method_initial_features(scope *s, const struct method *m,
                                                const struct class_texts *classes, const tensor *pixels);

#endif
