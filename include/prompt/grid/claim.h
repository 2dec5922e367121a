/**
 * Claims of run folders: of the processes of all machines that share a folder, one at most works on a run.
 *
 * A claim is the folder RUN/claim with one empty file whose name tells who has it: host, process, Slurm job and
 * time. It needs no locks, only that the file system renames atomically:
 * - It is taken by renaming a prepared folder to RUN/claim, which fails while that exists and is not empty.
 * - Its owner touches the file every CLAIM_BEAT_S seconds.
 * - A dead one is taken over by renaming its file to the taker's. A file has one name, so of several takers one
 *   succeeds, and a living claim, which has another name, is never taken by mistake.
 * - An owner that has lost its claim finds its file missing at the next beat.
 * A claim is dead if its process is gone, which a process on the same machine (the same boot, the same process
 * namespace) knows for sure, whatever the file's age; else, after CLAIM_STALE_S seconds without a beat; or after
 * CLAIM_JOB_S seconds without one if Slurm does not run its job any more, or has begun it again since. Ages are
 * differences of two times of the file system.
 */
#ifndef PROMPT_GRID_CLAIM_H
#define PROMPT_GRID_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "prompt/base/error.h"
#include "prompt/base/str.h"

#define RUN_CLAIM_DIR "claim"

enum { CLAIM_BEAT_S = 15, CLAIM_JOB_S = 45, CLAIM_STALE_S = 120 };

/** A claim of this process; `{0}` is none. */
struct claim {
    char *dir;   /* RUN/claim, owned */
    char *token; /* the name of its file, owned */
    double last_beat_s;
};

/** Who has a run. */
struct claim_owner {
    char host[65];
    char job[64]; /* of Slurm, such as "12_3"; "": none */
    int64_t pid;
    int64_t since;  /* the file system's time when it was taken, seconds since 1970 */
    int64_t held_s; /* since then */
    int64_t age_s;  /* since the last beat */
    bool is_alive;
};

/** The Slurm job of this process, as squeue and scontrol take it: "12", or "12_3" of an array; "": none. */
void claim_job(char *out, size_t n);

/** Whether Slurm runs the job, or cannot say; NULL: there is nobody to ask. */
typedef bool claim_job_fn(const char *job);

/**
 * Takes the run in folder `run`, which exists.
 * @param out  owned by the caller; claim_release gives it back
 * @param by   who has it, after ERR_BUSY
 * @return OK; ERR_BUSY; ERR_IO; ERR_MEMORY
 */
int claim_take(struct claim *out, struct claim_owner *by, const char *run, claim_job_fn *runs_job);
/** To be called now and then; touches the claim if a beat is due. ERR_BUSY: another process has taken it over. */
int claim_beat(struct claim *c);
/** Gives a claim back; a no-op for none. */
void claim_release(struct claim *c);

/**
 * Finds who has a run, without changing that. A claim's age is taken from a file that is made in the run's
 * folder and removed; where none can be made, from this machine's clock.
 * @param is_claimed  whether anybody has it; `out` is set only then
 */
int claim_look(bool *is_claimed, struct claim_owner *out, const char *run, claim_job_fn *runs_job);

/** "HOST, process PID", with the Slurm job if there is one. */
void claim_describe(struct str *out, const struct claim_owner *owner);

#endif
