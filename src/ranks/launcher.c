/* The variables of launchers. */
#include "launcher.h"

#include <stddef.h>
#include <stdlib.h>

/* The number of a variable; `missing` if there is none. */
static int64_t number_of(const char *name, int64_t missing)
{
    const char *text = getenv(name);
    char *end = NULL;
    const long long n = text ? strtoll(text, &end, 10) : 0;
    return text && end > text && *end == '\0' ? n : missing;
}

/* Whether the variables of PMI are srun's: --mpi=pmi2. Those of an mpirun that starts its daemons by srun have the ranks
 * of processes, and Slurm's those of daemons. */
static bool is_pmi_of_srun(int64_t size, int64_t rank)
{
    return number_of("SLURM_STEP_NUM_TASKS", 0) == size && number_of("SLURM_PROCID", -1) == rank;
}

/* mpirun within a job of Slurm starts its daemons by srun, whose variables the processes inherit: so Slurm's come
 * last. A batch script has SLURM_NTASKS, but not the variables of a step. */
struct launcher launcher_find(void)
{
    static const struct {
        const char *size, *rank;
        enum launcher_kind kind;
    } kinds[] = {
        {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", LAUNCHER_OPEN_MPI},
        {"PMI_SIZE", "PMI_RANK", LAUNCHER_HYDRA},
        {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", LAUNCHER_SRUN},
    };
    struct launcher found = {.kind = LAUNCHER_NONE,
                             .size = 1,
                             .has_pmix = getenv("PMIX_RANK") != NULL,
                             .has_pmi = getenv("PMI_RANK") != NULL};
    for (size_t i = 0; found.kind == LAUNCHER_NONE && i < sizeof kinds / sizeof kinds[0]; i++) {
        const int64_t size = number_of(kinds[i].size, 0);
        if (size > 0)
            found = (struct launcher){kinds[i].kind, size, number_of(kinds[i].rank, 0), found.has_pmix,
                                      found.has_pmi};
    }
    if (found.kind == LAUNCHER_HYDRA && is_pmi_of_srun(found.size, found.rank))
        found.kind = LAUNCHER_SRUN;
    return found;
}

const char *launcher_name(enum launcher_kind kind)
{
    switch (kind) {
    case LAUNCHER_NONE:
        break;
    case LAUNCHER_OPEN_MPI:
        return "Open MPI's mpirun";
    case LAUNCHER_HYDRA:
        return "MPICH's mpirun";
    case LAUNCHER_SRUN:
        return "srun";
    }
    return "no launcher";
}
