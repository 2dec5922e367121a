/* Finds the images below a folder and counts other files. */
#ifndef PROMPT_SRC_DATA_WALK_H
#define PROMPT_SRC_DATA_WALK_H

#include <stdbool.h>

#include "prompt/data/left_out.h"

/* Whether the name has an image's ending in any case: jpg jpeg jpe jfif png bmp gif ppm pgm webp. */
bool walk_is_image(const char *name);

/**
 * Adds the paths, relative to `dir`, of all images in it and its sub-folders: folder by folder, folders and
 * names in bytewise order, as in torchvision's ImageFolder. Follows links, but not to a folder that holds the
 * link. Ignores hidden entries; counts files that are not images in `left`.
 * @return OK; ERR_IO for a folder that cannot be read; ERR_FORMAT for more than 100,000 folders; ERR_MEMORY
 */
int walk_images(struct str_list *out, struct left_out *left, const char *dir);

#endif
