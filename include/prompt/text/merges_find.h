/** Finds the file of merges. */
#ifndef PROMPT_TEXT_MERGES_FIND_H
#define PROMPT_TEXT_MERGES_FIND_H

#include "prompt/base/error.h"

/**
 * Searches `key` (a file or a folder, which must exist) if not empty; else beside the model, else in `clip/`
 * below the data root. In a folder it takes the first of bpe_simple_vocab_16e6.txt.gz, the same unpacked,
 * merges.txt and tokenizer.json. NULL means empty. `*out` is owned by the caller. ERR_IO names every folder
 * that was searched and the command that fetches the merges.
 */
int merges_find_file(char **out, const char *key, const char *model_path, const char *data_root);

#endif
