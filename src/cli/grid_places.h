/** Where the runs of a grid take place: devices, cores, and how many runs at a time. */
#ifndef PROMPT_SRC_CLI_GRID_PLACES_H
#define PROMPT_SRC_CLI_GRID_PLACES_H

#include "opt.h"
#include "prompt/base/core_set.h"

extern const struct opt grid_place_options[];

/** Room for one run at a time. */
struct grid_place {
    char *name; /* "cuda:1" or "cpu:0-7", owned; NULL: the device of the configuration */
    const char
        *device; /* the value of the key, borrowed from `name` or static; NULL: that of the configuration */
    struct core_set cores; /* that the run stays on; empty: those of this process */
    int64_t n_cores;       /* threads for its computation and for decoding, unless keys say so; 0: not set */
    int64_t n_sharing;     /* runs that share the device's memory */
};

struct grid_places {
    struct grid_place *items; /* [n], owned; at least one; neighbours are on different devices */
    size_t n;
};

/**
 * Reads --jobs, or --devices and --jobs-per-device. `out` is owned.
 * @param is_here  whether the runs take place on this machine, so that devices must be there
 * @return OK; ERR_USAGE with the device or core that is not there, given twice or shared; ERR_MEMORY
 */
int grid_places_open(struct grid_places *out, const struct opt_values *v, bool is_here);
void grid_places_free(struct grid_places *p);

#endif
