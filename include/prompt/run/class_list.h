/** The classes of a data set, or any names, ready for the text tower. */
#ifndef PROMPT_RUN_CLASS_LIST_H
#define PROMPT_RUN_CLASS_LIST_H

#include "prompt/report/provenance.h"
#include "prompt/run/session.h"

/** All classes of a data set or a half of them, or any names. */
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
/** What a list is opened for. */
struct class_list_use {
    int64_t batch_size; /* images that are encoded at a time */
    bool trains;        /* with the method's dropout, which no text shares with another */
};
/**
 * Tokenizes the names, encodes their captions and lays out their texts.
 * @param owner  scope of the tensors
 * @param model  the session's, or another one of the session's weights
 */
int class_list_open(struct class_list *out, scope *owner, struct session *s, const struct clip *model,
                    const struct dataset *d, enum class_subset subset, struct class_list_use use);
/** The same of names without a data set. */
int class_list_open_names(struct class_list *out, scope *owner, struct session *s, const struct clip *model,
                          char *const *names, int64_t n, struct class_list_use use);
/** Encodes the text features of the frozen CLIP that training is to agree with (methods/agreement.h), if the
 * configuration asks for them. Arguments and errors are those of class_list_open. */
int class_list_add_teacher(struct class_list *c, scope *owner, struct session *s, const struct clip *model);
/**
 * Finds each class among those of the training, by name, and sets texts.trained_rows: of equal names the first is
 * that of the first class, and so on. ERR_FORMAT for a checkpoint without its names; ERR_MEMORY.
 */
int class_list_match(struct class_list *c, const struct provenance *training);
void class_list_close(struct class_list *c);

#endif
