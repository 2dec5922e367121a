/** Locks of folders and files. A lock ends with its process, even if that is killed. */
#ifndef PROMPT_BASE_LOCK_H
#define PROMPT_BASE_LOCK_H

#include <stdbool.h>

#include "prompt/base/error.h"

/** Locks a folder until lock_release; ERR_BUSY if another process has locked it. */
int lock_dir(int *out, const char *path);
/** Announces to waiting processes that this one is about to end. A no-op for a negative lock. */
void lock_mark_ending(int lock);
/** Whether the process that has locked the folder has called lock_mark_ending. */
bool lock_is_ending(const char *path);

/** Waits for the lock file `path`, which is made if it is missing and never removed. */
int lock_file(int *out, const char *path);

void lock_release(int lock); /* a no-op for a negative one */

#endif
