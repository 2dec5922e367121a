/** Recognizes files that hold no weights. */
#ifndef PROMPT_SRC_WEIGHTS_MAGIC_H
#define PROMPT_SRC_WEIGHTS_MAGIC_H

/** ERR_FORMAT, naming the format, if the file's first bytes show that it holds no weights in a supported
 * format: a git LFS pointer, a page, GGUF, HDF5, ... */
int weights_refuse_other_formats(const char *path);

#endif
