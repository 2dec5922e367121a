/* Shared by the files of the configuration. */
#ifndef PROMPT_SRC_CONFIG_INTERNAL_H
#define PROMPT_SRC_CONFIG_INTERNAL_H

#include "prompt/base/json.h"
#include "prompt/config/config.h"

/** The field of key `i`: an int64_t, double, bool, char * or enum, as the row's type says. */
void *config_field(struct config *c, size_t i);
const void *config_value(const struct config *c, size_t i);

/** Keys of experiments that prompt pretrain reads, too; ends with NULL. */
extern const char *const config_pretraining_keys[];

/** Sets key `i`. A value that does not fit is ERR_USAGE "expected
 * ..., found ...", without file or key, and `c` stays as it was. */
int config_assign(struct config *c, size_t i, const struct json *value);
int config_assign_text(struct config *c, size_t i, const char *value);

#endif
