/** What prompt grid leaves in the folder of a run that has ended: its error, or the time that it took. */
#ifndef PROMPT_GRID_NOTE_H
#define PROMPT_GRID_NOTE_H

#include "prompt/grid/grid.h"
#include "prompt/grid/pace.h"

struct grid_note {
    char *error;          /* owned; NULL: none */
    double seconds, work; /* of a run that was begun and finished in one go; 0: unknown */
};

/** Reads the note of a run; all is zero if there is none. `out` is owned. ERR_IO, ERR_FORMAT, ERR_MEMORY. */
int grid_note_read(struct grid_note *out, const char *run);
int grid_note_write(const char *run, const struct grid_note *note);
/** Removes it, as a new attempt begins. */
void grid_note_remove(const char *run);
void grid_note_free(struct grid_note *note);

/** Opens the pace of a plan's rows, with the time that its finished runs took. `out` is owned. */
int grid_note_pace(struct grid_pace *out, const struct grid *g);

#endif
