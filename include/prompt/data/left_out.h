/** Counts the files of a set that are not read as its images, by kind. */
#ifndef PROMPT_DATA_LEFT_OUT_H
#define PROMPT_DATA_LEFT_OUT_H

#include <stddef.h>

#include "prompt/base/error.h"
#include "prompt/base/str.h"

struct left_out {
    struct left_out_kind {
        char *what; /* owned; an ending with its dot, or words */
        size_t n;
    } * kinds; /* owned */
    size_t n;
};

/** Counts a file by its ending. */
int left_out_count_file(struct left_out *left, const char *name);
/** Counts `n` more of `what`: an ending with its dot, or one of these words. */
#define LEFT_NO_ENDING "file without a known ending"
#define LEFT_LOOSE "image outside of the class folders"
#define LEFT_LOOP "link to a folder that holds it"
#define LEFT_SPECIAL "special file"
#define LEFT_LINK "link that leads nowhere"
#define LEFT_FOLDER "folder that is not a class"
int left_out_add(struct left_out *left, const char *what, size_t n);
/** Appends "10 files without a known ending, 4 .tif"; nothing if nothing is left out. */
void left_out_describe(struct str *out, const struct left_out *left);
void left_out_free(struct left_out *left);

#endif
