/* Claims of run folders. */
#include "prompt/grid/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "prompt/base/clock.h"
#include "prompt/base/dir.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"

/* ---------------------------------------------------------------- processes */

/* A process, so that no other one, before or after it, here or elsewhere, looks like it. */
struct identity {
    char host[65];
    char kernel[48]; /* its boot and its process namespace; "": unknown */
    int64_t pid;
    uint64_t ticks;   /* of its start; 0: unknown */
    int64_t restarts; /* of its Slurm job */
};

/* When a process of this machine began, in ticks since the boot; 0: it is not there, or has ended. */
static uint64_t ticks_of(int64_t pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    file_first_line(line, sizeof line, path);
    const char *at =
        strrchr(line, ')'); /* of the program's name; state is the 3rd field, the start the 22nd */
    if (!at || strncmp(at, ") Z", 3) == 0)
        return 0;
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at, NULL, 10) : 0;
}

/* Replaces every character that is not plain, or separates fields. */
static void make_plain(char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    for (; *text != '\0'; text++)
        if (!strchr(plain, *text))
            *text = '-';
}

/* How often Slurm has begun the job of this process again; Slurm does not say 0. */
static int64_t find_restarts(void)
{
    const char *text = getenv("SLURM_RESTART_COUNT");
    return text ? strtoll(text, NULL, 10) : 0;
}

static void find_identity(struct identity *out)
{
    char boot[48], names[48] = "";
    *out = (struct identity){.pid = getpid(), .ticks = ticks_of(getpid()), .restarts = find_restarts()};
    if (gethostname(out->host, sizeof out->host - 1) != 0 || out->host[0] == '\0')
        snprintf(out->host, sizeof out->host, "unknown");
    make_plain(out->host);
    file_first_line(boot, sizeof boot, "/proc/sys/kernel/random/boot_id");
    const ssize_t n = readlink("/proc/self/ns/pid", names, sizeof names - 1);
    const char *number = n > 0 ? strchr(names, '[') : NULL;
    if (boot[0] != '\0' && number)
        snprintf(out->kernel, sizeof out->kernel, "%.8s-%.*s", boot, (int)strcspn(number + 1, "]"),
                 number + 1);
    make_plain(out->kernel);
}

void claim_job(char *out, size_t n)
{
    const char *array = getenv("SLURM_ARRAY_JOB_ID"), *task = getenv("SLURM_ARRAY_TASK_ID");
    const char *job = getenv("SLURM_JOB_ID");
    if (array && task)
        snprintf(out, n, "%s_%s", array, task);
    else
        snprintf(out, n, "%s", job ? job : "");
    make_plain(out);
}

/* ---------------------------------------------------------------- tokens */

/* "HOST,PID,JOB,SINCE,KERNEL,TICKS,RESTARTS": a file's name. Owned; NULL when out of memory. */
static char *make_token(void)
{
    struct identity me;
    char job[64];
    find_identity(&me);
    claim_job(job, sizeof job);
    return str_format("%s,%" PRId64 ",%s,%" PRId64 ",%s,%" PRIu64 ",%" PRId64, me.host, me.pid, job,
                      (int64_t)time(NULL), me.kernel, me.ticks, me.restarts);
}

/* Reads one field and moves behind its comma. */
static void take_field(char *out, size_t size, const char **at)
{
    const size_t n = strcspn(*at, ",");
    snprintf(out, size, "%.*s", (int)n, *at);
    *at += n + ((*at)[n] == ',');
}

static int64_t take_number(const char **at)
{
    char text[32];
    int64_t value = 0;
    take_field(text, sizeof text, at);
    if (str_parse_i64(&value, text) != OK)
        error_clear();
    return value;
}

/* Sets all but times and life; a foreign file's fields are empty. */
static void parse_token(struct claim_owner *out, struct identity *process, const char *token)
{
    *out = (struct claim_owner){0};
    *process = (struct identity){0};
    take_field(out->host, sizeof out->host, &token);
    out->pid = process->pid = take_number(&token);
    take_field(out->job, sizeof out->job, &token);
    (void)take_number(&token); /* a time of the owner's clock, which gives each claim a name of its own */
    take_field(process->kernel, sizeof process->kernel, &token);
    process->ticks = (uint64_t)take_number(&token);
    process->restarts = take_number(&token);
}

