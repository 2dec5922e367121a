/* What the files of other programs hold: a table for each method. */
#ifndef PROMPT_SRC_IMPORT_MAPS_H
#define PROMPT_SRC_IMPORT_MAPS_H

#include "prompt/config/config.h"
#include "prompt/methods/options.h"
#include "prompt/torch/torch.h"

enum import_transform {
    IMPORT_AS_IS,
    IMPORT_TRANSPOSED,
    IMPORT_LN_PRE, /* it passes ln_pre in the authors' code, and enters after it in ours */
};

enum { IMPORT_AFTER_TEXT = -1 }; /* a number: the first after those of the text tower's layers */

/** A tensor of the file, and its part of a trained tensor. */
struct import_tensor {
    const char *source; /* its name; '*' is the number of a row */
    const char *target; /* the trained tensor */
    int64_t row;        /* the target's row, of the first number if there are several; -1: the whole target */
    int64_t number;     /* the first for '*', or IMPORT_AFTER_TEXT */
    enum import_transform transform;
    bool is_half; /* fp16 in the authors' code */
    /* rows from one number to the next, along the target's first two axes; 0: one, along the first */
    int64_t step;
};

enum import_fact {
    IMPORT_N_VECTORS,   /* the second axis from the end; 0 without the tensor */
    IMPORT_N_ROWS,      /* 1 and the number of tensors `source`, whose '*' counts from `number` */
    IMPORT_START,       /* "random" unless its vectors may have started as words: as `number` to 4 of them */
    IMPORT_NUMBER,      /* a number of the file, not a tensor */
    IMPORT_IS_THERE,    /* whether the file has the tensor */
    IMPORT_HAS_CLASSES, /* whether there is an axis of classes before the last two */
};

/** A key that the shapes determine. */
struct import_key {
    const char *key;
    enum import_fact fact;
    const char *source;
    int64_t number;
};

/** A text or number that the file must have. */
struct import_demand {
    const char *name, *text;
};

/** An axis as long as there are classes. */
struct import_axis {
    const char *source;
    int64_t axis;
};

/** A prefix of frozen tensors in the file, and what CLIP's names have in its place. */
struct import_prefix {
    const char *source, *clip;
};

/** Lists end with a row whose first text is NULL. */
struct import_map {
    const char *folder; /* of Dassl, for export; NULL: none */
    bool has_parts;     /* in files of their own */
    struct import_tensor tensors[14];
    struct import_key keys[6];
    struct import_demand demands[7];
    struct import_axis classes[3];
    struct import_axis images; /* as long as there are training pictures; NULL: the method does not ask */
    struct import_prefix frozen[4];
    const char *passed_over[6]; /* prefixes */
};

/** The map of a method, static; NULL: no file of it is known. */
const struct import_map *import_map_of(enum method_kind method);
/** Appends the names of the methods that have one, "coop, cocoop". */
void import_append_methods(struct str *out);

/** The name of the row's tensor in a file, owned; NULL if the map has none, or out of memory. Its number must
 * not be IMPORT_AFTER_TEXT. */
char *import_source_name(const struct import_tensor *t, int64_t row);

#endif
