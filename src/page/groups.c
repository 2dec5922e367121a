/* Groups of runs, and the numbers of runs and groups. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "prompt/base/array.h"
#include "prompt/report/interval.h"
#include "prompt/report/metrics.h"

const char *method_name(const struct config *c)
{
    static const char *const names[] = {[METHOD_PROMPT] = "ProMPT",
                                        [METHOD_CLIP] = "CLIP",
                                        [METHOD_COOP] = "CoOp",
                                        [METHOD_COCOOP] = "CoCoOp",
                                        [METHOD_VPT] = "VPT",
                                        [METHOD_KGCOOP] = "KgCoOp",
                                        [METHOD_IVLP] = "IVLP",
                                        [METHOD_PROMPTSRC] = "PromptSRC",
                                        [METHOD_MAPLE] = "MaPLe",
                                        [METHOD_LINEAR_PROBE] = "Linear probe",
                                        [METHOD_LP_PLUS_PLUS] = "LP++",
                                        [METHOD_TIP_ADAPTER] = "Tip-Adapter",
                                        [METHOD_CLIP_LORA] = "CLIP-LoRA",
                                        [METHOD_TWO_STAGE] = "2SFS",
                                        NULL};
    if (c->method == METHOD_TIP_ADAPTER && c->tip_adapter_train_keys)
        return c->views_fresh ? "Tip-Adapter-F" : "Tip-Adapter-F (cached views)";
    return names[c->method];
}

/* ---------------------------------------------------------------- grouping */

static const char *const free_keys[] = {"seed", NULL};

static bool is_imported(const struct run *r)
{
    return r->provenance.imported.n > 0;
}

/* The first key in which two runs differ, seed aside, as "training.lr 0.1"; "" if there is none. */
static int difference_of(struct str *out, const struct run *a, const struct run *b)
{
    struct str there = {0};
    struct str here = {0};
    const size_t i = config_first_difference(&there, &here, a->config, b->config, free_keys);
    if (i < config_n_keys())
        str_appendf(out, "%s %s", config_key(i)->key, str_text(&here));
    else if (strcmp(a->lists[0].record->weights, b->lists[0].record->weights) != 0)
        str_appendf(out, "weights %.8s", b->lists[0].record->weights);
    str_free(&there);
    str_free(&here);
    return str_status(out);
}

static int add_run(struct group *g, size_t run)
{
    int status = array_grow(&g->runs, g->n, sizeof *g->runs);
    if (status == OK)
        g->runs[g->n++] = run;
    return status;
}

/* A run joins a group unless a run of its seed is there already: then it is a group of its own. */
static int place_run(struct page *p, size_t run)
{
    const struct run *r = &p->runs[run];
    for (size_t i = 0; i < p->n_groups; i++) {
        struct group *g = &p->groups[i];
        struct str difference = {0};
        bool has_seed = false;
        int status = difference_of(&difference, group_first(p, g), r);
        for (size_t k = 0; k < g->n; k++)
            has_seed = has_seed || p->runs[g->runs[k]].config->seed == r->config->seed;
        const bool is_same = difference.len == 0 && is_imported(group_first(p, g)) == is_imported(r);
        str_free(&difference);
        if (status != OK || (is_same && !has_seed))
            return status == OK ? add_run(g, run) : status;
    }
    int status = array_grow(&p->groups, p->n_groups, sizeof *p->groups);
    if (status != OK)
        return status;
    p->groups[p->n_groups] = (struct group){0};
    return add_run(&p->groups[p->n_groups++], run);
}

/* The method, whether it was imported, and if another such group has it, too, what sets this one apart from the
 * first of them. */
