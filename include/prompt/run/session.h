/** The ground of training, evaluation and benchmarks: device, model, tokenizer and data sets, opened as
 * configured. */
#ifndef PROMPT_RUN_SESSION_H
#define PROMPT_RUN_SESSION_H

#include "prompt/base/log.h"
#include "prompt/clip/clip.h"
#include "prompt/config/config.h"
#include "prompt/data/dataset.h"
#include "prompt/data/loader.h"
#include "prompt/data/templates.h"
#include "prompt/methods/method.h"
#include "prompt/nn/optimizer.h"
#include "prompt/ranks/ranks.h"
#include "prompt/run/team.h"

struct store;

struct session {
    struct config *config; /* borrowed; its `precision` and `products` become the resolved ones */
    struct log *log;       /* borrowed */
    struct ranks *ranks;   /* that work on this command together, borrowed; NULL: one */
    struct device device;
    enum precision precision;   /* resolved: not auto */
    struct team team;           /* the CPU's threads */
    scope *scope;               /* owned; owns the model's tensors */
    struct templates templates; /* of zero_shot_templates_file or ImageNet's seven; n = 0: one template */
    /* from session_open_model on, owned */
    struct weights *weights;
    struct clip *clip;
    struct tokenizer *tokenizer;
    struct tokens start_tokens;
    struct store *store;     /* of features, owned; NULL: none; by features_open_store */
    struct str feature_key;  /* what all its keys begin with; empty before the first */
    bool noted_other_tokens; /* the note that the model's own tokenizer differs has been printed */
};

/**
 * Settles the configuration (config_settle), makes its paths absolute, reads the templates, and sets up
 * device, precision and libtorch. Each rank has the cores that its launcher gave it, and its own CUDA device
 * where there are several. `out` is owned; session_close frees it.
 * @return OK; ERR_USAGE; ERR_IO; ERR_FORMAT; ERR_MEMORY
 */
int session_open(struct session **out, struct config *config, struct log *log, struct ranks *ranks);
/** Opens weights and tokenizer; comes after everything that is quicker to find missing. */
int session_open_model(struct session *s);
/** Opens a data set below the configured root; notes how its layout differs from the official one; warns if
 * it differs from the published split, or lists an image twice. `out` is owned; dataset_free frees it. */
int session_open_dataset(struct dataset **out, struct session *s, const char *name);
void session_close(struct session *s);

/** The properties of the model that the configuration adds to its files; texts are borrowed from it. */
struct weights_options session_weights_options(const struct config *config);

/** The configured settings of the method. */
struct method_options session_method_options(const struct config *config);

/** The configured optimizer. */
struct optimizer_options session_optimizer_options(const struct config *c);

/** Creates the configured method with initial values from the seed. `out` is owned; its tensors live in the
 * session's scope. */
int session_create_method(struct method **out, struct session *s, int64_t n_train_classes,
                          int64_t n_train_images);

/** The template of the captions at n = 0: the key, the data set's own, or the first of several. Borrowed.
 * @param d  NULL: there is no data set */
const char *session_template(const struct session *s, const struct dataset *d);

/** Loader options of training and evaluation alike; `augment`, `shuffle` and `drop_last` are off. */
struct loader_options session_loader_options(const struct session *s, int64_t batch_size);

/** Notes that the model has computed `n_images` in `seconds`; fewer threads may compute the next (team.h). */
void session_note_work(struct session *s, double seconds, int64_t n_images);

/** Warns of `n` unreadable images that were left out, if there are any. */
void session_warn_skipped(const struct session *s, size_t n, const char *first);
/** Warns of `n` damaged images that were read nevertheless, if there are any. */
void session_warn_damaged(const struct session *s, size_t n, const char *first);

#endif
