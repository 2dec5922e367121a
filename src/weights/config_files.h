/** Reads the library's configuration beside the file. */
#ifndef PROMPT_SRC_WEIGHTS_CONFIG_FILES_H
#define PROMPT_SRC_WEIGHTS_CONFIG_FILES_H

#include "facts.h"

/** The settings to read from the configuration beside the file: those that the options do not give. */
struct weights_wanted {
    bool preprocess; /* any of it */
    bool accept_unknown;
    struct str_list *accepted; /* borrowed */
    struct str_list *notes;    /* borrowed */
};

/** Reads the library's configuration beside the file; without one, leaves `out` unchanged. */
int weights_config_beside(struct weights_facts *out, const struct weights_origin *origin,
                          const struct clip_dims *dims, const struct weights_wanted *wanted);

#endif
