/**
 * A method: trained tensors by name, and a forward pass that gives logits after every iteration.
 *
 * A method is one file with one row in method.c; parts.h is what these files share. Letters are those of the
 * paper: B images, K classes, N iterations, d the width of the joint embedding.
 */
#ifndef PROMPT_METHODS_METHOD_H
#define PROMPT_METHODS_METHOD_H

#include "prompt/clip/clip.h"
#include "prompt/methods/agreement.h"
#include "prompt/methods/captions.h"
#include "prompt/methods/options.h"
#include "prompt/nn/tape.h"

/** The data of a method's initial values. */
struct method_init {
    uint64_t seed;
    int64_t n_train_classes;           /* K of training */
    const struct tokens *start_tokens; /* prompt_start_tokens, borrowed; NULL for METHOD_CLIP alone */
    int64_t n_train_images;            /* N of training, of methods that are fitted; else not read */
};

struct method {
    const struct method_ops *ops; /* parts.h */
    const struct clip *clip;      /* borrowed */
    struct method_options options;
    int64_t start_id; /* of the start token */
    uint64_t seed;
    struct params trained; /* leaves that require gradients, in checkpoint order */
    int64_t stage;         /* of the training, from 0 */
    struct params active;  /* of a method with stages: the trained tensors of this one, borrowed */
    scope *scope;          /* of the trained tensors */
};

/**
 * @param out    owned: method_free frees it
 * @param owner  scope of the trained tensors
 * @return OK; ERR_USAGE if the options do not fit the model (J > L, say) or one would do nothing for the method
 *         (a term of agreement.h that it cannot move); ERR_MEMORY; ERR_TORCH
 */
int method_create(struct method **out, scope *owner, const struct clip *clip,
                  const struct method_options *options, const struct method_init *init);
void method_free(struct method *m);

/** The positions of the method's learned vectors in the text of a class. */
struct text_form method_text_form(const struct method_options *o);

/* ---------------------------------------------------------------- stages of a training */

/** Steps with an optimizer and a schedule of their own. Most methods have one stage. */
struct method_stage {
    int64_t index;    /* from 0 */
    int64_t n_before; /* steps of the training before its first */
    int64_t n_steps;
};
/** The stage of step `step` (from 1) of n_steps. */
struct method_stage method_stage_at(const struct method *m, int64_t step, int64_t n_steps);
/** The tensors that the method's stage trains; borrowed. */
const struct params *method_active(const struct method *m);
/** Goes to a stage whose tensors have their values, as of a checkpoint. ERR_MEMORY. */
int method_enter_stage(struct method *m, int64_t index);
/** Goes to a stage before its first step and gives its tensors their initial values.
 * @param classes  of the training */
int method_begin_stage(struct method *m, int64_t index, const struct class_texts *classes);

/* ---------------------------------------------------------------- forward and backward */

/** Reads or forces the filter's picks, in tests and traces. */
struct method_trace {
    bool force;     /* true: read the picks instead of writing them */
    int64_t *picks; /* [N,B,min(a,K)], borrowed: classes in falling order of probability before n = 1..N */
};

/** What a forward pass reads; all borrowed. */
struct method_inputs {
    const struct class_texts *classes; /* in the form of the method, with caption features */
    const tensor *fixed_text;          /* Z of method_fixed_text, [1,K,d]; NULL: the pass encodes the text */
    const tensor *pixels;              /* [B,3,S,S]; NULL if `features` suffice (method_needs_pixels) */
    const tensor *features;            /* x^0, [B,d], of an earlier pass; NULL: the pass encodes the images */
    struct method_trace *trace;        /* may be NULL */
    bool skips_clip;                   /* a training step: n = 0 may be left out if nothing else needs it */
    int64_t step;                      /* of the training, from 1, for dropout; 0: no dropout */
    int64_t first_image; /* index of the first image in its batch, likewise, where others have those before */
};

/**
 * The logits after every iteration; [0] is plain CLIP, n = 0. Tensors live in the scope of the forward pass;
 * method_output_free frees the rest.
 */
struct method_output {
    struct tape tape;                                  /* of encoders that are differentiated by hand */
    int64_t n_iterations;                              /* N */
    tensor *logits[METHOD_MAX_ITERATIONS + 1];         /* [B,K] each; [0] is NULL where it was left out */
    const tensor *features[METHOD_MAX_ITERATIONS + 1]; /* x^n, [B,d] each, not normalized; likewise */
    const tensor *text[METHOD_MAX_ITERATIONS + 1];     /* Z^n, [1 or B,K,d] each, not normalized */
    const tensor *teacher;                             /* of the classes, borrowed, or NULL */
};
void method_output_free(struct method_output *out);

/** A failure marks the scope. */
void method_forward(struct method_output *out, scope *s, const struct method *m,
                    const struct method_inputs *in);

/**
 * Z, [1,K,d], of a method whose learned text does not depend on the image, else NULL. Forward passes may
 * share it as long as nothing is trained.
 */
tensor *method_fixed_text(scope *s, const struct method *m, const struct class_texts *classes);

/** The terms of a loss, scalars in its scope. */
struct method_losses {
    tensor *cross_entropy[METHOD_MAX_ITERATIONS]; /* CE(p^n, y), n = 1 first */
    struct agreement agreement; /* weighted, summed over n; a member is NULL if its weight is 0 */
    tensor *total;
};

/**
 * L = sum over n = 1..N of lambda^(N-n) (CE(p^n, y) + agreement of n with the frozen CLIP), CE the mean over
 * the batch (Eqs. 13-14); without weights of agreement.h it is the paper's.
 */
struct method_losses method_loss(scope *s, const struct method *m, const struct method_output *output,
                                 const tensor *labels);

/** Adds the gradients of `loss`, made from `out`, to those of the trained tensors. */
int method_backward(struct method_output *out, scope *s, const tensor *loss);

/** Whether a forward pass needs pixels beside x^0. */
bool method_needs_pixels(const struct method *m);

/** How many of these classes have CLIP's logits, because the method knows only those of its training. */
int64_t method_n_by_clip(const struct method *m, const struct class_texts *classes);
/** ERR_USAGE if the method cannot compare these classes: some are of its training, and others are not. */
int method_check_classes(const struct method *m, const struct class_texts *classes);

/* ---------------------------------------------------------------- weights of CLIP */

/**
 * Merges what the method has trained into CLIP's weights, whose changed tensors become fp32: a model of CLIP's
 * form with the method's features. 2SFS's classifier has no place there and stays behind.
 * @return OK; ERR_USAGE if the method does not change the towers; ERR_MEMORY; ERR_TORCH
 */
int method_merge(const struct method *m, struct weights *w);

/* ---------------------------------------------------------------- the encoders' passes */

/** The encoders' passes in a step, besides CLIP's own image features (n = 0); for the plan of memory. */
struct method_passes {
    int64_t n_text;          /* text passes */
    int64_t n_prefixes;      /* prefixes of each: B, or 1 if the text does not depend on the image */
    int64_t n_image;         /* image passes with prompts */
    int64_t n_prompts;       /* vision prompts a layer */
    int64_t n_prompt_layers; /* J */
    bool trains_norms;       /* of the blocks of both towers */
};
struct method_passes method_passes(const struct method *m, int64_t n_images, int64_t n_classes);

#endif
