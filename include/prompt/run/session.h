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

struct session {
    struct config *config; /* borrowed; its `precision` becomes the resolved one */
    struct log *log;       /* borrowed */
    struct device device;
    enum precision precision;   /* resolved: not auto */
    scope *scope;               /* owned; owns the model's tensors */
    struct templates templates; /* of zero_shot_templates_file; none without it */
    /* from session_open_model on, owned */
    struct weights *weights;
    struct clip *clip;
    struct tokenizer *tokenizer;
    struct tokens start_tokens;
    bool noted_other_tokens; /* the note that the model's own tokenizer differs has been printed */
};

/**
 * Settles the configuration (config_settle), makes its paths absolute, reads the templates, and sets up
 * device, precision and libtorch. `out` is owned; session_close frees it.
 * @return OK; ERR_USAGE; ERR_IO; ERR_FORMAT; ERR_MEMORY
 */
int session_open(struct session **out, struct config *config, struct log *log);
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

/** Creates the configured method with initial values from the seed. `out` is owned; its tensors live in the
 * session's scope. */
int session_create_method(struct method **out, struct session *s, int64_t n_train_classes);

/* ---------------------------------------------------------------- classes (class_list.c) */

/** The template of the captions at n = 0: the key, the data set's own, or the first of the file. Borrowed. */
const char *session_template(const struct session *s, const struct dataset *d);

/** Classes ready for the text tower: a half (or all) of a data set's, or any names. */
struct class_list {
    const struct dataset *dataset; /* borrowed; NULL if the names are of no data set */
    enum class_subset subset;
    char *const *names;          /* [n], borrowed */
    int64_t n;                   /* K */
    struct token_rows *captions; /* [n_templates], owned */
    size_t n_templates;
    struct token_rows prompts; /* the texts of the configured method */
    struct class_texts texts;  /* borrows `prompts` */
};

/** Token rows of names, without `texts`: for the templates of the file, or else for `template`. */
int class_list_tokenize(struct class_list *out, const struct session *s, char *const *names, int64_t n,
                        const char *template);
/**
 * Tokenizes the names, encodes their captions and lays out their texts.
 * @param owner       scope of the tensors
 * @param model       the session's, or another one of the session's weights
 * @param batch_size  images that are encoded at a time
 */
int class_list_open(struct class_list *out, scope *owner, struct session *s, const struct clip *model,
                    const struct dataset *d, enum class_subset subset, int64_t batch_size);
/** The same of names without a data set. */
int class_list_open_names(struct class_list *out, scope *owner, struct session *s, const struct clip *model,
                          char *const *names, int64_t n, int64_t batch_size);
void class_list_close(struct class_list *c);

/** Loader options of training and evaluation alike; `augment`, `shuffle` and `drop_last` are off. */
struct loader_options session_loader_options(const struct session *s, int64_t batch_size);

/** Warns of `n` unreadable images that were left out, if there are any. */
void session_warn_skipped(const struct session *s, size_t n, const char *first);
/** Warns of `n` damaged images that were read nevertheless, if there are any. */
void session_warn_damaged(const struct session *s, size_t n, const char *first);

/* ---------------------------------------------------------------- arrays to tensors (batch.c) */

/** Pixels of a batch on the model's device, [B,3,S,S]. */
tensor *batch_pixels(scope *s, const struct clip *model, const struct batch *batch);
tensor *batch_labels(scope *s, const struct clip *model, const struct batch *batch); /* [B] */

#endif
