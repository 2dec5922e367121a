/** Options that several commands take. */
#ifndef PROMPT_SRC_CLI_SHARED_OPTIONS_H
#define PROMPT_SRC_CLI_SHARED_OPTIONS_H

#include "opt.h"

extern const struct opt config_options[];
extern const struct opt data_options[];
/** A model, and the data set that it may be used on. */
extern const struct opt model_options[];
extern const struct opt machine_options[];
/** The groups of a command without options. */
extern const struct opt_group no_options[];

#endif
