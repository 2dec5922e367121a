/**
 * Agreement with the frozen CLIP: terms of the loss that keep what a method learns near the model that it
 * adapts. KgCoOp (Yao et al., CVPR 2023) has the text term with cosines, PromptSRC (Khattak et al., ICCV 2023)
 * all three with L1; any method may have those of the features that it changes.
 */
#ifndef PROMPT_METHODS_AGREEMENT_H
#define PROMPT_METHODS_AGREEMENT_H

#include "prompt/methods/options.h"
#include "prompt/torch/torch.h"

/** Scalars; a term of weight 0 is NULL. */
struct agreement {
    tensor *text;   /* weight times the mean of |z - t|, or 1 - the mean of cos(z, t) */
    tensor *image;  /* weight times the mean of |x - x^0| */
    tensor *logits; /* weight times KL(p^0 || p), divided by B K, as PromptSRC's code does */
};

/** The features of one iteration and of the frozen CLIP; any length, all are normalized here. */
struct agreement_inputs {
    const tensor *text;           /* Z, [1 or B,K,d] */
    const tensor *teacher;        /* t, [1,K,d], without gradients */
    const tensor *image;          /* x, [B,d] */
    const tensor *clip;           /* x^0, [B,d], without gradients */
    const tensor *logits;         /* [B,K], of x and Z */
    const tensor *teacher_logits; /* [B,K], of x^0 and t, without gradients */
};

struct agreement agreement_terms(scope *s, const struct regularization_options *o,
                                 const struct agreement_inputs *in);

/** Whether any term reads x^0, or the teacher's text features. */
bool agreement_reads_clip(const struct regularization_options *o);
bool agreement_reads_teacher(const struct regularization_options *o);

/** PromptSRC's templates, whose features the teacher averages before they are normalized. */
enum { AGREEMENT_N_TEMPLATES = 60 };
extern const char *const agreement_templates[AGREEMENT_N_TEMPLATES];
/** KgCoOp's template for a data set whose own is `template`: the same, but of textures. Borrowed. */
const char *agreement_kgcoop_template(const char *template);

#endif
