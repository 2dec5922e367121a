/**
 * Contrastive pre-training of a CLIP from nothing (Radford et al., ICML 2021): a batch of pictures and
 * captions, InfoNCE in both directions with a learned scale, AdamW.
 *
 * The run folder holds config.json (the recipe), log.jsonl, checkpoint.safetensors (weights and moments in
 * fp32, to continue from) and model.safetensors (the model so far, in fp16, for every other command).
 */
#ifndef PROMPT_PRETRAIN_PRETRAIN_H
#define PROMPT_PRETRAIN_PRETRAIN_H

#include "prompt/config/config.h"
#include "prompt/run/run_files.h"

/**
 * Trains as configured. After a signal (interrupt.h) it finishes the step, saves, and returns ERR_INTERRUPTED
 * with the command that continues. The files depend on the recipe, the seed and libtorch's number of threads
 * alone.
 * @return OK also when max_steps is reached; ERR_BUSY; ERR_USAGE for a folder that holds a run or another
 * recipe than that of the run to resume; ERR_FORMAT with file and line for a caption that does not fit;
 * ERR_NUMERIC naming the step
 */
int pretrain_run(struct config *config, const struct run_options *options, struct log *log);

#endif
