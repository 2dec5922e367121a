/** The few-shot sample. */
#ifndef PROMPT_DATA_FEWSHOT_H
#define PROMPT_DATA_FEWSHOT_H

#include "prompt/data/dataset.h"

/**
 * The few-shot sample as the field's public code draws it (CoOp and Dassl): one generator seeded with `seed`
 * visits the classes of `train` in order of first appearance with k = n_shots, then those of `val`, where k =
 * min(n_shots, 4). A class with fewer images is taken whole and draws nothing. The sample covers all classes;
 * select base or new afterwards with item_list_subset.
 * @param n_shots  images per class; 0: every image, in order
 * @return OK; ERR_USAGE if n_shots < 0; ERR_MEMORY; on failure both lists are empty
 */
int fewshot_sample(struct item_list *train, struct item_list *val, const struct dataset *d, int64_t n_shots,
                   uint32_t seed);

#endif
