/** The metadata of a checkpoint, read without its tensors
 * (run/checkpoint.h): the inputs and the progress of a training. */
#ifndef PROMPT_REPORT_PROVENANCE_H
#define PROMPT_REPORT_PROVENANCE_H

#include "prompt/base/str.h"
#include "prompt/report/pipeline.h"
#include "prompt/safetensors/metadata.h"

/** How far a training is. */
struct progress {
    int64_t epoch;         /* finished epochs */
    int64_t step_in_epoch; /* finished steps of the epoch after those */
    int64_t step;          /* finished steps in all */
    int64_t n_steps;       /* steps of the whole training */
};

/** Files of another program that prompts were imported from. */
struct imported_files {
    struct imported_file {
        char *name, *sha256; /* owned; `name` is the base name */
    } * items;               /* [n], owned */
    size_t n;                /* 0: the prompts were trained by this program */
};
/** Adds copies of both. */
int imported_files_add(struct imported_files *out, const char *name, const char *sha256);
void imported_files_free(struct imported_files *f);

/** The inputs of a training, or of prompt import. Strings are owned. */
struct provenance {
    char *config;         /* the keys that define the experiment, JSON */
    char *config_hash;    /* of its experiment keys */
    char *weights_sha256; /* of the CLIP weights */
    char *sample_digest;  /* of the few-shot list; of an imported run PROVENANCE_IMPORTED */
    char *class_digest;   /* of the training classes' names */
    char *class_names;    /* JSON array */
    int64_t n_classes;    /* of the training */
    int64_t n_images;     /* of the few-shot list; 0: an older program wrote the checkpoint */
    struct pipeline pipeline;
    struct imported_files imported;
};
#define PROVENANCE_IMPORTED "imported"
void provenance_free(struct provenance *p); /* of a read or zeroed one; leaves it zeroed */

/** Adds both and the name of the method to a checkpoint's metadata. */
int provenance_write(struct metadata *out, const char *method, const struct progress *progress,
                     const struct provenance *provenance);

/** ERR_FORMAT, without the file's name, if the metadata are not a checkpoint's. */
int provenance_check(const struct metadata *metadata);

/**
 * Reads both from the checkpoint at `path`. `provenance` is owned, and zeroed on failure.
 * @return OK; ERR_IO with the absolute path; ERR_FORMAT naming the file if it is not a checkpoint; ERR_MEMORY
 */
int provenance_read(struct provenance *provenance, struct progress *progress, const char *path);

/** Adds the names of the classes of the training to `out`, in their order. @return OK; ERR_FORMAT; ERR_MEMORY */
int provenance_class_names(struct str_list *out, const struct provenance *p);

#endif