static int name_group(struct page *p, size_t i)
{
    const struct run *r = group_first(p, &p->groups[i]);
    struct str name = {0};
    struct str difference = {0};
    str_append(&name, method_name(r->config));
    str_append(&name, is_imported(r) ? ", imported" : "");
    int status = OK;
    for (size_t k = 0; status == OK && k < p->n_groups; k++) {
        const struct run *other = group_first(p, &p->groups[k]);
        const bool is_same = strcmp(method_name(other->config), method_name(r->config)) == 0;
        if (k == i || !is_same || is_imported(other) != is_imported(r))
            continue;
        status = difference_of(&difference, other, r);
        str_appendf(&name, " (%s)", difference.len > 0 ? str_text(&difference) : r->dir);
        break;
    }
    name.failed = name.failed || difference.failed;
    str_free(&difference);
    if (status == OK)
        status = str_status(&name);
    p->groups[i].name = name.data;
    return status;
}

int groups_make(struct page *p)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < p->n_runs; i++)
        status = place_run(p, i);
    for (size_t i = 0; status == OK && i < p->n_groups; i++)
        status = name_group(p, i);
    return status;
}

void groups_free(struct page *p)
{
    for (size_t i = 0; i < p->n_groups; i++) {
        free(p->groups[i].name);
        free(p->groups[i].runs);
        free(p->groups[i].paper);
        str_free(&p->groups[i].setting);
    }
    free(p->groups);
}

const struct run *group_first(const struct page *p, const struct group *g)
{
    return &p->runs[g->runs[0]];
}

/* ---------------------------------------------------------------- numbers */

double run_accuracy(const struct page *p, size_t run, size_t list, int64_t n)
{
    const struct record *record = p->runs[run].lists[list].record;
    return (size_t)n < record->n_accuracies ? 100.0 * record->accuracies[n] : (double)NAN;
}

/* The iteration of a run that `n` means: -1 is its last. */
static int64_t iteration_of(const struct run *r, int64_t n)
{
    return n < 0 ? run_iterations(r) : n;
}

double group_accuracy(double *sd, const struct page *p, const struct group *g, size_t list, int64_t n)
{
    double sum = 0.0;
    double *values = calloc(g->n, sizeof *values);
    for (size_t i = 0; i < g->n; i++) {
        const double value = run_accuracy(p, g->runs[i], list, iteration_of(&p->runs[g->runs[i]], n));
        sum += value;
        if (values)
            values[i] = value;
    }
    if (sd)
        *sd = values ? sample_sd(values, g->n) : (double)NAN;
    free(values);
    return sum / (double)g->n;
}

bool page_halves(size_t *base, size_t *new_, const struct page *p)
{
    bool has_base = false, has_new = false;
    for (size_t i = p->n_lists; i-- > 0;) {
        if (strcmp(p->lists[i].dataset, p->lists[0].dataset) != 0)
            continue;
        if (p->lists[i].subset == CLASS_SUBSET_BASE) {
            *base = i;
            has_base = true;
        } else if (p->lists[i].subset == CLASS_SUBSET_NEW) {
            *new_ = i;
            has_new = true;
        }
    }
    return has_base && has_new;
}

double run_hm(const struct page *p, size_t run, int64_t n)
{
    size_t base = 0, new_ = 0;
    const int64_t at = iteration_of(&p->runs[run], n);
    if (!page_halves(&base, &new_, p))
        return NAN;
    return harmonic_mean(run_accuracy(p, run, base, at), run_accuracy(p, run, new_, at));
}

double group_hm(double *sd, const struct page *p, const struct group *g, int64_t n)
{
    size_t base = 0, new_ = 0;
    if (sd)
        *sd = NAN;
    if (!page_halves(&base, &new_, p))
        return NAN;
    double *values = calloc(g->n, sizeof *values);
    for (size_t i = 0; values && i < g->n; i++)
        values[i] = run_hm(p, g->runs[i], n);
    if (sd && values)
        *sd = sample_sd(values, g->n);
    free(values);
    return harmonic_mean(group_accuracy(NULL, p, g, base, n), group_accuracy(NULL, p, g, new_, n));
}
