/* Finds the file of merges. */
#include <stdbool.h>
#include <stdlib.h>

#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "prompt/text/merges_find.h"

/* The result of a search: the path, or the folders without one. */
struct search {
    char *found;
    char *first_folder; /* the first folder, the best place for the merges */
    struct str tried;
};

static bool is_given(const char *text)
{
    return text && text[0] != '\0';
}

/* Looks into `folder`; takes ownership of it. NULL: out of memory. */
static int try_folder(struct search *s, char *folder)
{
    static const char *const names[] = {"bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt",
                                        "merges.txt", "tokenizer.json"};
    int status = folder ? OK : ERR_MEMORY;
    for (size_t i = 0; status == OK && !s->found && i < sizeof names / sizeof names[0]; i++) {
        char *path = path_join(folder, names[i]);
        if (path && file_exists(path) && !file_is_dir(path))
            s->found = path;
        else
            free(path);
        status = path ? OK : ERR_MEMORY;
    }
    if (status == OK)
        str_appendf(&s->tried, "%s'%s'", s->tried.len ? " and " : "", folder);
    if (s->first_folder)
        free(folder);
    else
        s->first_folder = folder;
    return status;
}

static int search_places(struct search *s, const char *model_path, const char *data_root)
{
    int status = OK;
    if (is_given(model_path))
        status = try_folder(s, file_is_dir(model_path) ? str_dup(model_path) : path_dir(model_path));
    if (status == OK && !s->found && is_given(data_root))
        status = try_folder(s, path_join(data_root, "clip"));
    return status;
}

static int not_found(const struct search *s, bool by_key)
{
    if (!s->first_folder)
        return error_set(ERR_IO,
                         "no merges of CLIP's tokenizer: neither a model nor a data root is given; the key "
                         "model.merges names a file");
    return error_set(
        ERR_IO,
        "no merges of CLIP's tokenizer: looked in %s%s for bpe_simple_vocab_16e6.txt.gz (or .txt), "
        "merges.txt, tokenizer.json; 'scripts/fetch_merges.sh %s' fetches them%s",
        str_text(&s->tried), by_key ? " (key model.merges)" : "", s->first_folder,
        by_key ? "" : ", and the key model.merges names another place");
}

int merges_find_file(char **out, const char *key, const char *model_path, const char *data_root)
{
    *out = NULL;
    const bool by_key = is_given(key);
    if (by_key && !file_exists(key))
        return error_set(ERR_IO, "the merges file '%s' (key model.merges) does not exist", key);
    struct search s = {0};
    int status = OK;
    if (!by_key)
        status = search_places(&s, model_path, data_root);
    else if (file_is_dir(key))
        status = try_folder(&s, str_dup(key));
    else
        s.found = str_dup(key);
    if (status == OK && by_key && !file_is_dir(key) && !s.found)
        status = ERR_MEMORY;
    if (status == OK && !s.found)
        status = not_found(&s, by_key);
    if (status == OK)
        *out = s.found;
    else
        free(s.found);
    free(s.first_folder);
    str_free(&s.tried);
    return status;
}