void claim_describe(struct str *out, const struct claim_owner *owner)
{
    str_appendf(out, "%s, process %" PRId64, owner->host, owner->pid);
    if (owner->job[0] != '\0')
        str_appendf(out, ", job %s", owner->job);
}

/* ---------------------------------------------------------------- life */

static bool is_alive(const struct claim_owner *owner, const struct identity *process, claim_job_fn *runs_job)
{
    struct identity me;
    char job[64];
    find_identity(&me);
    claim_job(job, sizeof job);
    if (me.kernel[0] != '\0' && strcmp(me.kernel, process->kernel) == 0 && process->ticks != 0)
        return ticks_of(process->pid) == process->ticks;
    if (owner->age_s <= CLAIM_JOB_S || owner->job[0] == '\0')
        return owner->age_s <= CLAIM_STALE_S;
    if (owner->age_s > CLAIM_STALE_S)
        return false;
    if (strcmp(job, owner->job) == 0) /* else of this job before it was requeued */
        return process->restarts >= me.restarts;
    return !runs_job || runs_job(owner->job);
}

/* The claim's file and its owner. `*token` is owned; NULL: nobody has the run. `now` is the file system's. */
static int look(char **token, struct claim_owner *out, const char *dir, time_t now, claim_job_fn *runs_job)
{
    struct str_list names = {0};
    struct identity process;
    struct stat beat, taken; /* of the file, and of the folder, in which nothing changes afterwards */
    *token = NULL;
    int status = file_is_dir(dir) ? dir_list(&names, dir) : OK;
    if (status != OK && !file_is_dir(dir)) { /* it was given back meanwhile */
        error_clear();
        status = OK;
    }
    char *path = status == OK && names.n > 0 ? path_join(dir, names.items[0]) : NULL;
    if (path && stat(path, &beat) == 0 && stat(dir, &taken) == 0) {
        parse_token(out, &process, names.items[0]);
        out->age_s = (int64_t)(now - beat.st_mtime);
        out->since = (int64_t)taken.st_mtime;
        out->held_s = (int64_t)(now - taken.st_mtime);
        out->is_alive = is_alive(out, &process, runs_job);
        *token = str_dup(names.items[0]);
        status = *token ? OK : ERR_MEMORY;
    } else if (names.n > 0 && !path) {
        status = ERR_MEMORY;
    }
    free(path);
    str_list_free(&names);
    return status;
}

/* ---------------------------------------------------------------- offers */

/* A folder beside the claim with this process's file, to become the claim. */
struct offer {
    char *dir, *file; /* owned */
    time_t now;       /* of the file system */
};

static int make_offer(struct offer *out, const char *run, const char *token)
{
    struct stat info = {0};
    *out = (struct offer){.dir = str_format("%s/" RUN_CLAIM_DIR ".tmp.%s", run, token)};
    out->file = out->dir ? path_join(out->dir, token) : NULL;
    if (!out->file)
        return ERR_MEMORY;
    int status = file_make_dirs(out->dir);
    if (status == OK)
        status = file_write(out->file, "", 0);
    if (status == OK && stat(out->file, &info) != 0)
        status = error_set(ERR_IO, "cannot read '%s': %s", out->file, strerror(errno));
    out->now = info.st_mtime;
    return status;
}

/* Removes what has not become the claim. */
static void drop_offer(struct offer *o)
{
    if (o->file)
        (void)unlink(o->file);
    if (o->dir)
        (void)rmdir(o->dir);
    free(o->file);
    free(o->dir);
}

/* ---------------------------------------------------------------- taking */

/* Takes a dead claim over: of all who try, the one whose rename finds the old name. ERR_BUSY for the others. */
static int take_over(const struct claim *c, const char *old)
{
    char *from = path_join(c->dir, old), *to = path_join(c->dir, c->token);
    int status = from && to ? OK : ERR_MEMORY;
    /* fresh before it is ours, or the next one would find a dead claim again */
    const bool is_ours = status == OK && utimensat(AT_FDCWD, from, NULL, 0) == 0 && file_rename(from, to);
    const int reason = errno;
    if (status == OK && !is_ours)
        status = reason == ENOENT
                     ? ERR_BUSY
                     : error_set(ERR_IO, "cannot take over the claim '%s': %s", from, strerror(reason));
    free(to);
    free(from);
    return status;
}

