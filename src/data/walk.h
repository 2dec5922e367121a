/* The images below a folder, and what is left out beside them. */
#ifndef PROMPT_SRC_DATA_WALK_H
#define PROMPT_SRC_DATA_WALK_H

#include <stdbool.h>

#include "prompt/base/str.h"
#include "prompt/data/dataset.h"

/* Whether the name has an image's ending, in any case: jpg jpeg jpe jfif png bmp gif ppm pgm webp. */
bool walk_is_image(const char *name);

/**
 * Adds the paths, relative to `dir`, of all images in it and its sub-folders: folder by folder, folders and
 * names in bytewise order, as torchvision's ImageFolder has them. Links are followed, but not to a folder
 * that holds the link. Hidden entries never count; of other files that are no images are counted in `left`.
 * @return OK; ERR_IO for a folder that cannot be read; ERR_FORMAT for more than 100,000 folders; ERR_MEMORY
 */
int walk_images(struct str_list *out, struct left_out *left, const char *dir);

/* Counts a file that is not taken, by its ending. */
int left_out_count_file(struct left_out *left, const char *name);
/* Counts `n` more of `what`: an ending with its dot, or one of these. */
#define LEFT_NO_ENDING "file without a known ending"
#define LEFT_LOOSE "image outside of the class folders"
#define LEFT_LOOP "link to a folder that holds it"
#define LEFT_SPECIAL "special file"
#define LEFT_LINK "link that leads nowhere"
#define LEFT_FOLDER "folder that is not a class"
int left_out_add(struct left_out *left, const char *what, size_t n);
/* Appends "10 files without a known ending, 4 .tif"; nothing if nothing is left out. */
void left_out_describe(struct str *out, const struct left_out *left);
void left_out_free(struct left_out *left);

#endif
