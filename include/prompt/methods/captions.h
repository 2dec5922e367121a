/** Class names as token rows: what the methods feed to the text tower. */
#ifndef PROMPT_METHODS_CAPTIONS_H
#define PROMPT_METHODS_CAPTIONS_H

#include "prompt/clip/clip.h"
#include "prompt/clip/tokenizer.h"

/** The sentence of a class: `template` with {} replaced by the name, underscores as spaces. Heap, or NULL. */
char *class_caption(const char *template, const char *class_name);

/** The token rows of a list of K classes. */
struct class_rows {
    struct text_rows captions; /* start, the template with the name, end: n = 0 */
    struct text_rows names;    /* "{class}." as one string, end: what stands behind a learned prompt */
};

/**
 * Tokenizes K class names (underscores become spaces).
 * @param template        of the captions; "{}" stands for the name
 * @param n_prefix        positions that the learned prompt takes before the names
 * @param context_length  positions of the text tower
 * @return OK; ERR_USAGE naming the class, its tokens and the limit if one does not fit; ERR_FORMAT;
 * ERR_MEMORY
 */
int class_rows_create(struct class_rows *out, const struct tokenizer *t, char *const *class_names,
                      int64_t n_classes, const char *template, int64_t n_prefix, int64_t context_length);
void class_rows_free(struct class_rows *rows);

/** The tokens that start the learned prompt: the start token and "a photo of a". Caller frees with
 * tokens_free. */
int prompt_start_tokens(struct tokens *out, const struct tokenizer *t);

#endif
