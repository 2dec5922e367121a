/* The program: finds the command, runs it, prints its error. The only place that decides an exit status. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd_print.h"
#include "commands.h"
#include "opt_help.h"
#include "prompt/ranks/ranks.h"
#include "prompt/torch/torch.h"
#include "spawn.h"

/* ---------------------------------------------------------------- finding a command */

static const struct command *find_command(const char *name, const char *sub_name)
{
    for (size_t i = 0; commands[i]; i++) {
        const struct command *c = commands[i];
        bool is_sub = sub_name && c->sub_name && strcmp(sub_name, c->sub_name) == 0;
        if (strcmp(name, c->name) == 0 && (!c->sub_name || is_sub))
            return c;
    }
    return NULL;
}

/* Whether `name` is the first word of commands of two words. */
static bool has_subs(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(name, commands[i]->name) == 0 && commands[i]->sub_name)
            return true;
    return false;
}

static int unknown_command(const char *word)
{
    enum { MAX_COMMANDS = 32 };
    const char *names[MAX_COMMANDS] = {"help"};
    size_t n = 1;
    for (size_t i = 0; commands[i] && n < MAX_COMMANDS; i++)
        names[n++] = commands[i]->name;
    const char *nearest = str_nearest(word, names, n);
    if (nearest)
        return error_set(ERR_USAGE, "unknown command '%s'; did you mean '%s'?", word, nearest);
    return error_set(ERR_USAGE, "unknown command '%s'; see prompt --help", word);
}

/* `word` is NULL if nothing follows `name`. */
static int unknown_sub(const char *name, const char *word)
{
    struct str list = {0};
    const char *nearest = NULL;
    for (size_t i = 0; commands[i]; i++) {
        const struct command *c = commands[i];
        if (strcmp(name, c->name) != 0)
            continue;
        str_appendf(&list, "%s%s", list.len > 0 ? ", " : "", c->sub_name);
        const char *pair[] = {nearest ? nearest : c->sub_name, c->sub_name};
        nearest = word ? str_nearest(word, pair, 2) : NULL;
    }
    int status = ERR_USAGE;
    if (nearest)
        error_set(ERR_USAGE, "unknown command '%s %s'; did you mean '%s %s'?", name, word, name, nearest);
    else
        error_set(ERR_USAGE, "expected one of %s after '%s', found %s%s%s; see prompt %s --help",
                  str_text(&list), name, word ? "'" : "", word ? word : "nothing", word ? "'" : "", name);
    str_free(&list);
    return status;
}

/* The command of argv[0..] and the number of words that name it; `*out` is NULL for "model" before an
 * option. */
static int resolve(const struct command **out, int *n_words, int argc, char *const *argv)
{
    *out = NULL;
    *n_words = 1;
    const bool has_word = argc > 1 && argv[1][0] != '-';
    if (!has_subs(argv[0])) {
        *out = find_command(argv[0], NULL);
        return *out ? OK : unknown_command(argv[0]);
    }
    if (!has_word)
        return OK;
    *n_words = 2;
    *out = find_command(argv[0], argv[1]);
    return *out ? OK : unknown_sub(argv[0], argv[1]);
}

/* ---------------------------------------------------------------- help */

/* Help of the program (no words), of "model", or of one command. */
static int print_help(int argc, char *const *argv)
{
    const struct command *command = NULL;
    int n_words = 0;
    int status = argc > 0 ? resolve(&command, &n_words, argc, argv) : OK;
    if (status != OK)
        return status;
    if (argc > n_words)
        return error_set(ERR_USAGE, "unexpected word '%s' after the command", argv[n_words]);
    struct str text = {0};
    if (command)
        command_help(&text, command);
    else
        commands_help(&text, commands, argc > 0 ? argv[0] : NULL);
    status = cmd_print(&text);
    str_free(&text);
    return status;
}

/* ---------------------------------------------------------------- running */

/* Adds advice to "out of memory"; a thread that cannot be started has its own. */
static int advise(int status, const struct command *command)
{
    if (status != ERR_MEMORY || !strstr(error_message(), "out of memory"))
        return status;
    char message[1024];
    snprintf(message, sizeof message, "%s", error_message());
    return error_set(ERR_MEMORY, "%s; %s", message,
                     strcmp(command->name, "model") == 0
                         ? "a smaller model needs less"
                         : "fewer classes, a smaller batch_size (training, evaluation), memory_budget_mib or "
                           "model need less");
}

