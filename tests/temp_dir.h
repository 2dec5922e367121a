/** A folder for a test's files, and the check that nothing was left in it. */
#ifndef PROMPT_TESTS_TEMP_DIR_H
#define PROMPT_TESTS_TEMP_DIR_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct temp_dir {
    char path[64];
};

static inline int temp_dir_open(struct temp_dir *dir)
{
    snprintf(dir->path, sizeof dir->path, "/tmp/prompt-test-XXXXXX");
    return mkdtemp(dir->path) ? 0 : -1;
}

/** "dir/name" in one of two buffers, which the next call but one writes again. */
static inline const char *temp_path(const struct temp_dir *dir, const char *name)
{
    static char buffers[2][128];
    static int turn;
    char *out = buffers[turn = !turn];
    snprintf(out, sizeof buffers[0], "%s/%s", dir->path, name);
    return out;
}

/** Removes a file of the test; a missing one is fine. */
static inline void temp_remove(const struct temp_dir *dir, const char *name)
{
    (void)unlink(temp_path(dir, name));
}

/** Removes the folder. -1 if anything is still in it: a temporary file of an atomic write, say. */
static inline int temp_dir_close(const struct temp_dir *dir)
{
    return rmdir(dir->path);
}

#endif
