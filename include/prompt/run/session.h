/** What training and evaluation both stand on: model, tokenizer and data set, opened as the configuration
 * says. */
#ifndef PROMPT_RUN_SESSION_H
#define PROMPT_RUN_SESSION_H

#include "prompt/clip/clip.h"
#include "prompt/data/dataset.h"
#include "prompt/data/loader.h"
#include "prompt/methods/method.h"
#include "prompt/run/config.h"
#include "prompt/run/log.h"

struct session {
    struct config *config; /* borrowed; `precision` is set to what auto became */
    struct log *log;       /* borrowed */
    struct device device;
    enum precision precision; /* resolved: not auto */
    scope *scope;             /* owns the model's tensors */
    struct weights *weights;
    struct clip *clip;
    struct tokenizer *tokenizer;
    struct tokens start_tokens;
    struct dataset *dataset;
};

/** Opens all of it; the first thing that is missing is the error. Initializes libtorch's threads and
 * allocator. */
int session_open(struct session **out, struct config *config, struct log *log);
void session_close(struct session *s);

/** The settings of the method, as the configuration says. */
struct method_options session_method_options(const struct config *config);

/** Creates the configured method; initial values from the seed. Tensors live in the session's scope. */
int session_create_method(struct method **out, struct session *s, int64_t n_train_classes);

/** A half (or all) of the data set's classes, ready for the text tower. */
struct class_list {
    enum class_subset subset;
    char *const *names; /* [n], borrowed from the data set */
    int64_t n;          /* K */
    struct class_rows rows;
    struct class_texts texts; /* points to rows: do not copy the struct */
};

/** The template of the captions at n = 0: the key, or the data set's own. */
const char *session_template(const struct session *s);
/** @param batch_size  images that are encoded at a time */
int class_list_open(struct class_list *out, struct session *s, enum class_subset subset, int64_t batch_size);
void class_list_close(struct class_list *c);

/** Loader options that both loops share; `augment`, `shuffle`, `drop_last` off. */
struct loader_options session_loader_options(const struct session *s, int64_t batch_size);

/* ---------------------------------------------------------------- arrays to tensors (batch.c) */

/** Pixels of a batch on the device, [B,3,S,S]. */
tensor *batch_pixels(scope *s, const struct session *session, const struct batch *batch);
tensor *batch_labels(scope *s, const struct session *session, const struct batch *batch); /* [B] */

#endif
