/** What a file is that holds no weights. */
#ifndef PROMPT_SRC_WEIGHTS_MAGIC_H
#define PROMPT_SRC_WEIGHTS_MAGIC_H

/** ERR_FORMAT, with what it is, if the file's first bytes say that it holds no weights in a format that is
 * read: a pointer of git LFS, a page, GGUF, HDF5, ... */
int weights_refuse_other_formats(const char *path);

#endif
