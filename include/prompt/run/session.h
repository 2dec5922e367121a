/** What training, evaluation and benchmarks stand on: device, model, tokenizer and data sets, opened as the
 * configuration says. */
#ifndef PROMPT_RUN_SESSION_H
#define PROMPT_RUN_SESSION_H

#include "prompt/base/log.h"
#include "prompt/clip/clip.h"
#include "prompt/config/config.h"
#include "prompt/data/dataset.h"
#include "prompt/data/loader.h"
#include "prompt/data/templates.h"
#include "prompt/methods/method.h"

struct session {
    struct config *config; /* borrowed; `precision` is set to what auto became */
    struct log *log;       /* borrowed */
    struct device device;
    enum precision precision; /* resolved: not auto */
    scope *scope;             /* owns the model's tensors */
    /* from session_open_model on */
    struct weights *weights;
    struct clip *clip;
    struct tokenizer *tokenizer;
    struct tokens start_tokens;
    bool noted_other_tokens;    /* told that the model's own tokenizer differs */
    struct templates templates; /* of zero_shot_templates_file; none without it */
};

/** config_settle; device, precision, libtorch's threads and allocator, templates; paths of the configuration
 * become absolute. */
int session_open(struct session **out, struct config *config, struct log *log);
/** Weights and tokenizer; to be called after what is quicker to find missing. */
int session_open_model(struct session *s);
/** A data set below the configured root; says in what its layout differs from the official one; warns if it
 * differs from the published one, or lists an image twice. dataset_free frees it.
 */
int session_open_dataset(struct dataset **out, struct session *s, const char *name);
void session_close(struct session *s);

/** What the configuration says of a model that its files do not; it borrows the configuration's texts. */
struct weights_options session_weights_options(const struct config *config);

/** The settings of the method, as the configuration says. */
struct method_options session_method_options(const struct config *config);

/** Creates the configured method; initial values from the seed. Tensors live in the session's scope. */
int session_create_method(struct method **out, struct session *s, int64_t n_train_classes);

/** The template of the captions at n = 0: the key, the data set's own, or the first of the file. */
const char *session_template(const struct session *s, const struct dataset *d);

/** Loader options that both loops share; `augment`, `shuffle`, `drop_last` off. */
struct loader_options session_loader_options(const struct session *s, int64_t batch_size);

/** Warns of unreadable images that were left out, if there are any. */
void session_warn_skipped(const struct session *s, size_t n, const char *first);
/** The same of damaged ones that were read all the same. */
void session_warn_damaged(const struct session *s, size_t n, const char *first);

#endif
