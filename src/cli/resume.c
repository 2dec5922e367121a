/* The configuration of a resumed run. */
#include "resume.h"

#include <stdlib.h>

#include "prompt/base/file.h"
#include "prompt/report/folder.h"

static int check_same_run(const struct config *c, const struct config *stored, const char *out_dir)
{
    struct str here = {0};
    struct str there = {0};
    int status = OK;
    const size_t i = config_first_difference(&here, &there, c, stored, NULL);
    if (i < config_n_keys())
        status = error_set(ERR_USAGE, "cannot resume '%s': %s is %s here, but the run has %s", out_dir,
                           config_key(i)->key, str_text(&here), str_text(&there));
    str_free(&here);
    str_free(&there);
    return status;
}

int cmd_resolve_resumed(struct config *c, const struct opt_values *v, const char *out_dir)
{
    char *path = path_join(out_dir, RUN_CONFIG_FILE);
    const struct config_sources run = {.run_file = path};
    struct config stored = {0};
    int status = path ? config_resolve(&stored, &run) : ERR_MEMORY;
    if (status == ERR_IO)
        error_context("--resume");
    if (status == OK && (status = opt_resolve(c, v, &run)) == OK) {
        if (c->precision == PRECISION_AUTO)
            c->precision = stored.precision; /* what auto became when the run began */
        status = check_same_run(c, &stored, out_dir);
    }
    config_free(&stored);
    free(path);
    return status;
}
