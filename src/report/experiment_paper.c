/* The paper's numbers, and where they and the tables are. */
#include <math.h>
#include <stdlib.h>

#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/report/experiment.h"

double experiment_paper(const struct experiment *x, const struct experiment_row *row, const char *dataset,
                        const char *measure)
{
    double value = NAN;
    if (!x->paper)
        return NAN;
    const struct json *rows = json_get(json_root(x->paper), x->name);
    const struct json *number = json_get(json_get(json_get(rows, row->name), dataset), measure);
    return number && json_f64(&value, number) == OK ? value : (double)NAN;
}

const char *experiment_paper_note(const struct experiment *x)
{
    const char *text = NULL;
    const struct json *note = x->paper ? json_get(json_get(json_root(x->paper), "notes"), x->name) : NULL;
    return note && json_string(&text, note) == OK ? text : NULL;
}

int experiment_find_tables(char **out)
{
    static const char *const places[] = {"../configs/tables.json", "../share/prompt/configs/tables.json"};
    char *program = realpath("/proc/self/exe", NULL);
    char *folder = program ? path_dir(program) : NULL;
    *out = NULL;
    for (size_t i = 0; folder && !*out && i < sizeof places / sizeof places[0]; i++) {
        char *path = path_join(folder, places[i]);
        *out = path ? realpath(path, NULL) : NULL;
        free(path);
    }
    free(folder);
    free(program);
    return *out ? OK
                : error_set(ERR_IO, "no configs/tables.json belongs to this program: give --tables FILE");
}
