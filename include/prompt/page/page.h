/**
 * A report on runs as one HTML page that needs no other file, no network and no JavaScript: accuracy beside published
 * values, differences with intervals, losses, classes, confusions, pictures, few-shot samples, settings, versions, cost.
 *
 * Its numbers come from the files of the run folders alone: results.json, predictions/, log.jsonl and the metadata of
 * the checkpoint. Pictures come from the data set on the disk; without it the page says that they are missing.
 */
#ifndef PROMPT_PAGE_PAGE_H
#define PROMPT_PAGE_PAGE_H

#include "prompt/base/log.h"
#include "prompt/base/str.h"

struct page_options {
    const char *data_root; /* replaces data.root of the runs; NULL: as they have it */
    const char *tables;    /* tables.json, beside which are the paper's numbers; NULL: no published values */
    size_t max_bytes;      /* of the page: pictures beyond it are left out, text never; 0: no pictures */
    struct log *log;       /* for warnings; borrowed during the call */
};

/**
 * Writes the report on runs.
 * @param out    the page
 * @param paths  [n], folders of runs, or folders above them
 * @return OK, also without pictures; ERR_USAGE for runs that cannot be compared, and for a run that has not been
 *         evaluated, with the command that does it; ERR_FORMAT for predictions that are not those of their record;
 *         ERR_IO; ERR_MEMORY
 */
int page_write(struct str *out, const char *const *paths, size_t n, const struct page_options *options);

#endif
