/** The classes of a data set, or any names, ready for the text tower. */
#ifndef PROMPT_RUN_CLASS_LIST_H
#define PROMPT_RUN_CLASS_LIST_H

#include "prompt/run/session.h"

/** All classes of a data set or a half of them, or any names. */
struct class_list {
    const struct dataset *dataset; /* borrowed; NULL if the names are of no data set */
    enum class_subset subset;
    char *const *names; /* [n], borrowed */
    int64_t n;          /* K */
    struct class_rows rows;
    struct class_texts texts; /* points to rows: do not copy the struct */
};

/** Token rows of names under the templates of the session's file, else under `template`; class_rows_free
 * frees them. */
int session_tokenize(struct class_rows *out, const struct session *s, char *const *names, int64_t n,
                     const char *template);
/** Opens a list of the data set's classes; class_list_close frees it.
 * @param batch_size  images that are encoded at a time */
int class_list_open(struct class_list *out, struct session *s, const struct dataset *d,
                    enum class_subset subset, int64_t batch_size);
/** Opens a list of names without a data set. */
int class_list_open_names(struct class_list *out, struct session *s, char *const *names, int64_t n,
                          int64_t batch_size);
void class_list_close(struct class_list *c);

#endif
