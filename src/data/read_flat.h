/** Reads folders of ImageNet pictures without class folders. */
#ifndef PROMPT_SRC_DATA_READ_FLAT_H
#define PROMPT_SRC_DATA_READ_FLAT_H

#include "imagenet_classes.h"

/** Reads a val/ without class folders by a list of ids in or beside it; `folder`: below the image folder. */
int read_flat_val(struct dataset *d, const char *folder, const struct imagenet_classes *classes);
/** Whether an image in the folder has an id in its name. */
int flat_has_ids(bool *out, const char *dir);
/** Reads the images of such a folder; their published paths begin with `part` ("val"). */
int read_flat_by_name(struct item_list *out, struct dataset *d, const char *part, const char *folder,
                      const struct imagenet_classes *classes);

#endif
