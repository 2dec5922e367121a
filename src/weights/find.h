/** Finds the file of weights for a path given by the user. */
#ifndef PROMPT_SRC_WEIGHTS_FIND_H
#define PROMPT_SRC_WEIGHTS_FIND_H

/**
 * The file behind --model: the file itself, the file of a folder that belongs to its configuration, or that
 * of a snapshot in a hub's cache folder (models--ORG--NAME). An index of shards (*.index.json) counts as a
 * file.
 * @param out  owned; an absolute path
 */
int weights_find_file(char **out, const char *path);

#endif
