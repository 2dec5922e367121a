/** The checks of prompt doctor. Each appends one line, with what to do if something is wrong. */
#ifndef PROMPT_SRC_CLI_DOCTOR_H
#define PROMPT_SRC_CLI_DOCTOR_H

#include "opt.h"
#include "prompt/torch/torch.h"

enum verdict { FINE, NOTE, MISSING }; /* printed as ok, note and NO */

struct doctor {
    const char *out_dir; /* folder for runs, borrowed */
    struct config config;
    struct device device; /* where the commands would compute; set by doctor_devices */
    struct str text;
    struct str missing; /* subjects of what the commands need and do not find, separated by commas */
};

/** Appends a line; the text is one sentence or several, separated by semicolons. */
void doctor_line(struct doctor *d, enum verdict verdict, const char *subject, const char *fmt, ...)
    PROMPT_PRINTF(4, 5);

/* The machine (doctor_machine.c). */
void doctor_system(struct doctor *d);
void doctor_processor(struct doctor *d);
void doctor_memory(struct doctor *d);
/** Starts libtorch's threads; comes before doctor_precision. */
void doctor_threads(struct doctor *d);
/** Comes after doctor_threads. */
void doctor_wait(struct doctor *d);
void doctor_environment(struct doctor *d);
void doctor_devices(struct doctor *d);
void doctor_precision(struct doctor *d);

/* Files and folders (doctor_files.c). */
void doctor_presets(struct doctor *d);
/** Two lines, the model and the merges that belong to it. */
void doctor_model(struct doctor *d);
void doctor_data(struct doctor *d);
void doctor_run_folder(struct doctor *d);
void doctor_cache_folder(struct doctor *d);

#endif
