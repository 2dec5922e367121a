/** Whether a data set on the disk is the published one, and if not, what is wrong and why. */
#ifndef PROMPT_DATA_CHECK_H
#define PROMPT_DATA_CHECK_H

#include "prompt/data/catalog.h"
#include "prompt/data/dataset_open.h"
#include "prompt/data/find_files.h"

enum check_state {
    CHECK_COMPLETE,   /* every image is there; counts and class names are the published ones, if known */
    CHECK_DIFFERS,    /* every listed image is there, but the lists are not the published ones */
    CHECK_INCOMPLETE, /* something is missing, unreadable or broken */
    CHECK_ABSENT,     /* none of its folders is below the root */
};
extern const char *const check_state_names[]; /* "complete", "differs", "incomplete", "absent" */

struct dataset_check {
    const struct catalog_entry *entry;
    enum check_state state;
    struct dataset *dataset;  /* NULL if it cannot be opened */
    struct found_files files; /* of train, val and test together */
    size_t n_repeated;        /* paths that stand twice in a list, in two lists, or as two classes */
    struct str problem;       /* one line; "" if complete */
    size_t n_decoded; /* images that were opened and are good: all of a deep check, else one of each class */
    size_t n_undecodable;
    struct str first_undecodable; /* why the first of them cannot be decoded, with its path */
    size_t n_odd;             /* of a deep check: of another format than the name says, which is no fault */
    struct str first_odd;     /* "'<path>' is PNG" */
    size_t n_damaged;         /* damaged and read all the same: no fault either */
    struct str first_damaged; /* "'<path>': <what>" */
};

/** Called now and then by a deep check; may be NULL. */
typedef void check_progress(void *user, const struct dataset_check *check, size_t n_done, size_t n_images);

/**
 * @param deep  decode every image, not one of each class alone, and compare its first bytes with its name
 * @return OK, whatever the set is like; ERR_USAGE for an unknown set, root or option; ERR_MEMORY
 */
int dataset_check(struct dataset_check *out, const struct dataset_options *options, bool deep,
                  check_progress *progress, void *user);
void dataset_check_free(struct dataset_check *check);

#endif
