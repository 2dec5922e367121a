/** The files of a pre-training: the checkpoint to continue from, and the model for all other commands. */
#ifndef PROMPT_SRC_PRETRAIN_CHECKPOINT_H
#define PROMPT_SRC_PRETRAIN_CHECKPOINT_H

#include "prompt/nn/optim.h"
#include "prompt/run/session.h"

/** How far pre-training is, and which one it is. */
struct pretrain_state {
    int64_t step;                       /* finished steps */
    char *recipe;                       /* of config_write_recipe; owned */
    char table_digest[DIGEST_HEX_SIZE]; /* of the table; "" for the world */
};

/** Writes checkpoint and model, each atomically. */
int pretrain_save(const char *checkpoint_path, const char *model_path, const struct weights *w,
                  const struct adamw *optimizer, const struct pretrain_state *state);
/** Appends the checkpoint's bytes to `out`; the model can be made from them later. */
int pretrain_append(struct str *out, const struct weights *w, const struct adamw *optimizer,
                    const struct pretrain_state *state);
/** Overwrites weights and moments, and sets `state->step`; recipe, table, names and shapes must agree.
 * @return OK; ERR_IO; ERR_USAGE, ERR_FORMAT naming the file */
int pretrain_load(struct pretrain_state *state, const char *checkpoint_path, struct weights *w,
                  struct adamw *optimizer);

#endif
