/* The only file that knows MPI. */
#include "transport.h"

#include <inttypes.h>
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "prompt/base/clock.h"
#include "prompt/base/error.h"
#include "prompt/base/interrupt.h"

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

/* Of several that wait in vain the lowest one speaks; the others leave it time to end the job. */
static const double WORD_S = 0.2;
enum { SILENT_S = 1 };
/* Slurm sends SIGTERM to the others when a rank is killed, and kills them half a minute later. */
enum { TERM_S = 5 };

static struct mpi_transport *of(struct transport *t)
{
    return (struct mpi_transport *)(void *)t;
}

/* ---------------------------------------------------------------- waiting */

/* Naps grow with the time waited, to a millisecond: short waits end quickly, long ones leave the core to others. */
static void nap(double waited_s)
{
    static const double SPIN_S = 2e-5, SHARE = 0.1, LONGEST_S = 1e-3;
    const double pause_s = SHARE * waited_s < LONGEST_S ? SHARE * waited_s : LONGEST_S;
    const struct timespec pause = {.tv_nsec = (long)(1e9 * pause_s)};
    if (waited_s > SPIN_S)
        nanosleep(&pause, NULL);
}

static bool has_word_of(int rank)
{
    int has_word = 0;
    MPI_Iprobe(rank, TAG_WORD, MPI_COMM_WORLD, &has_word, MPI_STATUS_IGNORE);
    return has_word;
}

/* As the operation; `missing` gets the lowest of the others that have not said that they wait in vain, and their number. */
static bool find_missing(int missing[2])
{
    int rank = 0, size = 0;
    bool has_word = false;
    const double start_s = clock_s();
    double waited_s = 0.0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    /* the checker does not know that a request may be freed instead of waited for */
    for (int i = 0; i < size; i++) // NOLINT(clang-analyzer-optin.mpi.MPI-Checker)
        if (i != rank) {
            MPI_Request request;
            MPI_Isend(NULL, 0, MPI_BYTE, i, TAG_WORD, MPI_COMM_WORLD, &request);
            MPI_Request_free(&request);
        }
    while (!has_word && waited_s <= WORD_S) {
        for (int i = 0; i < rank; i++)
            has_word = has_word || has_word_of(i);
        nap(waited_s);
        waited_s = clock_s() - start_s;
    }
    missing[0] = missing[1] = 0;
    for (int i = size - 1; i >= 0; i--)
        if (i != rank && !has_word_of(i)) {
            missing[0] = i;
            missing[1]++;
        }
    if (has_word)
        nanosleep(&(struct timespec){.tv_sec = SILENT_S}, NULL);
    return !has_word;
}

static bool speaks(struct transport *base)
{
    int missing[2];
    (void)base;
    return find_missing(missing);
}

/* No caller could go on or print, since the exchange has no end. */
static void give_up(const struct transport *base)
{
    int rank = 0, missing[2];
    char others[32] = "";
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (find_missing(missing)) {
        if (missing[1] > 1)
            snprintf(others, sizeof others, " and %d more", missing[1] - 1);
        fprintf(stderr, "prompt: rank %d on %s: stopped by SIGTERM; rank %d%s did not come for %d s\n", rank,
                base->host, missing[0], others, TERM_S);
    }
    MPI_Abort(MPI_COMM_WORLD, error_exit_code(ERR_INTERRUPTED));
}

/* Whether the request is completed before `limit_s` passes. */
static bool wait_for(const struct transport *base, MPI_Request *request, double limit_s)
{
    const double start_s = clock_s();
    double waited_s = 0.0, term_s = 0.0; /* up to now, and up to SIGTERM */
    int done = 0;
    while (waited_s <= limit_s) {
        MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (done)
            return true;
        nap(waited_s);
        waited_s = clock_s() - start_s;
        if (interrupt_signal() != SIGTERM)
            term_s = waited_s;
        else if (waited_s - term_s > TERM_S)
            give_up(base);
    }
    return false;
}

/* For all exchanges: in MPI's own waits a rank would neither sleep nor see a signal. */
static void complete(const struct transport *base, MPI_Request *request)
{
    (void)wait_for(base, request, (double)INFINITY);
}

static bool arrive(struct transport *base, double limit_s)
{
    MPI_Request request;
    MPI_Ibarrier(of(base)->comm, &request);
    return wait_for(base, &request, limit_s);
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
    if (from == to) {
        if (n > 0 && from == t->base.rank)
            memcpy(to_bytes, from_bytes, n);
        return;
    }
    /* the checker does not see the wait in `complete` */
    for (size_t at = 0; at < n; at += TRANSPORT_PIECE) { // NOLINT(clang-analyzer-optin.mpi.MPI-Checker)
        MPI_Request request = MPI_REQUEST_NULL;
        if (t->base.rank == from)
            MPI_Isend((const char *)from_bytes + at, piece_of(n - at), MPI_BYTE, to, TAG_PIECE, t->comm,
                      &request);
        else if (t->base.rank == to)
            MPI_Irecv((char *)to_bytes + at, piece_of(n - at), MPI_BYTE, from, TAG_PIECE, t->comm, &request);
        complete(&t->base, &request);
    }
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
    /* the checker does not see the wait in `complete` */
    for (size_t at = 0; at < n; at += TRANSPORT_PIECE) { // NOLINT(clang-analyzer-optin.mpi.MPI-Checker)
        MPI_Request request;
        MPI_Ibcast((char *)bytes + at, piece_of(n - at), MPI_BYTE, root, of(base)->comm, &request);
        complete(base, &request);
    }
}

static void gather(struct transport *base, void *all, const void *own, const size_t *counts)
{
    struct mpi_transport *t = of(base);
    if (fits(t, counts)) {
        const int *n = set_counts(t, 0, counts);
        MPI_Request request;
        MPI_Iallgatherv(own, n[base->rank], MPI_BYTE, all, n, n + base->size, MPI_BYTE, t->comm, &request);
        complete(base, &request);
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
        MPI_Request request;
        MPI_Ialltoallv(from, n_from, n_from + base->size, MPI_BYTE, to, n_to, n_to + base->size, MPI_BYTE,
                       t->comm, &request);
        complete(base, &request);
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
                     "of %s, or by srun --mpi=%s --kill-on-bad-exit",
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
                     "srun --mpi=%s --kill-on-bad-exit",
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
