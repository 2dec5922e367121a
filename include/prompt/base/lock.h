/** Folders and files that one process at a time has. A lock ends with its process, however that ends. */
#ifndef PROMPT_BASE_LOCK_H
#define PROMPT_BASE_LOCK_H

#include <stdbool.h>

#include "prompt/base/error.h"

/** Takes a folder for this process until lock_release; ERR_BUSY if another process has it. */
int lock_dir(int *out, const char *path);
/** Tells those who wait for the folder that this process ends now. A no-op for a negative lock. */
void lock_mark_ending(int lock);
/** Whether the process that has the folder said so. */
bool lock_is_ending(const char *path);

/** Waits until no other process has the lock file `path`, which is made if it is missing and stays. */
int lock_file(int *out, const char *path);

void lock_release(int lock); /* a no-op for a negative one */

#endif
