/** The parts of methods: the functions of each, its trained tensors, and steps that several share. */
#ifndef PROMPT_METHODS_PARTS_H
#define PROMPT_METHODS_PARTS_H

#include "prompt/methods/method.h"

struct fit_data; /* fit.h */
struct fit_report;

/** The logits of classes that were not trained. */
enum unknown_classes {
    UNKNOWN_CLASSES_SERVED,  /* as any others: the method reads their names */
    UNKNOWN_CLASSES_BY_CLIP, /* CLIP's */
    UNKNOWN_CLASSES_ALONE,   /* CLIP's, and they are not compared with trained ones */
};

/** The functions of one method. */
struct method_ops {
    /** NULL: the method learns no text. */
    struct text_form (*text_form)(const struct method_options *o);
    /** Checks the options against the model and adds the trained tensors. */
    int (*create)(struct method *m, const struct method_init *init);
    /** method_forward; sets out->logits, features, text and tape. */
    void (*forward)(struct method_output *out, scope *s, const struct method *m,
                    const struct method_inputs *in);
    /** Z that is the same for all images, [1,K,d]; NULL, as pointer or as result: there is none. */
    tensor *(*fixed_text)(scope *s, const struct method *m, struct tape *tape,
                          const struct class_texts *classes);
    /** NULL: no passes. */
    struct method_passes (*passes)(const struct method *m, int64_t n_images, int64_t n_classes);
    /** Of a method with two stages, else NULL: the steps of the first; whether a stage trains a tensor; the initial
     * values of a stage after the first. */
    int64_t (*n_first)(const struct method_options *o, int64_t n_steps);
    bool (*trains)(const char *name, int64_t stage);
    int (*begin_stage)(struct method *m, const struct class_texts *classes);
    /** method_fit; NULL: the method is trained by steps. */
    int (*fit)(struct fit_report *out, struct method *m, const struct fit_data *data);
    enum unknown_classes unknown_classes;
    /** Merges the changes of one tower's block into CLIP's weights; NULL: the method does not change the towers. */
    int (*merge)(const struct method *m, struct weights *w, enum tower tower, int64_t layer);
    /** What to set where there are no validation pictures, if the fit chooses on them; NULL: it does not. */
    const char *(*needs_validation)(const struct method_options *o);
};

extern const struct method_ops method_clip;   /* clip_zero_shot.c: nothing is trained */
extern const struct method_ops method_prompt; /* prompt.c: ProMPT */
extern const struct method_ops method_coop;   /* coop.c: CoOp; KgCoOp is CoOp with a term of agreement.h */
extern const struct method_ops method_cocoop; /* cocoop.c */
extern const struct method_ops method_vpt;    /* vpt.c: VPT-deep */
extern const struct method_ops method_ivlp;   /* ivlp.c: IVLP; PromptSRC is IVLP with terms of agreement.h */
extern const struct method_ops method_maple;  /* maple.c */
extern const struct method_ops method_linear_probe; /* linear_probe.c */
extern const struct method_ops method_lp_plus_plus; /* lp_plus_plus.c: LP++ */
extern const struct method_ops method_tip_adapter;  /* tip_adapter.c: also Tip-Adapter-F */
extern const struct method_ops method_clip_lora;    /* clip_lora.c */
extern const struct method_ops method_two_stage;    /* two_stage.c: 2SFS */

/* ---------------------------------------------------------------- trained tensors */

#define METHOD_PROMPT_STD 0.02 /* of every learned vector that starts at random */

/** Adds a trained tensor with these initial values (host, row-major). */
int method_add_trained(struct method *m, const char *name, const float *values, const int64_t *dims,
                       size_t n_dims);
/** The same of zeros. */
int method_add_zeros(struct method *m, const char *name, const int64_t *dims, size_t n_dims);
/** The same from `std` times standard normal, or uniform in +-bound; the random stream is that of the seed
 * and the tensor's index. */
int method_add_normal(struct method *m, uint64_t seed, const char *name, double std, const int64_t *dims,
                      size_t n_dims);
int method_add_uniform(struct method *m, uint64_t seed, const char *name, double bound, const int64_t *dims,
                       size_t n_dims);

/** The same from a tensor, which is copied. */
int method_add_copy(struct method *m, const char *name, const tensor *values);

/* ---------------------------------------------------------------- steps of a forward pass */

/** The fixed start token before learned vectors [B,n,d_l]: [B,1+n,d_l]. */
tensor *method_after_start(scope *s, const struct method *m, const tensor *vectors);

/** The rows of the evaluated classes in a trained tensor [K',...] of the training's classes. ERR_USAGE if one was
 * not trained. */
tensor *method_class_rows(scope *s, const struct method *m, const char *name,
                          const struct class_texts *classes);

/** n = 0: image tokens, x^0 and the zero-shot logits, without gradients. */
struct initial_features {
    struct image_tokens image_tokens; /* empty without pixels */
    tensor *x;                        /* x^0, [B,d] */
    tensor *logits;                   /* [B,K] */
};
/** Sets the features and the logits of n = 0 in `out`, too. */
struct initial_features method_initial_features(struct method_output *out, scope *s, const struct method *m,
                                                const struct method_inputs *in);
/** The same for a method of features alone: its logits begin as CLIP's. Whether they stay so, as it knows none of
 * the classes. */
bool method_begins_by_clip(struct method_output *out, struct initial_features *initial, scope *s,
                           const struct method *m, const struct method_inputs *in);
/** The same for a method that reads the image tokens alone: a pass that skips n = 0 leaves x and logits NULL. */
struct initial_features method_image_tokens(struct method_output *out, scope *s, const struct method *m,
                                            const struct method_inputs *in);

#endif
