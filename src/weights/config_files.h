/** The library's configuration beside the file. */
#ifndef PROMPT_SRC_WEIGHTS_CONFIG_FILES_H
#define PROMPT_SRC_WEIGHTS_CONFIG_FILES_H

#include "facts.h"

/** What the options leave to the configuration beside the file. */
struct weights_wanted {
    bool preprocess; /* any of it */
    bool accept_unknown;
    struct str_list *accepted; /* borrowed */
    struct str_list *notes;    /* borrowed */
};

/** Reads the library's configuration that lies beside the file; without one, `out` stays as it is. */
int weights_config_beside(struct weights_facts *out, const struct weights_origin *origin,
                          const struct clip_dims *dims, const struct weights_wanted *wanted);

#endif
