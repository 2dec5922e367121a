/** Training of methods that are fitted to features of the frozen towers at once. */
#ifndef PROMPT_SRC_RUN_FIT_H
#define PROMPT_SRC_RUN_FIT_H

#include "train_setup.h"

/** Views that are encoded, each of every training picture: those of the cache, and new ones of later epochs. */
int64_t fit_n_views(const struct config *c);

/**
 * Encodes the pictures, fits the method, logs the fit and saves the checkpoint; does nothing if the run is
 * finished.
 * @return OK; ERR_INTERRUPTED, with nothing saved and the command that begins again; errors of method_fit and of
 * pictures
 */
int fit_run(struct training *t);

/** Times a batch of pictures and reports how long the encoding takes, for a dry run. */
int fit_estimate(struct training *t);

#endif
