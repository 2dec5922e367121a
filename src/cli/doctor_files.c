/* What prompt doctor says about models, data and folders. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "doctor.h"
#include "prompt/base/dir.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/data/catalog.h"
#include "prompt/report/experiment.h"
#include "prompt/run/session.h"
#include "prompt/store/store.h"
#include "prompt/text/merges_find.h"
#include "prompt/text/tokenizer.h"

void doctor_presets(struct doctor *d)
{
    char *tables = NULL;
    if (experiment_find_tables(&tables) == OK)
        doctor_line(d, FINE, "presets", "beside '%s'", tables);
    else
        doctor_line(d, NOTE, "presets", "%s to prompt grid and prompt results", error_message());
    free(tables);
}

/* ---------------------------------------------------------------- model, merges */

/* The merges of a model; `w` is NULL without one. */
static void check_merges(struct doctor *d, const struct weights *w)
{
    const struct config *c = &d->config;
    char *path = NULL;
    struct tokenizer *tokenizer = NULL;
    if (w && w->merges) {
        doctor_line(d, FINE, "merges", "in the model's file");
        return;
    }
    if (merges_find_file(&path, c->model_merges, w ? w->path : c->model_path, c->data_root) != OK)
        doctor_line(d, w || c->model_merges[0] != '\0' ? MISSING : NOTE, "merges", "%s", error_message());
    else if (tokenizer_open(&tokenizer, path) != OK)
        doctor_line(d, MISSING, "merges", "%s; scripts/fetch_merges.sh fetches the published file",
                    error_message());
    else if (w && tokenizer_vocab_size(tokenizer) != w->dims.vocab_size)
        doctor_line(d, MISSING, "merges",
                    "'%s' gives %" PRId64 " tokens, but the model has %" PRId64
                    "; the key model.merges names another file",
                    path, tokenizer_vocab_size(tokenizer), w->dims.vocab_size);
    else
        doctor_line(d, FINE, "merges", "'%s', %" PRId64 " tokens", path, tokenizer_vocab_size(tokenizer));
    tokenizer_free(tokenizer);
    free(path);
}

void doctor_model(struct doctor *d)
{
    const struct weights_options options = session_weights_options(&d->config);
    struct weights *w = NULL;
    if (d->config.model_path[0] == '\0')
        doctor_line(d, NOTE, "model",
                    "not checked; give --model FILE (scripts/fetch_weights.sh fetches one)");
    else if (weights_open(&w, NULL, d->config.model_path, &options) != OK)
        doctor_line(d, MISSING, "model", "%s", error_message());
    else
        doctor_line(d, FINE, "model", "%s of %s, '%s'; prompt model info shows its SHA-256",
                    weights_arch_of(&w->dims), weights_format_names[w->format], w->path);
    check_merges(d, w);
    weights_close(w);
}

/* ---------------------------------------------------------------- data */

static bool has_folder(const char *root, const struct catalog_entry *e)
{
    bool found = false;
    for (size_t i = 0; !found && i < CATALOG_FOLDERS_MAX && e->folders[i]; i++) {
        char *path = path_join(root, e->folders[i]);
        found = path && file_is_dir(path);
        free(path);
    }
    return found;
}

void doctor_data(struct doctor *d)
{
    const char *root = d->config.data_root;
    struct str names = {0};
    if (root[0] == '\0') {
        doctor_line(d, NOTE, "data",
                    "not checked; give --data DIR (scripts/fetch_data.sh fetches data sets)");
        return;
    }
    for (const struct catalog_entry *e = catalog; e->name; e++)
        if (e->group != CATALOG_OWN && has_folder(root, e))
            str_appendf(&names, "%s%s", names.len > 0 ? ", " : "", e->name);
    if (dir_check(root) != OK)
        doctor_line(d, MISSING, "data", "%s", error_message());
    else if (names.len == 0)
        doctor_line(d, NOTE, "data",
                    "'%s' has no folder of a published data set; own pictures need --dataset folder or csv",
                    root);
    else
        doctor_line(d, FINE, "data", "folders of %s in '%s'; prompt data check looks for every image",
                    str_text(&names), root);
    str_free(&names);
}

/* ---------------------------------------------------------------- folders that are written */

/* Free bytes where `path` is or would be; 0: unknown. */
static double free_bytes_at(const char *path)
{
    struct statvfs info;
    char *place = path_absolute(path);
    double bytes = 0.0;
    while (place && !file_exists(place)) {
        char *parent = path_dir(place);
        free(place);
        place = parent;
    }
    if (place && statvfs(place, &info) == 0)
        bytes = (double)info.f_bavail * (double)info.f_frsize;
    free(place);
    return bytes;
}

static void check_folder(struct doctor *d, const char *subject, const char *path, const char *advice)
{
    enum { ENOUGH_GIB = 1 };
    const double free_gib = free_bytes_at(path) / (1 << 30);
    const char *state = file_exists(path) ? "" : " (would be made)";
    if (file_check_dirs(path) != OK)
        doctor_line(d, MISSING, subject, "%s; %s", error_message(), advice);
    else if (free_gib < ENOUGH_GIB)
        doctor_line(d, NOTE, subject, "'%s' is writable%s, but only %.1f GiB are free; %s", path, state,
                    free_gib, advice);
    else
        doctor_line(d, FINE, subject, "'%s' is writable%s, %.0f GiB free", path, state, free_gib);
}

void doctor_run_folder(struct doctor *d)
{
    char *path = path_absolute(d->out_dir);
    if (path)
        check_folder(d, "run folder", path, "give another --out");
    free(path);
}

void doctor_cache_folder(struct doctor *d)
{
    const char *dir = d->config.store_dir;
    if (strcmp(dir, "off") == 0) {
        doctor_line(d, FINE, "cache folder", "none, as the key 'store.dir' asks");
        return;
    }
    char *path = strcmp(dir, "auto") == 0 ? store_user_dir() : path_absolute(dir);
    if (path)
        check_folder(d, "cache folder", path,
                     "set the key 'store.dir' to a folder that you may write, or to off");
    else
        doctor_line(d, MISSING, "cache folder", "neither XDG_CACHE_HOME nor HOME is set; set one of them");
    free(path);
}
