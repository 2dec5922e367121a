/**
 * The small recorded CLIP that tests/reference/record.py wrote: a CLIP of three layers, 12 classes, 8 images.
 *
 * For tests: a failure to open it ends the program with a message.
 */
#ifndef PROMPT_TESTS_FIXTURE_H
#define PROMPT_TESTS_FIXTURE_H

#include "prompt/base/json.h"
#include "prompt/methods/method.h"
#include "prompt/nn/safetensors.h"

struct fixture {
    scope *scope;
    struct json_doc *doc; /* cases.json; NULL for a model of full size */
    struct weights *weights;
    struct clip *clip;
    struct safetensors *file;
    tensor *pixels;                    /* [M,3,S,S], fp32 */
    tensor *labels;                    /* [M] */
    struct token_rows captions, names; /* start, template with name, end; name, dot, end */
    int64_t *name_lengths;             /* tokens of the name alone; NULL for a model of full size */
    struct token_rows whole;           /* of the last fixture_method, if its texts are not `names` */
    struct class_texts texts;          /* of the last fixture_method */
    struct tokens start;
    int64_t
        images_at_a_time; /* that texts are laid out for: 128, so that the small class list makes chunks */
    double lr, momentum, weight_decay;
    int64_t step; /* of the training, that fixture_loss takes part in; 0: no dropout */
};

/** Where the tests' models compute: PROMPT_TEST_DEVICE, else the CPU. Without a CUDA device "cuda" ends the
 * program as skipped. */
struct device fixture_device(void);
/** For how many images texts are laid out so that chunks have as many nodes as they have on a CPU for
 * `on_cpu`. */
int64_t fixture_images_at_a_time(const struct clip *c, int64_t on_cpu);
/** Opens the folder `dir`; the model computes in `dtypes` with `encoder`, on fixture_device. */
void fixture_open(struct fixture *out, const char *dir, struct clip_dtypes dtypes, enum encoder encoder);
/** The same of a model of full size and Caltech-101's base classes below `data_root`, with random images;
 * settings are the program's defaults. */
void fixture_open_model(struct fixture *out, const char *model, const char *data_root,
                        struct clip_dtypes dtypes, enum encoder encoder);
/** Puts a CLIP of these sizes with random weights, gain 2, in the place of the recorded one, whose vocabulary it
 * has, and random images in the place of its images. */
void fixture_take_model(struct fixture *w, const struct clip_dims *dims, struct clip_dtypes dtypes,
                        enum encoder encoder);
void fixture_close(struct fixture *w);

/** Token rows as they stand in a file, [K,context]; token_rows_free frees them. */
struct token_rows fixture_read_captions(scope *s, const tensor *captions, int64_t end);
/** The method's settings from an object of configuration keys, then from "key=value" texts (NULL ends them).
 */
struct method_options fixture_options(const struct json *keys, const char *const *changes);
/** The keys that all recorded cases start from; NULL for a model of full size. */
const struct json *fixture_defaults(const struct fixture *w);

/** The method with these settings; initial values from seed 1. Sets w->texts for its prefix. The trained
 * tensors and those of w->texts live in `owner`. */
int fixture_method(struct method **out, struct fixture *w, scope *owner,
                   const struct method_options *options);

/** Forward and loss on the images `index` [B]; gradients are cleared before. NULL if nothing is trained.
 * @param losses  its terms; may be NULL */
tensor *fixture_loss(scope *s, struct method_output *out, struct method_losses *losses,
                     const struct fixture *w, const struct method *m, const tensor *index,
                     struct method_trace *trace);

/** Forward and backward on the images `index` [B]: logits [N+1,B,K] and losses [N] (NULL if nothing is
 * trained) in `s`, the gradients in the leaves. */
void fixture_pass(tensor **logits, tensor **losses, scope *s, const struct fixture *w, const struct method *m,
                  const tensor *index, struct method_trace *trace);

/** Ends the program with `what` and the last error's message. */
_Noreturn void fixture_die(const char *what);

#define MUST(call)                                                                                           \
    do {                                                                                                     \
        if ((call) != OK)                                                                                    \
            fixture_die(#call);                                                                              \
    } while (0)

#endif
