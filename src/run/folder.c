/* The folder of a run. */
#include "folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prompt/base/file.h"
#include "prompt/run/pretrain.h"
#include "prompt/run/train.h"

/* Everything that a run may leave, the checkpoint first. */
static const char *const names[] = {RUN_CHECKPOINT_FILE, RUN_MODEL_FILE, RUN_RESULTS_FILE, RUN_LOG_FILE,
                                    RUN_CONFIG_FILE};
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
        return error_set(ERR_USAGE, "'%s' holds a run already: --resume goes on with it, --force replaces it",
                         dir);
    return OK;
}

int folder_take(int *lock, const char *dir)
{
    int status = file_make_dirs(dir);
    return status == OK ? file_lock_dir(lock, dir) : status;
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
