/* The files of a training at work. */
#include "prompt/run/run_files.h"

#include <inttypes.h>
#include <stdlib.h>

#include "prompt/base/file.h"
#include "prompt/base/lock.h"
#include "prompt/base/path.h"

int run_files_open(struct run_files *out, const struct run_options *options, struct log *log)
{
    *out = (struct run_files){.options = options, .log = log, .lock = -1};
    if (!options->out_dir)
        return OK;
    out->checkpoint_path = path_join(options->out_dir, RUN_CHECKPOINT_FILE);
    if (!out->checkpoint_path)
        return ERR_MEMORY;
    return ranks_is_first(options->ranks) ? folder_check(options->out_dir, options->resume, options->force)
                                          : OK;
}

int run_files_take(struct run_files *f)
{
    const bool takes = f->lock < 0 && ranks_is_first(f->options->ranks);
    return takes ? folder_take(&f->lock, f->options->out_dir, f->log) : OK;
}

int run_files_begin(struct run_files *f, const struct str *config, int64_t step)
{
    const char *dir = f->options->out_dir;
    if (!ranks_is_first(f->options->ranks))
        return OK;
    char *log_path = path_join(dir, RUN_LOG_FILE);
    int status = log_path ? run_files_take(f) : ERR_MEMORY;
    if (status == OK && f->options->force)
        status = folder_clear(dir);
    if (status == OK && config)
        status = folder_write(dir, RUN_CONFIG_FILE, config);
    if (status == OK && (status = event_log_open(&f->events, log_path, config ? -1 : step)) == OK)
        status = saver_open(&f->saver, f->checkpoint_path, f->lock);
    free(log_path);
    return status;
}

bool run_files_at_limit(const struct run_files *f, int64_t step)
{
    return f->options->max_steps > 0 && step >= f->options->max_steps;
}

int run_files_end(const struct run_files *f, const char *command, int64_t step, int64_t n_steps,
                  bool is_saved, bool is_stopped)
{
    if (step == n_steps)
        return OK;
    if (is_stopped)
        return error_set(ERR_INTERRUPTED,
                         "stopped after step %" PRId64 " of %" PRId64
                         "%s; continue with: prompt %s --resume --out %s",
                         step, n_steps, is_saved ? "; saved" : "", command, f->options->out_dir);
    log_info(f->log, "stopped after step %" PRId64 " of %" PRId64 " (--max-steps); continue with --resume",
             step, n_steps);
    return OK;
}

void run_files_close(struct run_files *f)
{
    saver_close(f->saver);
    event_log_close(&f->events);
    free(f->checkpoint_path);
    lock_release(f->lock);
}
