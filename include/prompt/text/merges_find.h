/** The search for the file of merges. */
#ifndef PROMPT_TEXT_MERGES_FIND_H
#define PROMPT_TEXT_MERGES_FIND_H

#include "prompt/base/error.h"

/**
 * Where the merges are: `key` if not empty (an error if missing), a file or a folder; else beside the model,
 * else in `clip/` below the data root. In a folder: bpe_simple_vocab_16e6.txt.gz, the same unpacked,
 * merges.txt, tokenizer.json, the first of them. Empty and NULL are the same. Heap path in `*out`; ERR_IO
 * names every folder that was searched and the command that fetches them.
 */
int merges_find_file(char **out, const char *key, const char *model_path, const char *data_root);

#endif
