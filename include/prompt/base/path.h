/** Paths as texts: no function in here asks the disk. */
#ifndef PROMPT_BASE_PATH_H
#define PROMPT_BASE_PATH_H

#include "prompt/base/error.h"

/** "dir/name", or `name` alone if it is absolute or `dir` is empty; owned, NULL when out of memory. */
char *path_join(const char *dir, const char *name);
/** The part before the last '/', "." if there is none; owned, NULL when out of memory. */
char *path_dir(const char *path);
/** What follows the last slash, else all of `path`; borrowed from it. */
const char *path_name(const char *path);
/** The absolute form of `path`, with its links ("" stays ""); owned, NULL when out of memory. */
char *path_absolute(const char *path);
/** Replaces a path, owned, by its absolute form. ERR_MEMORY, and the path is as it was. */
int path_make_absolute(char **path);

#endif
