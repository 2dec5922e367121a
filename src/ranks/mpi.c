/* The only file that knows MPI. */
#include "transport.h"

#include <inttypes.h>
#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <time.h>

#include "prompt/base/clock.h"
#include "prompt/base/error.h"

struct mpi_transport {
    struct transport base; /* first: converted both ways */
    MPI_Comm comm;
    int *numbers; /* [4,size], counts and places of an exchange, owned */
};

static struct mpi_transport *of(struct transport *t)
{
    return (struct mpi_transport *)(void *)t;
}

/* ---------------------------------------------------------------- exchanges */

/* Row `row` of the numbers gets the counts, the next one their places. MPI's are ints: a larger exchange ends
 * the job. */
static int *set_counts(struct mpi_transport *t, int row, const size_t *counts)
{
    int *out = t->numbers + row * t->base.size;
    size_t at = 0;
    for (int i = 0; i < t->base.size; i++) {
        out[i] = (int)counts[i];
        out[t->base.size + i] = (int)at;
        at += counts[i];
    }
    if (at > INT_MAX)
        MPI_Abort(MPI_COMM_WORLD, 1);
    return out;
}

/* Naps grow with the time waited, to a millisecond: short waits end quickly, long ones leave the core to others. */
static void nap(double waited_s)
{
    static const double SPIN_S = 2e-5, SHARE = 0.1, LONGEST_S = 1e-3;
    const double pause_s = SHARE * waited_s < LONGEST_S ? SHARE * waited_s : LONGEST_S;
    const struct timespec pause = {.tv_nsec = (long)(1e9 * pause_s)};
    if (waited_s > SPIN_S)
        nanosleep(&pause, NULL);
}

static bool arrive(struct transport *base, double limit_s)
{
    MPI_Request request;
    const double start_s = clock_s();
    double waited_s = 0.0;
    int done = 0;
    MPI_Ibarrier(of(base)->comm, &request);
    while (waited_s <= limit_s) {
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (done)
            return true;
        nap(waited_s);
        waited_s = clock_s() - start_s;
    }
    return false;
}

static void gather(struct transport *base, void *all, const void *own, const size_t *counts)
{
    struct mpi_transport *t = of(base);
    const int *n = set_counts(t, 0, counts);
    MPI_Allgatherv(own, n[base->rank], MPI_BYTE, all, n, n + base->size, MPI_BYTE, t->comm);
}

static void exchange(struct transport *base, void *to, const size_t *to_counts, const void *from,
                     const size_t *from_counts)
{
    struct mpi_transport *t = of(base);
    const int *n_from = set_counts(t, 0, from_counts), *n_to = set_counts(t, 2, to_counts);
    MPI_Alltoallv(from, n_from, n_from + base->size, MPI_BYTE, to, n_to, n_to + base->size, MPI_BYTE,
                  t->comm);
}

static void collect(struct transport *base, void *all, const size_t *counts, const void *own, size_t n)
{
    struct mpi_transport *t = of(base);
    const int *places = base->rank == 0 ? set_counts(t, 0, counts) : NULL;
    MPI_Gatherv(own, (int)n, MPI_BYTE, all, places, places ? places + base->size : NULL, MPI_BYTE, 0,
                t->comm);
}

static void broadcast(struct transport *base, int root, void *bytes, size_t n)
{
    enum { PIECE = 1 << 30 };
    char *at = bytes;
    for (; n > 0; n -= n < PIECE ? n : PIECE, at += PIECE)
        MPI_Bcast(at, n < PIECE ? (int)n : PIECE, MPI_BYTE, root, of(base)->comm);
}

/* ---------------------------------------------------------------- communicators */

static const struct transport_ops ops;

/* Takes the communicator; NULL when out of memory. */
static struct transport *wrap(MPI_Comm comm)
{
    struct mpi_transport *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->base.ops = &ops;
    t->comm = comm;
    MPI_Comm_size(comm, &t->base.size);
    MPI_Comm_rank(comm, &t->base.rank);
    int n = 0;
    char host[MPI_MAX_PROCESSOR_NAME] = "";
    MPI_Get_processor_name(host, &n);
    for (int i = 0; i < n && i < TRANSPORT_HOST_SIZE - 1; i++)
        t->base.host[i] = host[i];
    t->numbers = calloc(4 * (size_t)t->base.size, sizeof *t->numbers);
    if (t->numbers)
        return &t->base;
    free(t);
    return NULL;
}

static void split(struct transport **out, struct transport *base, int color)
{
    MPI_Comm comm;
    if (color < 0)
        MPI_Comm_split_type(of(base)->comm, MPI_COMM_TYPE_SHARED, base->rank, MPI_INFO_NULL, &comm);
    else
        MPI_Comm_split(of(base)->comm, color, base->rank, &comm);
    *out = wrap(comm);
}

static void leave(struct transport *base)
{
    MPI_Comm_free(&of(base)->comm);
    free(of(base)->numbers);
    free(base);
}

static void close_all(struct transport *base)
{
    leave(base);
    MPI_Finalize();
}

static void end_job(struct transport *base, int exit_code)
{
    MPI_Abort(of(base)->comm, exit_code);
}

static const struct transport_ops ops = {.arrive = arrive,
                                         .gather = gather,
                                         .exchange = exchange,
                                         .collect = collect,
                                         .broadcast = broadcast,
                                         .split = split,
                                         .leave = leave,
                                         .close = close_all,
                                         .end_job = end_job};

/* ---------------------------------------------------------------- start */

#ifdef OPEN_MPI
static const char OWN_NAME[] = "Open MPI";
static const enum launcher_kind OWN_KIND = LAUNCHER_OPEN_MPI;
static const char OWN_PLUGIN[] = "pmix";
#else
static const char OWN_NAME[] = "MPICH";
static const enum launcher_kind OWN_KIND = LAUNCHER_HYDRA;
static const char OWN_PLUGIN[] = "pmi2";
#endif

static int refuse_other(const struct launcher *l)
{
    return error_set(ERR_USAGE,
                     "%s started %" PRId64
                     " processes, which this program's %s cannot join: start it by the mpirun "
                     "of %s, or by srun --mpi=%s",
                     launcher_name(l->kind), l->size, OWN_NAME, OWN_NAME, OWN_PLUGIN);
}

/* Open MPI's MPI_Init does not return where srun does not speak PMIx. MPICH finds srun's PMI by its variables, which
 * make it LAUNCHER_HYDRA. */
static int check_launcher(const struct launcher *l)
{
    if (l->kind == OWN_KIND || l->has_pmix)
        return OK;
    if (l->kind != LAUNCHER_SRUN)
        return refuse_other(l);
    return error_set(ERR_USAGE,
                     "srun started %" PRId64
                     " processes without the interface by which %s joins them: start them by "
                     "srun --mpi=%s",
                     l->size, OWN_NAME, OWN_PLUGIN);
}

int transport_open(struct transport **out, const struct launcher *launcher)
{
    *out = NULL;
    int status = check_launcher(launcher), provided = 0;
    if (status != OK)
        return status;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm comm;
    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    *out = wrap(comm);
    if (*out && (*out)->size == launcher->size)
        return OK;
    status = *out ? refuse_other(launcher) : error_out_of_memory();
    if (*out)
        close_all(*out);
    *out = NULL;
    return status;
}
