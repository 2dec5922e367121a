/* What the environment says of the launcher that started this process. */
#ifndef PROMPT_SRC_RANKS_LAUNCHER_H
#define PROMPT_SRC_RANKS_LAUNCHER_H

#include <stdbool.h>
#include <stdint.h>

enum launcher_kind {
    LAUNCHER_NONE,
    LAUNCHER_OPEN_MPI, /* mpirun of Open MPI */
    LAUNCHER_HYDRA,    /* mpirun of MPICH */
    LAUNCHER_SRUN,
};

struct launcher {
    enum launcher_kind kind;
    int64_t size, rank;     /* of this step; 1 and 0 without a launcher */
    bool has_pmix, has_pmi; /* the interfaces that the launcher speaks */
};

struct launcher launcher_find(void);
const char *launcher_name(enum launcher_kind kind); /* "mpirun of Open MPI" */

#endif
