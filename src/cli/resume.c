/* What a resumed run goes on with. */
#include <stdlib.h>

#include "cmd.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/run/train.h"

static int read_run_config(struct config *c, const char *out_dir)
{
    char *path = path_join(out_dir, RUN_CONFIG_FILE);
    char *text = NULL;
    size_t n = 0;
    int status = path ? file_read(&text, &n, path) : ERR_MEMORY;
    if (status == OK)
        status = config_read_text(c, text, n, path, CONFIG_RUN);
    else
        error_context("--resume");
    free(text);
    free(path);
    return status;
}

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
    struct config stored;
    int status = OK;
    if ((status = config_init(&stored)) == OK && (status = read_run_config(&stored, out_dir)) == OK &&
        (status = read_run_config(c, out_dir)) == OK && (status = opt_apply_file(c, v)) == OK)
        status = opt_apply_keys(c, v);
    if (c->precision == PRECISION_AUTO)
        c->precision = stored.precision; /* what auto became when the run began */
    if (status == OK)
        status = check_same_run(c, &stored, out_dir);
    config_free(&stored);
    return status;
}
