/** Whether the images of a list exist. */
#ifndef PROMPT_DATA_FIND_FILES_H
#define PROMPT_DATA_FIND_FILES_H

#include "prompt/data/dataset.h"

/** Why a listed image cannot be had. */
enum missing_kind {
    MISSING_FILE,    /* nothing is there */
    MISSING_LINK,    /* a link that leads nowhere, as git-annex leaves it */
    MISSING_POINTER, /* a file of git LFS in place of the image */
    MISSING_DENIED,  /* no permission to read it, or its folder */
    N_MISSING_KINDS,
};

/** What dataset_look_for_files found; `{0}` at first. */
struct found_files {
    size_t n_images;
    size_t n_missing; /* of all kinds together */
    size_t n_moved;   /* found under another case, or one folder deeper */
    struct missing_files {
        size_t n;
        struct str first; /* the first three, absolute, quoted, with commas between */
    } missing[N_MISSING_KINDS];
    struct missing_files empty;   /* files without a byte; they are not missing */
    struct missing_files special; /* folders, pipes, sockets and devices; likewise */
    struct str_list folders;      /* that are missing with all their images, relative to the image folder */
    size_t n_in_folders;          /* missing images in those */
    struct str link_target;       /* of the first link that leads nowhere */
};

/**
 * Looks for every image of the list: at its path, in a doubled folder (cars_train/cars_train/), with other
 * capitals, or in a folder without the underscores (ApplyEyeMakeup/); sets the `file` of those that are
 * elsewhere. Adds to `found`; a missing image is no failure.
 */
int dataset_look_for_files(struct found_files *found, const struct dataset *d, struct item_list *list);
/** Whether an image's file can be had: it is there, readable, not empty and no pointer of git LFS. */
bool dataset_has_file(const char *file);
void found_files_free(struct found_files *found);
/** Appends how many are missing, the first of them, the likely cause, and where they can be had: for each
 * kind. */
int found_files_describe(struct str *out, const struct found_files *found, const struct dataset *d);
/** The same for one list; a missing image is ERR_IO with that description. */
int dataset_find_files(const struct dataset *d, struct item_list *list);

#endif
