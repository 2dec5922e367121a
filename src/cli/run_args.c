/* The options of trainings, and the configuration of a resumed one. */
#include "run_args.h"

#include <stdlib.h>

#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/report/folder.h"

int run_args_read(struct run_options *out, char **out_dir, const struct opt_values *v, bool needs_folder)
{
    const char *dir = opt_text(v, "out");
    *out_dir = dir ? path_absolute(dir) : NULL;
    *out = (struct run_options){.out_dir = *out_dir,
                                .resume = opt_given(v, "resume"),
                                .force = opt_given(v, "force"),
                                .ranks = v->ranks};
    if (dir && !*out_dir)
        return ERR_MEMORY;
    if (out->resume && out->force)
        return error_set(ERR_USAGE, "--resume and --force exclude each other");
    if (!dir && (out->resume || needs_folder))
        return error_set(ERR_USAGE, "no run folder: give --out DIR");
    return opt_i64(&out->max_steps, v, "max-steps", 1, INT64_MAX);
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

static int resolve_resumed(struct config *c, const struct opt_values *v, const char *out_dir)
{
    char *path = path_join(out_dir, RUN_CONFIG_FILE);
    const struct config_sources run = {.run_file = path};
    struct config stored = {0};
    int status = path ? config_resolve(&stored, &run) : ERR_MEMORY;
    if (status == ERR_IO)
        error_context("--resume");
    if (status == OK && (status = opt_resolve(c, v, &run)) == OK) {
        config_settle_stored(&stored);
        if (c->precision == PRECISION_AUTO)
            c->precision = stored.precision; /* the resolved one of its first process */
        if (c->precision == PRECISION_BF16 && c->products == PRODUCTS_AUTO)
            c->products = stored.products;
        status = check_same_run(c, &stored, out_dir);
    }
    config_free(&stored);
    free(path);
    return status;
}

int run_args_resolve(struct config *c, const struct opt_values *v, const struct run_options *options)
{
    return options->resume ? resolve_resumed(c, v, options->out_dir) : opt_resolve(c, v, NULL);
}
