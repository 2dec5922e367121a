/* Commands of this program as a shell takes them. */
#include "grid_shell.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/path.h"

void shell_append_word(struct str *out, const char *word)
{
    const bool plain =
        word[0] != '\0' &&
        strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=,+:") ==
            strlen(word);
    str_append(out, plain ? " " : " '");
    for (; *word != '\0'; word++)
        str_append(out, *word == '\'' ? "'\\''" : (char[]){*word, '\0'});
    str_append(out, plain ? "" : "'");
}

void shell_append_words(struct str *out, const struct str_list *words)
{
    for (size_t i = 0; i < words->n; i++)
        shell_append_word(out, words->items[i]);
}

int shell_append_cd(struct str *out)
{
    char *here = path_absolute(".");
    if (!here)
        return ERR_MEMORY;
    if (str_ends_with(here, "/."))
        here[strlen(here) - 2] = '\0';
    str_append(out, "cd");
    shell_append_word(out, here[0] != '\0' ? here : "/");
    free(here);
    return str_status(out);
}

int shell_append_program(struct str *out)
{
    char *path = realpath("/proc/self/exe", NULL);
    struct str word = {0};
    shell_append_word(&word, path ? path : "prompt");
    str_append(out, str_text(&word) + 1);
    free(path);
    int status = str_status(&word);
    str_free(&word);
    return status == OK ? str_status(out) : status;
}

static bool is_among(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

int shell_same_words(struct str_list *out, const struct opt_values *v, const char *const *without)
{
    int status = str_list_add(out, v->command->name);
    for (size_t i = 0; status == OK && i < v->n; i++) {
        const struct opt_value *item = &v->items[i];
        struct str option = {0};
        if (is_among(item->opt->name, without))
            continue;
        str_appendf(&option, "--%s%s%s", item->opt->name, item->text ? "=" : "",
                    item->text ? item->text : "");
        if ((status = str_status(&option)) == OK)
            status = str_list_add(out, str_text(&option));
        str_free(&option);
    }
    return status;
}