/* One attempt; ERR_BUSY also if another process was faster, with `is_over` false. */
static int attempt(const struct claim *c, struct claim_owner *by, const struct offer *o, bool *is_over,
                   claim_job_fn *runs_job)
{
    char *old = NULL;
    *is_over = true;
    if (file_rename(o->dir, c->dir))
        return OK;
    const int reason = errno;
    if (reason != EEXIST && reason != ENOTEMPTY)
        return error_set(ERR_IO, "cannot claim '%s': %s", c->dir, strerror(reason));
    int status = look(&old, by, c->dir, o->now, runs_job);
    if (status == OK && old && by->is_alive) {
        struct str who = {0};
        claim_describe(&who, by);
        status = error_set(ERR_BUSY, "'%.*s' is in use by another process (%s)",
                           (int)(strlen(c->dir) - sizeof RUN_CLAIM_DIR), c->dir, str_text(&who));
        str_free(&who);
    } else if (status == OK) {
        status = old ? take_over(c, old) : ERR_BUSY;
        if (!old)
            (void)rmdir(c->dir); /* empty, where a folder cannot be renamed to an empty one */
        *is_over = status != ERR_BUSY;
    }
    free(old);
    return status;
}

int claim_take(struct claim *out, struct claim_owner *by, const char *run, claim_job_fn *runs_job)
{
    enum { N_ATTEMPTS = 100 }; /* each fails only if another process has just succeeded */
    struct offer offer = {0};
    bool is_over = false;
    *out =
        (struct claim){.dir = path_join(run, RUN_CLAIM_DIR), .token = make_token(), .last_beat_s = clock_s()};
    int status = out->dir && out->token ? make_offer(&offer, run, out->token) : ERR_MEMORY;
    if (status == OK) {
        for (int i = 0; i < N_ATTEMPTS && !is_over; i++)
            status = attempt(out, by, &offer, &is_over, runs_job);
        if (!is_over)
            status =
                error_set(ERR_IO, "cannot claim '%s': its file system does not rename folders", out->dir);
    }
    drop_offer(&offer);
    if (status != OK) {
        free(out->dir);
        free(out->token);
        *out = (struct claim){0};
    }
    return status;
}

/* ---------------------------------------------------------------- looking */

/* An offer that is not made finds out what time it is for the file system, as it does for a taker. */
int claim_look(bool *is_claimed, struct claim_owner *out, const char *run, claim_job_fn *runs_job)
{
    struct offer offer = {0};
    char *dir = path_join(run, RUN_CLAIM_DIR), *own = make_token(), *token = NULL;
    int status = dir && own ? OK : ERR_MEMORY;
    if (status == OK && file_is_dir(dir)) {
        if (make_offer(&offer, run, own) != OK) { /* a folder that may only be read */
            error_clear();
            offer.now = time(NULL);
        }
        status = look(&token, out, dir, offer.now, runs_job);
    }
    drop_offer(&offer);
    *is_claimed = token != NULL;
    free(token);
    free(own);
    free(dir);
    return status;
}

/* ---------------------------------------------------------------- keeping */

int claim_beat(struct claim *c)
{
    if (clock_s() - c->last_beat_s < CLAIM_BEAT_S)
        return OK;
    c->last_beat_s = clock_s();
    char *path = path_join(c->dir, c->token);
    int status = path ? OK : ERR_MEMORY;
    if (path && utimensat(AT_FDCWD, path, NULL, 0) != 0 && errno == ENOENT)
        status = error_set(ERR_BUSY, "the claim of '%s' was taken over by another process", c->dir);
    free(path);
    return status;
}

void claim_release(struct claim *c)
{
    char *path = c->token ? path_join(c->dir, c->token) : NULL;
    if (path) {
        (void)unlink(path); /* not there if it was taken over; then the folder is not empty and stays */
        (void)rmdir(c->dir);
    }
    free(path);
    free(c->dir);
    free(c->token);
    *c = (struct claim){0};
}
