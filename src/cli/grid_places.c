/* Where the runs of a grid take place. */
#include "grid_places.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/process.h"
#include "prompt/torch/torch.h"

const struct opt grid_place_options[] = {
    {"jobs", "N", NULL, false,
     "runs at a time, each with its share of cores and memory; 0: one per core (1)"},
    {"devices", "LIST", NULL, false,
     "one queue for several devices, as in cuda:0,cuda:1 or, by processors, cpu:0-7,cpu:8-11+16-19"},
    {"jobs-per-device", "N", NULL, false, "runs at a time on each of --devices (1)"},
    {.name = NULL},
};

void grid_places_free(struct grid_places *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->items[i].name);
    free(p->items);
    *p = (struct grid_places){0};
}

static int64_t share(int64_t n, int64_t n_runs)
{
    return n / n_runs > 1 ? n / n_runs : 1;
}

/* ---------------------------------------------------------------- devices */

static int check_cores(const struct grid_places *p, size_t i)
{
    const struct grid_place *place = &p->items[i];
    for (size_t k = 0; k < i; k++) {
        const size_t shared = core_set_first(&place->cores, &p->items[k].cores, true);
        if (shared < CORE_SET_SIZE)
            return error_set(ERR_USAGE, "option '--devices': processor %zu is in '%s' and in '%s'", shared,
                             p->items[k].name, place->name);
    }
    return OK;
}

/* "cpu:0-7", or "cpu" for all processors. */
static int read_cpu(struct grid_place *place, bool is_here)
{
    struct core_set allowed;
    core_set_allowed(&allowed, 0);
    place->device = "cpu";
    if (strcmp(place->name, "cpu") == 0) {
        place->cores = allowed;
        return OK;
    }
    int status = core_set_parse(&place->cores, place->name + strlen("cpu:"));
    if (status != OK)
        return error_context("option '--devices'");
    const size_t missing = core_set_first(&place->cores, &allowed, false);
    if (is_here && core_set_count(&allowed) > 0 && missing < CORE_SET_SIZE)
        status = error_set(ERR_USAGE,
                           "option '--devices': processor %zu of '%s' is not there, or not for this process",
                           missing, place->name);
    return status;
}

static int read_device(struct grid_place *place, bool is_here)
{
    struct device device;
    if (strcmp(place->name, "cpu") == 0 || str_starts_with(place->name, "cpu:"))
        return read_cpu(place, is_here);
    if (strcmp(place->name, "cuda") != 0 && !str_starts_with(place->name, "cuda:"))
        return error_set(ERR_USAGE, "option '--devices': expected cuda:N or cpu:PROCESSORS, found '%s'",
                         place->name);
    place->device = place->name;
    if (!is_here || device_parse(&device, place->name) == OK)
        return OK;
    return error_context("option '--devices'");
}

static int read_devices(struct grid_places *p, const struct str_list *names, bool is_here)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < names->n; i++) {
        struct grid_place *place = &p->items[p->n];
        place->name = strcmp(names->items[i], "cuda") == 0 ? str_dup("cuda:0") : str_dup(names->items[i]);
        if (!place->name)
            return ERR_MEMORY;
        p->n++;
        for (size_t k = 0; status == OK && k < i; k++)
            if (strcmp(p->items[k].name, place->name) == 0)
                status = error_set(ERR_USAGE, "option '--devices': '%s' is given twice", place->name);
        if (status == OK && (status = read_device(place, is_here)) == OK)
            status = check_cores(p, i);
    }
    return status;
}

/* Repeats the devices, which have no cores counted yet, `n_each` times. */
static int repeat(struct grid_places *p, size_t n_each)
{
    const size_t n_devices = p->n;
    const int64_t n_all = process_cores();
    for (size_t i = 0; i < n_devices; i++) {
        struct grid_place *place = &p->items[i];
        const bool is_cpu = strcmp(place->device, "cpu") == 0;
        place->n_cores = is_cpu ? share(core_set_cores(&place->cores), (int64_t)n_each)
                                : share(n_all, (int64_t)(n_devices * n_each));
        place->n_sharing = (int64_t)(is_cpu ? n_devices * n_each : n_each); /* a GPU has memory of its own */
    }
    for (size_t i = n_devices; i < n_devices * n_each; i++) {
        p->items[i] = p->items[i % n_devices];
        p->items[i].name = str_dup(p->items[i].name);
        if (!p->items[i].name)
            return ERR_MEMORY;
        if (strcmp(p->items[i].device, "cpu") != 0)
            p->items[i].device = p->items[i].name;
        p->n++;
    }
    return OK;
}

static int open_devices(struct grid_places *out, const struct opt_values *v, bool is_here)
{
    const char *text = opt_text(v, "devices");
    struct str_list names = {0};
    int64_t n_each = 1;
    int status = OK;
    if (opt_given(v, "jobs"))
        return error_set(ERR_USAGE, "--devices and --jobs exclude each other: give --jobs-per-device");
    if ((status = opt_i64(&n_each, v, "jobs-per-device", 1, 64)) == OK &&
        (status = str_list_split(&names, text)) == OK && names.n == 0)
        status = error_set(ERR_USAGE, "option '--devices': expected a list such as cuda:0,cuda:1, found '%s'",
                           text);
    out->items = calloc((names.n + 1) * (size_t)n_each, sizeof *out->items);
    if (status == OK)
        status = out->items ? read_devices(out, &names, is_here) : error_out_of_memory();
    str_list_free(&names);
    return status == OK ? repeat(out, (size_t)n_each) : status;
}

/* ---------------------------------------------------------------- jobs */

static int open_jobs(struct grid_places *out, const struct opt_values *v)
{
    const int64_t n_cores = process_cores();
    struct process_limits limits;
    int64_t n = 1;
    if (opt_given(v, "jobs-per-device"))
        return error_set(ERR_USAGE, "--jobs-per-device needs --devices; without them, give --jobs");
    int status = opt_i64(&n, v, "jobs", 0, 1024);
    if (status != OK)
        return status;
    out->n = (size_t)(n == 0 ? n_cores : n);
    out->items = calloc(out->n + 1, sizeof *out->items);
    if (!out->items)
        return error_out_of_memory();
    process_find_limits(&limits);
    /* jobs of others that Slurm puts on this machine need memory, too */
    const int64_t n_others =
        limits.lent > 0 && limits.lent < limits.allowed_cores ? limits.allowed_cores / limits.lent : 1;
    for (size_t i = 0; i < out->n; i++) /* a run alone takes what there is */
        out->items[i] =
            (struct grid_place){.n_cores = out->n > 1 || n_others > 1 ? share(n_cores, (int64_t)out->n) : 0,
                                .n_sharing = (int64_t)out->n * n_others};
    return OK;
}

int grid_places_open(struct grid_places *out, const struct opt_values *v, bool is_here)
{
    *out = (struct grid_places){0};
    int status = opt_given(v, "devices") ? open_devices(out, v, is_here) : open_jobs(out, v);
    if (status != OK)
        grid_places_free(out);
    return status;
}
