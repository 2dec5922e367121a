/** What stands in a folder. */
#ifndef PROMPT_BASE_DIR_H
#define PROMPT_BASE_DIR_H

#include "prompt/base/str.h"

/**
 * Names in a folder, sorted; hidden ones (with a leading dot) are left out.
 * @return OK; ERR_IO with the path and the system's reason; ERR_MEMORY; on failure the list is empty
 */
int dir_list(struct str_list *out, const char *path);
/** The folders among them, and links to folders. */
int dir_list_folders(struct str_list *out, const char *path);
/** OK if the folder can be listed and entered; else ERR_IO with the path and the system's reason. */
int dir_check(const char *path);

#endif
