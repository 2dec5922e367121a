/** Class names as token rows: the input of the text tower. */
#ifndef PROMPT_METHODS_CAPTIONS_H
#define PROMPT_METHODS_CAPTIONS_H

#include <stdbool.h>

#include "prompt/clip/token_rows.h"
#include "prompt/text/tokenizer.h"

/** The words that learned vectors start as. */
#define PROMPT_WORDS "a photo of a"
enum { PROMPT_N_WORDS = 4 };

/** The sentence of a class: `template` with {} replaced by the name, underscores as spaces. Owned; NULL marks
 * ERR_MEMORY. */
char *class_caption(const char *template, const char *class_name);

/** The positions of a method's learned vectors in the text of a class. */
struct text_form {
    int64_t n_before; /* positions before the name, start token and learned vectors; 0: no learned text */
    int64_t n_words;  /* last of PROMPT_WORDS that stay between the vectors and the name, at most 3 */
    int64_t n_after;  /* vectors between the name and the dot after it */
    bool per_class;   /* each class has vectors of its own */
    bool per_image;   /* the vectors depend on the image */
    bool is_caption;  /* the text is the caption, for a tower with trained changes */
    bool is_separate; /* see struct token_rows */
};
/** False if the learned vectors are one prefix of all names, so that the rows are what follows it. */
bool text_form_is_whole(const struct text_form *f);

/**
 * The captions of K classes: start token, the template with the name, end token.
 * @param out             owned: token_rows_free frees it
 * @param template        "{}" in it is the name's position
 * @param context_length  positions of the text tower
 * @return OK; ERR_USAGE naming the class, its tokens and the limit if one does not fit; ERR_FORMAT;
 * ERR_MEMORY
 */
int caption_rows_create(struct token_rows *out, const struct tokenizer *t, char *const *class_names,
                        int64_t n_classes, const char *template, int64_t context_length);

/** The same of whole texts, which are taken as they are. */
int text_rows_create(struct token_rows *out, const struct tokenizer *t, char *const *texts, int64_t n,
                     int64_t context_length);

/** The texts of K classes for a method of this form: words that stay, "{class}." and the end token after a learned prefix, or
 * whole texts (learned_rows_create). Otherwise like caption_rows_create. */
int prompt_rows_create(struct token_rows *out, const struct tokenizer *t, char *const *class_names,
                       int64_t n_classes, const struct text_form *form, int64_t context_length);

/**
 * Whole texts: start token, n_before - 1 learned vectors, the name, n_after learned vectors, dot, end token.
 * @param names         K rows of name, dot and end token
 * @param name_lengths  [K], tokens of the name alone
 */
int learned_rows_create(struct token_rows *out, const struct token_rows *names, const int64_t *name_lengths,
                        const struct text_form *form, int64_t start_id);

/** The tokens that start the learned prompt: the start token and PROMPT_WORDS. tokens_free frees them. */
int prompt_start_tokens(struct tokens *out, const struct tokenizer *t);

#endif
