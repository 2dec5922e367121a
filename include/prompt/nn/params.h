/** Named tensors: trained parameters, optimizer state, the weights of a file. */
#ifndef PROMPT_NN_PARAMS_H
#define PROMPT_NN_PARAMS_H

#include "prompt/base/str.h"
#include "prompt/torch/torch.h"

struct param {
    char *name;    /* owned */
    tensor *value; /* borrowed from its scope */
};

/** A list of named tensors in a fixed order; `{0}` is empty. */
struct params {
    struct param *items;
    size_t n;
};

/** Appends; copies the name, borrows the tensor. ERR_FORMAT if the name exists already; ERR_MEMORY. */
int params_add(struct params *p, const char *name, tensor *value);
/** Appends zeros of the name and the shape of another item, made in `owner`. */
int params_add_zeros(struct params *p, scope *owner, const struct param *like);
/** The tensor of that name, borrowed; NULL if there is none. */
tensor *params_find(const struct params *p, const char *name);
int64_t params_numel(const struct params *p); /* values in all tensors */
void params_free(struct params *p);           /* the list and the names, not the tensors */

/** Appends "[8, 128]" for messages. */
void shape_append(struct str *out, const int64_t *dims, size_t n_dims);
void tensor_append_shape(struct str *out, const tensor *t);
/** ERR_SHAPE naming the tensor and both shapes, if they differ. */
int tensor_check_shape(const char *name, const tensor *found, const tensor *expected);

#endif
