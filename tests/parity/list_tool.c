/*
 * What the program reads from a user's text files, for the table of peers (peer_lists.py).
 *
 *   list_tool templates FILE       each template, ended by a NUL
 *   list_tool captions FILE        each image's path and caption, each ended by a NUL
 */
#include <stdio.h>
#include <string.h>

#include "prompt/data/pairs.h"
#include "prompt/data/templates.h"

static void print(const char *text)
{
    fputs(text, stdout);
    putchar('\0');
}

static int print_templates(const char *path)
{
    struct templates t = {0};
    const int status = templates_read(&t, path);
    for (size_t i = 0; status == OK && i < t.n; i++)
        print(t.items[i]);
    templates_free(&t);
    return status;
}

static int print_captions(const char *path)
{
    struct pair_list list = {0};
    const int status = pairs_read(&list, path);
    for (size_t i = 0; status == OK && i < list.n; i++) {
        print(list.items[i].path);
        print(list.items[i].caption);
    }
    pairs_free(&list);
    return status;
}

int main(int argc, char **argv)
{
    const bool is_templates = argc == 3 && strcmp(argv[1], "templates") == 0;
    if (argc != 3 || (!is_templates && strcmp(argv[1], "captions") != 0)) {
        fputs("usage: list_tool templates|captions FILE\n", stderr);
        return 2;
    }
    const int status = is_templates ? print_templates(argv[2]) : print_captions(argv[2]);
    if (status != OK)
        fprintf(stderr, "list_tool: %s\n", error_message());
    return error_exit_code(status);
}
