/** Listing folders. */
#ifndef PROMPT_BASE_DIR_H
#define PROMPT_BASE_DIR_H

#include "prompt/base/str.h"

/**
 * Lists the names in a folder, sorted, without hidden ones (with a leading dot).
 * @param out  owned; empty after a failure
 * @return OK; ERR_IO with the path and the system's reason; ERR_MEMORY
 */
int dir_list(struct str_list *out, const char *path);
/** Lists only folders and links to folders. */
int dir_list_folders(struct str_list *out, const char *path);
/**
 * Lists all names, and the folders among them as far as the listing itself tells, without a call for each
 * entry: links are missing, and so are all folders on a file system that does not tell.
 */
int dir_list_both(struct str_list *names, struct str_list *folders, const char *path);
/** OK if the folder can be listed and entered; else ERR_IO with the path and the system's reason. */
int dir_check(const char *path);

#endif
