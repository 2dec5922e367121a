/** From what a user gives to the file of weights. */
#ifndef PROMPT_SRC_WEIGHTS_FIND_H
#define PROMPT_SRC_WEIGHTS_FIND_H

/**
 * The file behind --model: a file, the one of a folder that belongs to its configuration, or the one of the
 * snapshot of a hub's cache folder (models--ORG--NAME). An index of shards (*.index.json) is a file too.
 * @param out  a heap path, absolute
 */
int weights_find_file(char **out, const char *path);

#endif
