/*
 * Thumbnails within a limit of bytes. The page is written twice: the first time its pictures are only noted, then
 * thumbs_make() encodes as many as fit, and the second time, in the same order, they are written.
 */
#ifndef PROMPT_SRC_PAGE_THUMBS_H
#define PROMPT_SRC_PAGE_THUMBS_H

#include <stdbool.h>
#include <stdint.h>

#include "prompt/base/str.h"

struct thumb {
    char *file; /* owned */
    size_t part, rank;
    struct str uri; /* "data:image/jpeg;base64,..."; empty: left out */
    bool is_unreadable;
};

struct thumbs {
    struct thumb *items; /* [n], owned; in the order of the page */
    size_t n, next;
    size_t part;      /* of the page, to which the next pictures belong */
    size_t n_in_part; /* pictures of it so far */
    size_t n_left_out, n_unreadable;
    bool is_made;
};

/* Begins a part of the page; the parts take turns until the limit is reached, so each has its first pictures. */
void thumbs_begin_part(struct thumbs *t);
/* Writes a picture, or an empty frame in its place. `file`: owned by the caller; NULL: there is none. */
int thumbs_write(struct str *out, struct thumbs *t, const char *file, const char *alt);
/* Encodes the noted pictures, as many as fit into `max_bytes` of text. OK; ERR_MEMORY. */
int thumbs_make(struct thumbs *t, size_t max_bytes);
void thumbs_free(struct thumbs *t);

#endif
