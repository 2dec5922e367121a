/* The only file that knows MPI. */
#include "transport.h"

#include <inttypes.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "prompt/base/clock.h"
#include "prompt/base/error.h"

struct mpi_transport {
    struct transport base; /* first: converted both ways */
    MPI_Comm comm;
    int *numbers; /* [4,size], counts and places of an exchange, owned */
};

/* MPI counts in ints: what is larger goes in pieces. A test has small ones. */
#ifndef TRANSPORT_PIECE
enum { TRANSPORT_PIECE = 1 << 30 };
#endif

enum { TAG_PIECE, TAG_WORD };

static struct mpi_transport *of(struct transport *t)
{
    return (struct mpi_transport *)(void *)t;
}

/* ---------------------------------------------------------------- exchanges */

static int piece_of(size_t n)
{
    return n < TRANSPORT_PIECE ? (int)n : TRANSPORT_PIECE;
}

/* From one rank to another, which may be the same; all ranks may call it. */
static void move(const struct mpi_transport *t, int to, void *to_bytes, int from, const void *from_bytes,
                 size_t n)
{
    if (n > 0 && from == to && from == t->base.rank)
        memcpy(to_bytes, from_bytes, n);
    for (size_t at = 0; at < n && from != to; at += TRANSPORT_PIECE)
        if (t->base.rank == from)
            MPI_Send((const char *)from_bytes + at, piece_of(n - at), MPI_BYTE, to, TAG_PIECE, t->comm);
        else if (t->base.rank == to)
            MPI_Recv((char *)to_bytes + at, piece_of(n - at), MPI_BYTE, from, TAG_PIECE, t->comm,
                     MPI_STATUS_IGNORE);
}

/* Row `row` of the numbers gets the counts, the next one their places. */
static int *set_counts(struct mpi_transport *t, int row, const size_t *counts)
{
    int *out = t->numbers + row * t->base.size;
    size_t at = 0;
    for (int i = 0; i < t->base.size; i++) {
        out[i] = (int)counts[i];
        out[t->base.size + i] = (int)at;
        at += counts[i];
    }
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

static bool speaks(struct transport *base, double limit_s)
{
    const struct mpi_transport *t = of(base);
    const double start_s = clock_s();
    double waited_s = 0.0;
    int has_word = 0;
    /* the checker does not know that a request may be freed instead of waited for */
    for (int i = base->rank + 1; i < base->size; i++) { // NOLINT(clang-analyzer-optin.mpi.MPI-Checker)
        MPI_Request request;
        MPI_Isend(NULL, 0, MPI_BYTE, i, TAG_WORD, t->comm, &request);
        MPI_Request_free(&request);
    }
    while (!has_word && waited_s <= limit_s) {
        MPI_Iprobe(MPI_ANY_SOURCE, TAG_WORD, t->comm, &has_word, MPI_STATUS_IGNORE);
        nap(waited_s);
        waited_s = clock_s() - start_s;
    }
    return !has_word;
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

/* Whether no rank sends or receives more than a piece: as many blocks as ranks, none larger than the largest. */
static bool fits(const struct mpi_transport *t, const size_t *counts)
{
    size_t largest = 0;
    for (int i = 0; i < t->base.size; i++)
        largest = counts[i] > largest ? counts[i] : largest;
    return largest <= TRANSPORT_PIECE / (size_t)t->base.size;
}

static void broadcast(struct transport *base, int root, void *bytes, size_t n)
{
    for (size_t at = 0; at < n; at += TRANSPORT_PIECE)
        MPI_Bcast((char *)bytes + at, piece_of(n - at), MPI_BYTE, root, of(base)->comm);
}

static void gather(struct transport *base, void *all, const void *own, const size_t *counts)
{
    struct mpi_transport *t = of(base);
    if (fits(t, counts)) {
        const int *n = set_counts(t, 0, counts);
        MPI_Allgatherv(own, n[base->rank], MPI_BYTE, all, n, n + base->size, MPI_BYTE, t->comm);
        return;
    }
    char *at = all;
    for (int i = 0; i < base->size; at += counts[i++]) {
        move(t, i, at, i, own, counts[i]);
        broadcast(base, i, at, counts[i]);
    }
}

static void exchange(struct transport *base, void *to, const size_t *to_counts, const void *from,
                     const size_t *from_counts)
{
    struct mpi_transport *t = of(base);
    if (fits(t, from_counts)) {
        const int *n_from = set_counts(t, 0, from_counts), *n_to = set_counts(t, 2, to_counts);
        MPI_Alltoallv(from, n_from, n_from + base->size, MPI_BYTE, to, n_to, n_to + base->size, MPI_BYTE,
                      t->comm);
        return;
    }
    char *place = to;
    for (int i = 0; i < base->size; place += to_counts[i++]) {
        const char *block = from;
        for (int k = 0; k < base->size; block += from_counts[k++])
            move(t, k, place, i, block, from_counts[k]);
    }
}

static void collect(struct transport *base, void *all, const size_t *counts, const void *own, size_t n)
{
    char *at = all;
    if (base->rank > 0)
        move(of(base), 0, NULL, base->rank, own, n);
    for (int i = 0; base->rank == 0 && i < base->size; at += counts[i++])
        move(of(base), 0, at, i, own, counts[i]);
}

/* ---------------------------------------------------------------- communicators */

static const struct transport_ops ops;

/* Takes the communicator, also on failure: NULL when out of memory. */
static struct transport *wrap(MPI_Comm comm)
{
    int size = 0, n = 0;
    MPI_Comm_size(comm, &size);
    struct mpi_transport *t = calloc(1, sizeof *t);
    int *numbers = calloc(4 * (size_t)size, sizeof *numbers);
    if (!t || !numbers) {
        MPI_Comm_free(&comm);
        free(t);
        free(numbers);
        return NULL;
    }
    t->base.ops = &ops;
    t->base.size = size;
    t->comm = comm;
    t->numbers = numbers;
    MPI_Comm_rank(comm, &t->base.rank);

    char host[MPI_MAX_PROCESSOR_NAME] = "";
    MPI_Get_processor_name(host, &n);
    for (int i = 0; i < n && i < TRANSPORT_HOST_SIZE - 1; i++)
        t->base.host[i] = host[i];
    return &t->base;
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
                                         .speaks = speaks,
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

/* Open MPI's MPI_Init does not return where srun does not speak PMIx. MPICH speaks PMI. */
static int check_launcher(const struct launcher *l)
{
    if (l->kind == OWN_KIND || (OWN_KIND == LAUNCHER_OPEN_MPI ? l->has_pmix : l->has_pmi))
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
    struct transport *t = wrap(comm);
    if (!t)
        status = error_out_of_memory();
    else if (provided < MPI_THREAD_FUNNELED)
        status = error_set(ERR_USAGE, "this %s does not allow threads, which the program has", OWN_NAME);
    else if (t->size != launcher->size)
        status = refuse_other(launcher);
    else
        *out = t;
    if (status != OK && t)
        close_all(t);
    return status;
}
