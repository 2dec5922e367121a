/* The folder of a run. */
#include "prompt/report/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "prompt/base/clock.h"
#include "prompt/base/file.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/lock.h"
#include "prompt/base/path.h"

/* Everything that a run may leave, the checkpoint first. */
static const char *const names[] = {RUN_CHECKPOINT_FILE, RUN_MODEL_FILE,  RUN_RESULTS_FILE,
                                    RUN_LOG_FILE,        RUN_CONFIG_FILE, RUN_GRID_FILE};
enum { N_NAMES = sizeof names / sizeof names[0] };

int folder_check(const char *dir, bool resume, bool force)
{
    static const char *const signs[] = {RUN_CONFIG_FILE, RUN_CHECKPOINT_FILE};
    bool used = false;
    for (int i = 0; i < 2; i++) {
        char *path = path_join(dir, signs[i]);
        if (!path)
            return ERR_MEMORY;
        used = used || file_exists(path);
        free(path);
    }
    if (used && !resume && !force)
        return error_set(ERR_USAGE, "'%s' holds a run already: --resume continues it, --force replaces it",
                         dir);
    return OK;
}

/* How long a folder in use is waited for: a process that ends finishes a step first, and one that got the
 * same signal as this one's predecessor may not have said yet that it ends. */
static const double ENDING_S = 60.0, OTHERWISE_S = 5.0, SILENT_S = 1.0;

/* One look at a folder that another process has: ERR_BUSY after its time. */
static int wait_for(const char *dir, double waited_s, bool *is_said, struct log *log)
{
    const bool is_ending = lock_is_ending(dir);
    if (interrupt_requested())
        return error_set(ERR_INTERRUPTED, "interrupted while waiting for '%s', which another process has",
                         dir);
    if (waited_s > (is_ending ? ENDING_S : OTHERWISE_S))
        return error_set(ERR_BUSY, "'%s' is in use by another process%s", dir,
                         is_ending ? ", which got a signal but has not ended" : "");
    if (waited_s > SILENT_S && !*is_said) {
        log_info(log, "waiting for '%s', which another process has%s", dir,
                 is_ending ? ": it got a signal, saves and ends" : "");
        *is_said = true;
    }
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    return OK;
}

int folder_take(int *lock, const char *dir, struct log *log)
{
    const double start_s = clock_s();
    bool is_said = false;
    int status = file_make_dirs(dir);
    while (status == OK) {
        status = lock_dir(lock, dir);
        if (status != ERR_BUSY)
            return status;
        status = wait_for(dir, clock_s() - start_s, &is_said, log);
    }
    return status;
}

int folder_clear(const char *dir)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < N_NAMES; i++) {
        char *path = path_join(dir, names[i]);
        if (!path)
            return ERR_MEMORY;
        if (unlink(path) != 0 && errno != ENOENT)
            status = error_set(ERR_IO, "cannot remove '%s': %s", path, strerror(errno));
        free(path);
    }
    char *predictions = status == OK ? path_join(dir, RUN_PREDICTIONS_DIR) : NULL;
    if (status == OK)
        status = predictions ? file_remove_tree(predictions) : ERR_MEMORY;
    free(predictions);
    return status;
}

int folder_write(const char *dir, const char *name, const struct str *text)
{
    char *path = path_join(dir, name);
    int status = path ? str_status(text) : ERR_MEMORY;
    if (status == OK)
        status = file_write_atomic(path, str_text(text), text->len);
    free(path);
    return status;
}