static bool is_divided(const struct command *command)
{
    size_t i = 0;
    while (divided_commands[i] && divided_commands[i] != command)
        i++;
    return divided_commands[i] != NULL;
}

/* Of several processes the first alone prints. */
static int open_ranks(struct ranks **out, const struct command *command)
{
    if (!is_divided(command))
        return ranks_check_one(command->name);
    int status = ranks_open(out);
    if (status == OK && !ranks_is_first(*out) && !freopen("/dev/null", "w", stdout))
        status = error_set(ERR_IO, "cannot open /dev/null: %s", strerror(errno));
    return status;
}

/* `*ranks` is the caller's to end, also on failure. */
static int run_command(struct ranks **ranks, const struct command *command, int argc, char *const *argv)
{
    struct opt_values values;
    int status = open_ranks(ranks, command);
    if (status != OK || (status = opt_parse(&values, command, argc, argv)) != OK)
        return status;
    values.commands = commands;
    values.ranks = *ranks;
    status = advise(command->run(&values), command);
    opt_free(&values);
    return status;
}

/* argv without the program's name. */
static int run(struct ranks **ranks, int argc, char *const *argv)
{
    if (argc == 0)
        return error_set(ERR_USAGE, "expected a command; see prompt --help");
    if (strcmp(argv[0], "-h") == 0 || strcmp(argv[0], "--help") == 0)
        return print_help(0, NULL);
    if (strcmp(argv[0], "help") == 0)
        return print_help(argc - 1, argv + 1);
    if (strcmp(argv[0], "--version") == 0)
        return run_command(ranks, find_command("version", NULL), argc - 1, argv + 1);
    if (argv[0][0] == '-')
        return error_set(ERR_USAGE, "unknown option '%s'; options go after the command, see prompt --help",
                         argv[0]);

    const struct command *command;
    int n_words;
    int status = resolve(&command, &n_words, argc, argv);
    if (status != OK)
        return status;
    if (opt_wants_help(argc - n_words, argv + n_words))
        return print_help(n_words, argv);
    if (!command)
        return unknown_sub(argv[0], argc > 1 ? argv[1] : NULL);
    return run_command(ranks, command, argc - n_words, argv + n_words);
}

/* Checks that all output of stdio has arrived; cmd_print reports a failure at once, and its reason. */
static int close_stdout(int status)
{
    const bool failed_before = ferror(stdout) != 0;
    const bool failed = fclose(stdout) != 0 || failed_before;
    return failed && status == OK ? error_set(ERR_IO, "cannot write to the standard output") : status;
}

/*
 * If the caller closed a standard stream, the next file that is opened would take its number, and results or
 * messages would end up in it. So its number goes to a file that cannot be written.
 */
static void occupy_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
            return;
}

/* Runs before main, since libtorch's initializers do. */
static void report_uncaught(void)
{
    static const char message[] =
        "prompt: out of memory, or a fault of libtorch: it threw where nothing can catch\n";
    (void)!write(STDERR_FILENO, message, sizeof message - 1);
    _exit(1);
}

static void prepare(void)
{
    torch_on_uncaught(report_uncaught);
}

__attribute__((section(".preinit_array"), used)) static void (*const before_libraries)(void) = prepare;

int main(int argc, char **argv)
{
    occupy_standard_streams();
    /* A closed pipe, or a file at its size limit, is a failed write, reported like a full disk, and never the
     * end inside a checkpoint. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* each line of a redirected report arrives when it is printed */

    struct ranks *ranks = NULL;
    int status = close_stdout(run(&ranks, argc > 0 ? argc - 1 : 0, argv + 1));
    status = ranks_end(ranks, status);
    if (status != OK && error_message()[0] != '\0') { /* else another rank has the message */
        fprintf(stderr, "prompt: %s\n", error_message());
        spawn_report(error_message());
    }
    ranks_close(ranks, error_exit_code(status));
    return error_exit_code(status);
}
