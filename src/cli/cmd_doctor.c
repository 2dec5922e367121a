/* prompt doctor: what the program finds on this machine, one line each; for reports of bugs. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_print.h"
#include "doctor.h"

/* ---------------------------------------------------------------- options */

static const struct opt doctor_options[] = {
    {"model", "FILE", "model.path", false, NULL},
    {"data", "DIR", "data.root", false, NULL},
    {"out", "DIR", NULL, false, "folder of the runs, which must be writable (runs)"},
    {"set", "KEY=VALUE", NULL, true, "set any key, as in model.merges=FILE, device=cpu or threads=4"},
    {.name = NULL},
};
static const struct opt_group groups[] = {{"Options", doctor_options}, {.title = NULL}};

static const char notes[] = "A line begins with ok, note (worth knowing) or NO (the commands need it). The "
                            "exit status is 1 if there\n"
                            "is a NO. Nothing is written. Paths below the home folder begin with ~, so the "
                            "text can be pasted into a\n"
                            "report.\n"
                            "\n"
                            "Examples:\n"
                            "  prompt doctor\n"
                            "  prompt doctor --model ViT-B-16.pt --data DIR --out runs";

/* ---------------------------------------------------------------- lines */

void doctor_line(struct doctor *d, enum verdict verdict, const char *subject, const char *fmt, ...)
{
    static const char *const words[] = {[FINE] = "ok", [NOTE] = "note", [MISSING] = "NO"};
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    str_appendf(&d->text, "%-5s %-13s %s\n", words[verdict], subject, text);
    if (verdict == MISSING)
        str_appendf(&d->missing, "%s%s", d->missing.len > 0 ? ", " : "", subject);
}

/* Appends `text`, with ~ for the folder `home` where a path begins with it. */
static void append_without_home(struct str *out, const char *text, const char *home)
{
    const size_t n = strlen(home);
    while (*text != '\0') {
        const bool is_home = strncmp(text, home, n) == 0 && strchr("/'\" \n;:,", text[n]) != NULL;
        if (is_home)
            str_append_char(out, '~');
        else
            str_append_char(out, *text);
        text += is_home ? n : 1;
    }
}

/* Prints the report with ~ for the home folder, as it is named and as it is without links. */
static int print_report(const struct doctor *d)
{
    const char *home = getenv("HOME");
    char *resolved = home ? realpath(home, NULL) : NULL;
    struct str once = {0}, twice = {0};
    const bool has_home = home && home[0] == '/' && home[1] != '\0';
    const bool has_other = has_home && resolved && resolved[1] != '\0';
    append_without_home(&once, str_text(&d->text), has_home ? home : "\n\n");
    append_without_home(&twice, str_text(&once), has_other ? resolved : "\n\n");
    twice.failed = twice.failed || once.failed || d->text.failed;
    const int status = cmd_print(&twice);
    str_free(&once);
    str_free(&twice);
    free(resolved);
    return status;
}

/* ---------------------------------------------------------------- the command */

static void check_all(struct doctor *d)
{
    doctor_system(d);
    doctor_processor(d);
    doctor_memory(d);
    doctor_threads(d);
    doctor_wait(d);
    doctor_environment(d);
    doctor_devices(d);
    doctor_precision(d);
    doctor_presets(d);
    doctor_model(d);
    doctor_data(d);
    doctor_run_folder(d);
    doctor_cache_folder(d);
}

static int cmd_doctor(const struct opt_values *v)
{
    struct doctor d = {.out_dir = opt_given(v, "out") ? opt_text(v, "out") : "runs"};
    int status = opt_resolve(&d.config, v, NULL);
    if (status == OK) {
        check_all(&d);
        status = print_report(&d);
    }
    if (status == OK && d.missing.len > 0)
        status = error_set(ERR_IO, "not usable: %s; the lines with NO say what to do", str_text(&d.missing));
    str_free(&d.text);
    str_free(&d.missing);
    config_free(&d.config);
    return status;
}

const struct command command_doctor = {
    "doctor",   NULL,   NULL,
    cmd_doctor, groups, "check the machine, libtorch, models, data and folders, for reports of bugs",
    notes};
