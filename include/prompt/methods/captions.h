/** Class names as token rows: what the methods feed to the text tower. */
#ifndef PROMPT_METHODS_CAPTIONS_H
#define PROMPT_METHODS_CAPTIONS_H

#include "prompt/clip/clip.h"
#include "prompt/text/tokenizer.h"

/** The sentence of a class: `template` with {} replaced by the name, underscores as spaces. Heap, or NULL. */
char *class_caption(const char *template, const char *class_name);

/** Where the learned vectors of a method stand in the text of a class. */
struct text_form {
    int64_t n_before; /* positions before the name, start token and learned vectors; 0: no learned text */
    int64_t n_after;  /* vectors between the name and what ends it */
    bool per_class;   /* each class has vectors of its own */
    bool per_image;   /* the vectors depend on the image */
};
/** False if the vectors are one prefix of all names. */
bool text_form_is_whole(const struct text_form *f);

/** The token rows of a list of K classes. */
struct class_rows {
    struct text_rows *captions; /* [n_templates]: start, the template with the name, end: n = 0 */
    int64_t n_templates;
    struct text_rows names; /* "{class}." as one string, end: what stands behind a learned prompt */
    int64_t *name_lengths;  /* [K], tokens of the name alone: in `names` they stand before what ends it */
};

/**
 * Tokenizes K class names (underscores become spaces).
 * @param templates       of the captions; "{}" stands for the name
 * @param form            of the method's text; its positions must fit, too
 * @param context_length  positions of the text tower
 * @return OK; ERR_USAGE naming the class, its tokens and the limit if one does not fit; ERR_FORMAT;
 * ERR_MEMORY
 */
int class_rows_create(struct class_rows *out, const struct tokenizer *t, char *const *class_names,
                      int64_t n_classes, const char *const *templates, size_t n_templates,
                      const struct text_form *form, int64_t context_length);
void class_rows_free(struct class_rows *rows);

/** Whole texts with places: start, n_before - 1 vectors, the name, n_after vectors, what ends it, end. */
int class_rows_fill(struct text_rows *out, const struct class_rows *rows, const struct text_form *form);
void text_rows_free(struct text_rows *rows); /* leaves them empty */

/** The tokens that start the learned prompt: the start token and "a photo of a". Caller frees with
 * tokens_free. */
int prompt_start_tokens(struct tokens *out, const struct tokenizer *t);

#endif
