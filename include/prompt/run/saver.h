/**
 * A checkpoint that is written as soon as a signal comes, while the step at hand still takes its time. The
 * loop leaves a copy of its checkpoint here now and then; a thread writes it, whole or not at all.
 */
#ifndef PROMPT_RUN_SAVER_H
#define PROMPT_RUN_SAVER_H

#include <stdbool.h>

#include "prompt/base/str.h"

struct saver;

/**
 * @param path  of the checkpoint; borrowed
 * @param lock  of its folder, which is marked at a signal: whoever waits for it knows that it is soon free
 */
int saver_open(struct saver **out, const char *path, int lock);
/** Whether the copy is old enough for a new one: at most every 0.3 s, which is every step if steps are slow.
 */
bool saver_is_due(const struct saver *s);
/** The copy, empty and borrowed, to be filled before saver_end; until then a signal's checkpoint waits. */
struct str *saver_begin(struct saver *s);
/**
 * Ends saver_begin. Nothing is saved at a signal from a copy that was left empty, because the loop writes its
 * checkpoint itself, or whose writing failed.
 * @return `status`, of what was done since saver_begin
 */
int saver_end(struct saver *s, int status);
void saver_close(struct saver *s);

#endif
