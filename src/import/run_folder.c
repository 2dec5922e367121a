/* Writes the folder of an imported run. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prompt/base/file.h"
#include "prompt/base/lock.h"
#include "prompt/base/path.h"
#include "prompt/report/folder.h"
#include "prompt/run/checkpoint.h"
#include "source.h"

/* The last is what makes a folder a run. */
static const char *const files[] = {RUN_CONFIG_FILE, RUN_CHECKPOINT_FILE};

/* What the file says of its training is the epoch; the run counts as one finished step. */
static int write_checkpoint(const char *dir, struct session *s, const struct method *m,
                            const struct import_names *names, const struct import_source *source)
{
    const struct progress progress = {.epoch = import_epoch(source), .step = 1, .n_steps = 1};
    struct provenance provenance;
    int status = checkpoint_provenance(&provenance, s, names->items, names->n, PROVENANCE_IMPORTED,
                                       import_n_images(s->config, source));
    char *path = path_join(dir, RUN_CHECKPOINT_FILE);
    if (status == OK && !path)
        status = ERR_MEMORY;
    for (size_t i = 0; status == OK && i < source->files.n; i++)
        status = imported_files_add(&provenance.imported, source->files.items[i].name,
                                    source->files.items[i].sha256);
    if (status == OK)
        status = checkpoint_write(path, m, &(struct optimizer){0}, &progress, &provenance);
    free(path);
    provenance_free(&provenance);
    return status;
}

static int write_files(const char *dir, struct session *s, const struct method *m,
                       const struct import_names *names, const struct import_source *source)
{
    struct str config = {0};
    int status = config_write(&config, s->config);
    if (status == OK && (status = file_make_dirs(dir)) == OK &&
        (status = folder_write(dir, RUN_CONFIG_FILE, &config)) == OK)
        status = write_checkpoint(dir, s, m, names, source);
    str_free(&config);
    return status;
}

static int move_files(const char *from, const char *dir)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < sizeof files / sizeof files[0]; i++) {
        char *a = path_join(from, files[i]), *b = path_join(dir, files[i]);
        if (!a || !b)
            status = ERR_MEMORY;
        else if (!file_rename(a, b))
            status = error_set(ERR_IO, "cannot rename '%s' to '%s': %s", a, b, strerror(errno));
        free(a);
        free(b);
    }
    return status;
}

/* Everything that may fail for long comes before the earlier run is touched. */
int import_write_run(const char *dir, bool force, struct session *s, const struct method *m,
                     const struct import_names *names, const struct import_source *source)
{
    char *partial = str_format("%s.partial.%ld", dir, (long)getpid());
    int lock = -1;
    int status = partial ? write_files(partial, s, m, names, source) : ERR_MEMORY;
    if (status == OK && (status = folder_take(&lock, dir, s->log)) == OK && force)
        status = folder_clear(dir);
    if (status == OK)
        status = move_files(partial, dir);
    lock_release(lock);
    if (partial && file_remove_tree(partial) != OK && status == OK)
        status = ERR_IO;
    free(partial);
    return status;
}
