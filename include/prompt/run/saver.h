/**
 * Writes a checkpoint as soon as a signal comes, while the current step is still running. The training loop
 * leaves a copy of its checkpoint here now and then; a thread writes it, whole or not at all.
 */
#ifndef PROMPT_RUN_SAVER_H
#define PROMPT_RUN_SAVER_H

#include <stdbool.h>

#include "prompt/base/str.h"

struct saver;

/**
 * Starts the thread; saver_close ends it.
 * @param path  of the checkpoint; borrowed
 * @param lock  of its folder, which is marked at a signal, so that a waiting process knows that it is soon
 * free
 * @return OK; ERR_MEMORY
 */
int saver_open(struct saver **out, const char *path, int lock);
/** Whether a new copy is due: at most one in 0.3 s, so after every step if steps are slow. */
bool saver_is_due(const struct saver *s);
/** The emptied copy, borrowed, to be filled before saver_end; a signal's checkpoint waits until then. */
struct str *saver_begin(struct saver *s);
/**
 * Ends saver_begin. Nothing is saved at a signal from a copy that was left empty, because the loop writes its
 * checkpoint itself, or whose writing failed.
 * @return `status`, of what was done since saver_begin
 */
int saver_end(struct saver *s, int status);
void saver_close(struct saver *s);

#endif
