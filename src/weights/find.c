/* Finds the file that --model means. */
#include "find.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "prompt/base/dir.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"

/* ---------------------------------------------------------------- a hub's cache folder */

static bool is_folder_in(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool is_there = path && file_is_dir(path);
    free(path);
    return is_there;
}

/* The commit in refs/main; "" if there is no such file. */
static int read_main(char **out, const char *cache)
{
    char *path = path_join(cache, "refs/main");
    size_t n = 0;
    int status = path ? OK : ERR_MEMORY;
    if (status == OK && file_exists(path))
        status = file_read(out, &n, path);
    else if (status == OK && !(*out = str_dup("")))
        status = ERR_MEMORY;
    if (status == OK)
        (*out)[strcspn(*out, "\r\n /")] = '\0';
    free(path);
    return status;
}

/* The snapshot of refs/main; without that file, the only one. */
static int choose_snapshot(const char **out, const struct str_list *snapshots, const char *main,
                           const char *cache)
{
    if (snapshots->n == 0)
        return error_set(
            ERR_IO, "'%s' is a hub's cache folder without snapshots: the download did not finish", cache);
    if (main[0] == '\0' && snapshots->n > 1)
        return error_set(
            ERR_IO, "'%s' holds %zu snapshots and no refs/main: name one of them, such as '%s/snapshots/%s'",
            cache, snapshots->n, cache, snapshots->items[0]);
    *out = main[0] == '\0' ? snapshots->items[0] : main;
    if (!str_list_has(snapshots, *out))
        return error_set(ERR_IO, "'%s/refs/main' names the snapshot '%.64s', which does not exist", cache,
                         main);
    return OK;
}

static int find_snapshot(char **out, const char *cache)
{
    char *main = NULL;
    char *folder = path_join(cache, "snapshots");
    struct str_list snapshots = {0};
    const char *chosen = NULL;
    int status = folder ? read_main(&main, cache) : ERR_MEMORY;
    if (status == OK && (status = dir_list_folders(&snapshots, folder)) == OK &&
        (status = choose_snapshot(&chosen, &snapshots, main, cache)) == OK) {
        *out = path_join(folder, chosen);
        status = *out ? OK : ERR_MEMORY;
    }
    str_list_free(&snapshots);
    free(folder);
    free(main);
    return status;
}

/* ---------------------------------------------------------------- a folder */

enum { N_NAMES = 6 };
static const char *const usual_order[N_NAMES] = {
    "model.safetensors",           "model.safetensors.index.json",
    "open_clip_model.safetensors", "open_clip_pytorch_model.bin",
    "pytorch_model.bin",           "pytorch_model.bin.index.json"};
static const char *const hugging_face_order[N_NAMES] = {
    "model.safetensors",           "model.safetensors.index.json",
    "pytorch_model.bin",           "pytorch_model.bin.index.json",
    "open_clip_model.safetensors", "open_clip_pytorch_model.bin"};
static const char *const open_clip_order[N_NAMES] = {
    "open_clip_model.safetensors",  "open_clip_pytorch_model.bin", "model.safetensors",
    "model.safetensors.index.json", "pytorch_model.bin",           "pytorch_model.bin.index.json"};

static bool has_file(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool is_there = path && file_exists(path);
    free(path);
    return is_there;
}

/* Puts the files of the configuration first; with both configurations, or neither, the usual order. */
static const char *const *order_in(const char *folder)
{
    const bool is_open_clip = has_file(folder, "open_clip_config.json");
    const bool is_hugging_face = has_file(folder, "config.json");
    if (is_open_clip == is_hugging_face)
        return usual_order;
    return is_open_clip ? open_clip_order : hugging_face_order;
}

/* Files that people mistake for the model's, and their meaning. */
struct other_file {
    const char *start;
    const char *end;
    const char *what;
};

static const struct other_file other_files[] = {
    {"adapter_", "", "an adapter (PEFT): merge it into its model first (merge_and_unload) and save that"},
    {"model_index.json", "", "a pipeline of diffusers: a CLIP is not among its parts"},
    {"model-0", ".safetensors", "shards without their index, model.safetensors.index.json"},
    {"pytorch_model-0", ".bin", "shards without their index, pytorch_model.bin.index.json"},
    {"", ".msgpack", "weights of Flax: save them with PyTorch (from_pretrained(..., from_flax=True))"},
    {"", ".h5", "weights of TensorFlow: save them with PyTorch (from_pretrained(..., from_tf=True))"},
    {"", ".onnx", "a graph of ONNX: the PyTorch model's own file is needed"},
    {"", ".gguf", "weights of GGUF: the PyTorch model's own file is needed"},
    {"models--", "", "models of the hub's cache: name one of these folders"},
    {"", ".safetensors", "a file of another name: pass the file itself"},
    {"", ".bin", "a file of another name: pass the file itself"},
    {"", ".pt", "a file of another name: pass the file itself"},
    {"", ".pth", "a file of another name: pass the file itself"},
    {"", ".ckpt", "a file of another name: pass the file itself"},
};

static int say_what_is_in(const char *folder)
{
    struct str_list names = {0};
    int status = dir_list(&names, folder);
    if (status != OK)
        return status;
    const char *name = NULL;
    const char *what = NULL;
    for (size_t k = 0; !what && k < sizeof other_files / sizeof other_files[0]; k++) {
        const struct other_file *o = &other_files[k];
        for (size_t i = 0; !what && i < names.n; i++)
            if (str_starts_with(names.items[i], o->start) && str_ends_with(names.items[i], o->end)) {
                name = names.items[i];
                what = o->what;
            }
    }
    status = what ? error_set(ERR_IO, "'%s' holds '%.80s', %s", folder, name, what)
                  : error_set(ERR_IO, "'%s' holds no weights (looked for %s, %s, %s, %s and their indices)",
                              folder, usual_order[0], usual_order[2], usual_order[3], usual_order[4]);
    str_list_free(&names);
    return status;
}

static int find_in_folder(char **out, const char *folder)
{
    const char *const *names = order_in(folder);
    for (size_t i = 0; i < N_NAMES; i++) {
        char *path = path_join(folder, names[i]);
        struct stat info;
        if (!path)
            return ERR_MEMORY;
        if (file_exists(path)) {
            *out = path;
            return OK;
        }
        int status = lstat(path, &info) == 0 ? error_set(ERR_IO,
                                                         "'%s' is a link whose file is missing: the download "
                                                         "did not finish, or its cache was emptied",
                                                         path)
                                             : OK;
        free(path);
        if (status != OK)
            return status;
    }
    return say_what_is_in(folder);
}

int weights_find_file(char **out, const char *path)
{
    *out = NULL;
    char *absolute = path_absolute(path);
    if (!absolute)
        return ERR_MEMORY;
    if (!file_is_dir(absolute)) {
        *out = absolute;
        return OK;
    }
    char *snapshot = NULL;
    int status = OK;
    if (is_folder_in(absolute, "snapshots"))
        status = find_snapshot(&snapshot, absolute);
    if (status == OK)
        status = find_in_folder(out, snapshot ? snapshot : absolute);
    free(snapshot);
    free(absolute);
    return status;
}
