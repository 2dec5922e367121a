/* The rate that a step's products are compared with. */
#ifndef PROMPT_SRC_RUN_PEAK_H
#define PROMPT_SRC_RUN_PEAK_H

#include "prompt/run/session.h"

/**
 * The best rate, in FLOP/s, of any matrix product of the towers' shapes: packed, plain and (on a CPU) oneDNN
 * without packing, 8 repeats each.
 * @param n_images  the vision tower's products have the rows of so many images
 */
int peak_measure(double *flop_s, const struct session *s, int64_t n_images);

#endif
