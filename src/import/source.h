/* The content of a file of prompts. */
#ifndef PROMPT_SRC_IMPORT_SOURCE_H
#define PROMPT_SRC_IMPORT_SOURCE_H

#include "prompt/base/digest.h"
#include "prompt/import/import.h"
#include "prompt/report/provenance.h"

struct source_tensor {
    char *name;    /* owned */
    tensor *value; /* borrowed; NULL if its kind is not supported */
    char *found;   /* owned; that kind, or NULL */
    char *path;    /* of its file, for messages; owned */
};

/** A number or text. */
struct source_scalar {
    char *name, *text; /* owned */
};

struct import_source {
    char *path;                    /* of the first file, for messages; owned */
    struct imported_files files;   /* at least one */
    char *reading;                 /* path of the file that is read last; owned */
    struct source_tensor *tensors; /* [n_tensors], owned */
    size_t n_tensors;
    struct source_scalar *scalars; /* [n_scalars], owned */
    size_t n_scalars;
};

/** Borrowed; NULL if there is none. */
const struct source_tensor *source_find(const struct import_source *source, const char *name);
const char *source_scalar(const struct import_source *source, const char *name);

struct import_map;
/** The model's tensor that `name` of the file is a frozen copy of, borrowed; NULL if it is none. */
const tensor *source_frozen(const struct import_map *map, const struct weights *w, const char *name);

#endif
