/** What a folder holds. */
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
/**
 * All names, and those of them that the listing itself shows to be folders, which costs no look at each
 * entry: links, and folders of a file system that does not tell, are not among them.
 */
int dir_list_both(struct str_list *names, struct str_list *folders, const char *path);
/** OK if the folder can be listed and entered; else ERR_IO with the path and the system's reason. */
int dir_check(const char *path);

#endif
