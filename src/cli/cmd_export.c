/* prompt export */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/import/import.h"
#include "run_open.h"
#include "shared_options.h"

static const struct opt export_options[] = {
    {"to", "NAME", NULL, false, "the program that reads the file: dassl"},
    {"out", "DIR", NULL, false, "folder that gets DIR/<name>/model.pth.tar-<epoch>"},
    {"dtype", "NAME", NULL, false, "fp16: what its authors keep so; fp32 (fp16)"},
    {"force", NULL, NULL, false, "replace the file if it is there"},
    {"quiet", NULL, NULL, false, "no notes on stderr; warnings and errors remain"},
    {.name = NULL},
};

static const struct opt_group groups[] = {{"Export", export_options}, {.title = NULL}};

static const char notes[] =
    "RUN is a run folder or a checkpoint. Dassl's trainers of the method load the file with\n"
    "--model-dir DIR --load-epoch N and the same settings.\n"
    "\n"
    "Examples:\n"
    "  prompt export runs/caltech101-coop --to dassl --out exported\n"
    "  prompt export runs/caltech101-coop --to dassl --out exported --dtype fp32";

static const char *const targets[] = {"dassl", NULL}, *const dtypes[] = {"fp16", "fp32", NULL};

static int check_options(bool *is_fp32, const struct opt_values *v)
{
    bool to[1] = {false}, dtype[2] = {false};
    int status = OK;
    if ((status = opt_choose(to, v, "to", targets)) != OK ||
        (status = opt_choose(dtype, v, "dtype", dtypes)) != OK)
        return status;
    *is_fp32 = dtype[1];
    if (!to[0])
        return error_set(ERR_USAGE, "no program is given: pass --to dassl");
    if (!opt_text(v, "out"))
        return error_set(ERR_USAGE, "no folder is given: pass --out DIR");
    return dtype[0] && dtype[1] ? error_set(ERR_USAGE, "--dtype takes one of fp16 or fp32") : OK;
}

/* A run's configuration and how far it is. */
struct exported {
    char *checkpoint_path; /* owned, as the next */
    struct provenance provenance;
    struct progress progress;
    struct config config;
};

static int open_run(struct exported *e, const char *run)
{
    int status = run_find_checkpoint(&e->checkpoint_path, run);
    if (status != OK || (status = provenance_read(&e->provenance, &e->progress, e->checkpoint_path)) != OK)
        return status;
    return config_resolve(&e->config, &(struct config_sources){.run_text = e->provenance.config,
                                                               .run_name = e->checkpoint_path});
}

static int refuse_method(enum method_kind method)
{
    struct str known = {0};
    export_append_methods(&known);
    int status = error_set(
        ERR_USAGE, "a run of method %s cannot be written for Dassl, but those of %s%s",
        method_kind_names[method], str_text(&known),
        method == METHOD_VPT ? ": its first vision prompts are after ln_pre, Dassl's are before it" : "");
    str_free(&known);
    return status;
}

static int write(const struct exported *e, const struct opt_values *v, bool half)
{
    struct log log;
    const enum method_kind method = e->config.method;
    log_init(&log, opt_given(v, "quiet"));
    if (!export_folder(method))
        return refuse_method(method);
    if (e->progress.step == 0)
        return error_set(ERR_USAGE, "'%s' holds prompts that are not trained yet", e->checkpoint_path);
    char *dir = path_join(opt_text(v, "out"), export_folder(method));
    char *path = dir ? str_format("%s/model.pth.tar-%" PRId64, dir, e->progress.epoch) : NULL;
    int status = path ? OK : ERR_MEMORY;
    if (status == OK && !opt_given(v, "force") && file_exists(path))
        status = error_set(ERR_USAGE, "'%s' exists; --force replaces it", path);
    if (status == OK && (status = file_make_dirs(dir)) == OK &&
        (status = export_dassl(path, e->checkpoint_path, method, e->progress.epoch, half)) == OK)
        log_info(&log, "wrote    %s", path);
    if (status == OK && e->progress.step < e->progress.n_steps)
        log_warning(&log, "this run stopped after step %" PRId64 " of %" PRId64, e->progress.step,
                    e->progress.n_steps);
    free(path);
    free(dir);
    return status;
}

static int cmd_export(const struct opt_values *v)
{
    struct exported e = {0};
    bool is_fp32 = false;
    int status = check_options(&is_fp32, v);
    if (status == OK && (status = open_run(&e, v->operand)) == OK)
        status = write(&e, v, !is_fp32);
    config_free(&e.config);
    provenance_free(&e.provenance);
    free(e.checkpoint_path);
    return status;
}

const struct command command_export = {
    "export", NULL, "RUN", cmd_export, groups, "write a run's prompts for the program of their authors",
    notes};
