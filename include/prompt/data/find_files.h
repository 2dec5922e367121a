/** Looks for the images of a list on the disk. */
#ifndef PROMPT_DATA_FIND_FILES_H
#define PROMPT_DATA_FIND_FILES_H

#include "prompt/data/dataset.h"

/** Why a listed image cannot be read. */
enum missing_kind {
    MISSING_FILE,    /* no file at that path */
    MISSING_LINK,    /* a link that leads nowhere, as git-annex leaves it */
    MISSING_POINTER, /* a git LFS pointer in place of the image */
    MISSING_DENIED,  /* no permission to read it, or its folder */
    N_MISSING_KINDS,
};

/** The result of dataset_look_for_files; begins as `{0}`. */
struct found_files {
    size_t n_images;
    size_t n_missing; /* of all kinds together */
    size_t n_moved;   /* found with other capitals, or one folder deeper */
    struct missing_files {
        size_t n;
        struct str first; /* the first three: absolute, quoted, separated by commas */
    } missing[N_MISSING_KINDS];
    struct missing_files empty;   /* files of 0 bytes; not counted as missing */
    struct missing_files special; /* folders, pipes, sockets and devices; not counted as missing */
    struct str_list folders;      /* missing with all their images; relative to the image folder */
    size_t n_in_folders;          /* missing images in those folders */
    struct str link_target;       /* of the first link that leads nowhere */
};

/**
 * Looks for every image of the list: at its path, in a doubled folder (cars_train/cars_train/), with other
 * capitals, or in a folder without the underscores (ApplyEyeMakeup/); sets the `file` of those that are
 * elsewhere. Adds to `found`; a missing image is not an error.
 */
int dataset_look_for_files(struct found_files *found, const struct dataset *d, struct item_list *list);
/** Whether an image's file exists, is readable, is not empty and is not a git LFS pointer. */
bool dataset_has_file(const char *file);
void found_files_free(struct found_files *found);
/** Appends for each kind how many are missing, the first of them, the likely cause and the source. */
int found_files_describe(struct str *out, const struct found_files *found, const struct dataset *d);
/** The same for one list; a missing image is ERR_IO with that description. */
int dataset_find_files(const struct dataset *d, struct item_list *list);

#endif
