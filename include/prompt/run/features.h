/**
 * Features of the frozen towers that a store keeps for later commands: x^0 of the pictures of a list and Z^0 of
 * captions. They are those that the encoder would give, to the bit: a key names the weights, the pictures or
 * tokens, and everything in program, machine and settings that may change a bit of the result.
 *
 * No failure of the store is one of the command: it is a note, and what was asked for is computed.
 */
#ifndef PROMPT_RUN_FEATURES_H
#define PROMPT_RUN_FEATURES_H

#include "prompt/run/session.h"

/** Opens the store that the configuration names, if any; without it nothing is kept. Comes after
 * session_open. ERR_MEMORY. */
int features_open_store(struct session *s);

/** weights_hash, which reads the digest of an unchanged file from the store. */
int features_hash_weights(const struct session *s);

/** clip_encode_captions, from the store or into it. */
tensor *features_of_captions(scope *owner, struct session *s, const struct clip *model,
                             const struct token_rows *captions, size_t n_templates, enum template_mean mean);

/** x^0 of a list of pictures. */
struct image_features {
    char *key;         /* owned; NULL: the store does not take them */
    float *values;     /* [n,d], owned; NULL without a key */
    enum dtype dtype;  /* of x^0 as the encoder gives it, from which `values` are converted without loss */
    int64_t n, d;      /* of all pictures of the list */
    bool is_found;     /* the store had them; else they are to be filled in, and kept */
    int64_t n_damaged; /* what the loader counted when they were computed */
    char *first_damaged;
};

/** The pictures, and how they are read. */
struct image_source {
    const struct item_list *items; /* borrowed */
    const char *image_dir;         /* borrowed */
    int64_t batch_size;
    bool apply_orientation;
};

/** Looks for the features of `source` by the session's model. `out` is owned: image_features_close frees it.
 * ERR_MEMORY. */
int image_features_open(struct image_features *out, struct session *s, const struct image_source *source);
/** Features [n,d] of these pictures of the list, which were found. */
tensor *image_features_rows(scope *s, const struct image_features *f, const struct clip *model,
                            const size_t *items, int64_t n);
/** Stores features that are complete, unless a picture has changed meanwhile. ERR_MEMORY. */
int image_features_keep(struct image_features *f, struct session *s, const struct image_source *source,
                        int64_t n_damaged, const char *first_damaged);
void image_features_close(struct image_features *f);

#endif
