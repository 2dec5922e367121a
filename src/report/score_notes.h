/* Notes and labels of a table. */
#ifndef PROMPT_SRC_REPORT_SCORE_NOTES_H
#define PROMPT_SRC_REPORT_SCORE_NOTES_H

#include "prompt/report/score_cells.h"

/* Adds notes on records that are missing, duplicate or left out, and the note on the paper's numbers. */
int score_notes_add(struct str_list *notes, const struct score_cells *cells);
/* Adds the ways in which the table is not of the paper's settings. */
int score_labels_add(struct str_list *labels, const struct score_cells *cells);

#endif
