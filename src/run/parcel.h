/* The result of one batch as bytes, for the rank that hands it on. */
#ifndef PROMPT_SRC_RUN_PARCEL_H
#define PROMPT_SRC_RUN_PARCEL_H

#include <stddef.h>
#include <stdint.h>

#include "prompt/base/str.h"

/* An image that could not be read. */
struct parcel_failure {
    size_t item;
    char *message; /* owned */
};

/* Begins zeroed. Arrays are owned. */
struct parcel {
    int64_t n; /* images */
    size_t *items;
    float *values; /* [n_values] */
    int64_t n_values;
    float *features; /* [n_features], x^0 of the images for the store; none if it does not take them */
    int64_t n_features;
    int64_t dtype; /* of x^0 in the model */
    struct parcel_failure *failures;
    int64_t n_failures;
    int64_t n_damaged, n_oriented; /* images of which the loader counted so, since the batch before */
    struct str damage;             /* of the first damaged image of this rank, if it is in this batch */
};

void parcel_clear(struct parcel *p); /* empty again */
void parcel_free(struct parcel *p);

/* A failure to copy the message shows in parcel_pack. */
void parcel_add_failure(struct parcel *p, size_t item, const char *message);
int parcel_add_images(struct parcel *p, const size_t *items, int64_t n, const float *values, int64_t width);
int parcel_add_features(struct parcel *p, const float *values, int64_t n);

int parcel_pack(struct str *out, const struct parcel *p);
/* The parcel of such bytes, by this program on another rank. ERR_MEMORY. */
int parcel_unpack(struct parcel *out, const char *bytes);

#endif
