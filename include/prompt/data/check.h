/** Compares a data set on the disk with the published one: what differs, and why. */
#ifndef PROMPT_DATA_CHECK_H
#define PROMPT_DATA_CHECK_H

#include "prompt/data/catalog.h"
#include "prompt/data/dataset_open.h"
#include "prompt/data/find_files.h"

enum check_state {
    CHECK_COMPLETE,   /* every image is there; counts and class names are as published, if that is known */
    CHECK_DIFFERS,    /* every listed image is there, but the lists differ from the published ones */
    CHECK_INCOMPLETE, /* something is missing, unreadable or broken */
    CHECK_ABSENT,     /* none of its folders is below the root */
};
extern const char *const check_state_names[]; /* "complete", "differs", "incomplete", "absent" */

struct dataset_check {
    const struct catalog_entry *entry;
    enum check_state state;
    struct dataset *dataset;  /* owned; NULL if it cannot be opened */
    struct found_files files; /* of train, val and test together */
    size_t n_repeated;        /* paths that occur twice in a list, in two lists, or as two classes */
    struct str problem;       /* one line; "" if complete */
    size_t n_decoded;         /* images that decode: a deep check tries all, else one per class */
    size_t n_undecodable;
    struct str first_undecodable; /* the path of the first one, and why it cannot be decoded */
    size_t n_odd;                 /* deep check: the format is not the one of the name; not an error */
    struct str first_odd;         /* "'<path>' is PNG" */
    size_t n_damaged;             /* damaged but readable; not an error either */
    struct str first_damaged;     /* "'<path>': <what>" */
};

/** Called now and then by a deep check; may be NULL. */
typedef void check_progress(void *user, const struct dataset_check *check, size_t n_done, size_t n_images);

/**
 * @param deep  decode every image, not just one per class, and compare its first bytes with its name
 * @return OK, also for a broken set; ERR_USAGE for an unknown set, root or option; ERR_MEMORY
 */
int dataset_check(struct dataset_check *out, const struct dataset_options *options, bool deep,
                  check_progress *progress, void *user);
void dataset_check_free(struct dataset_check *check);

#endif
