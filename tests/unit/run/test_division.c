/*
 * Training steps of several ranks against those of one process, on the recorded small CLIP: losses and gradients of
 * a step, and what ten steps change, divided by images, by classes and by both.
 *
 * usage: mpirun -n N test_division N. A failure ends all ranks.
 */
#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "division.h"
#include "prompt/nn/exchange.h"
#include "step.h"

#ifdef __SANITIZE_ADDRESS__
enum { N_STEPS = 3 }; /* it looks at memory, which more steps use alike */
#else
enum { N_STEPS = 10 };
#endif
enum { N_AGAIN = 2, N_IMAGES = 8 };

struct settings {
    const char *changes[6]; /* of the fixture's keys; ends with NULL */
    int64_t batch_size;
    int64_t min_ranks, max_ranks;
    bool is_plain;     /* with the plain encoder, too */
    int64_t n_classes; /* by which ranks are grouped; 0: those of the fixture */
};

/* what a step's loss and gradients, and ten steps' changes, may differ by, of a tensor's largest value */
struct limits {
    double step, change;
};

enum { MAX_TENSORS = 64 };

/* The trained values, or their gradients, one after another. */
struct values {
    double *items;
    size_t n;
    size_t ends[MAX_TENSORS]; /* of each tensor */
    size_t n_tensors;
};

struct run {
    struct step_numbers first; /* of the first step */
    struct values gradient;    /* of the first step */
    struct values change;      /* in all steps */
};

static void check(bool is_right, const char *what, const char *setting, double found, double limit)
{
    if (is_right)
        return;
    fprintf(stderr, "%s: %s: %g, expected at most %g\n", setting, what, found, limit);
    abort();
}

static struct values read_values(scope *s, const struct params *p, bool gradients)
{
    struct values v = {.items = malloc((size_t)params_numel(p) * sizeof(double))};
    for (size_t i = 0; i < p->n; i++) {
        const tensor *t = gradients ? t_grad(s, p->items[i].value) : p->items[i].value;
        const size_t n = (size_t)t_numel(p->items[i].value);
        if (t) /* one of a later stage has no gradient yet */
            MUST(t_read_f64(v.items + v.n, n, s, t));
        else
            memset(v.items + v.n, 0, n * sizeof *v.items);
        v.n += n;
        v.ends[v.n_tensors++] = v.n;
    }
    return v;
}

/* The largest difference of the values of a tensor, of its largest value in `a`. */
static double difference(const struct values *a, const struct values *b)
{
    double worst = 0.0;
    for (size_t k = 0, i = 0; k < a->n_tensors; k++) {
        double largest = 0.0, apart = 0.0;
        for (; i < a->ends[k]; i++) {
            largest = fmax(largest, fabs(a->items[i]));
            apart = fmax(apart, fabs(a->items[i] - b->items[i]));
        }
        worst = fmax(worst, largest > 0.0 ? apart / largest : apart);
    }
    return worst;
}

/* One step on images first, first + 1, ... of the fixture's, or this rank's share of them. */
static struct step_numbers take_step(scope *run, struct fixture *w, struct method *m, struct optimizer *o,
                                     const struct division *d, int64_t batch_size, int64_t step)
{
    struct step_numbers numbers;
    struct step_share share = {.n_images = batch_size};
    const struct share own = share_of(batch_size, d->group, d->n_groups);
    int64_t items[N_IMAGES];
    for (int64_t i = 0; i < own.n; i++)
        items[i] = (step * batch_size + own.first + i) % N_IMAGES;
    MUST(division_share(&share, d, (struct step_report){.n_images = own.n}));
    scope *s = scope_open(run, SCOPE_GRAD_ON);
    const tensor *index = t_from_i64(s, items, SHAPE(own.n), w->clip->device);
    const struct step_batch batch = {
        .pixels = t_index_select(s, w->pixels, 0, index),
        .labels = t_index_select(s, w->labels, 0, index),
        .step = step + 1,
        .stage_step = step + 1,
        .ranks = d->all,
        .weight = share.weight,
        .loss_weight =
            d->all ? t_full(s, NULL, 0, share.weight, w->clip->dtypes.accum, w->clip->device) : NULL,
        .first_image = share.first_image};
    MUST(step_train(&numbers, s, m, o, &w->texts, batch, 0.002));
    MUST(scope_close(s));
    return numbers;
}

static void open_optimizer(struct optimizer *o, scope *s, const struct fixture *w, const struct method *m)
{
    MUST(optimizer_init(o, s, method_active(m),
                        &(struct optimizer_options){.momentum = 0.9, .weight_decay = w->weight_decay}));
}

static struct run train(struct fixture *w, const struct settings *settings, struct ranks *ranks,
                        int64_t n_steps)
{
    struct run out = {0};
    struct method *m = NULL;
    struct optimizer o;
    struct division d;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    const struct method_options options = fixture_options(fixture_defaults(w), settings->changes);
    MUST(fixture_method(&m, w, s, &options));
    open_optimizer(&o, s, w, m);
    MUST(division_open(&d, ranks, m, settings->batch_size,
                       settings->n_classes > 0 ? settings->n_classes : w->texts.rows->n));
    MUST(class_texts_divide(&w->texts, s, w->clip, d.text, w->images_at_a_time));
    struct values before = read_values(s, &m->trained, false);
    for (int64_t i = 0; i < n_steps; i++) {
        const struct method_stage stage = method_stage_at(m, i + 1, N_STEPS);
        if (stage.index != m->stage) {
            MUST(method_begin_stage(m, stage.index, &w->texts));
            MUST(exchange_values(s, ranks, &m->trained));
            optimizer_deinit(&o);
            open_optimizer(&o, s, w, m);
        }
        const struct step_numbers numbers = take_step(s, w, m, &o, &d, settings->batch_size, i);
        if (i == 0) {
            out.first = numbers;
            out.gradient = read_values(s, &m->trained, true);
        }
    }
    if (d.text != ranks && ranks_size(d.text) > 1)
        check(division_time(&d).move_s > ranks_time(ranks).move_s, "exchanges of a group take no time",
              settings->changes[0], 0.0, 1.0);
    out.change = read_values(s, &m->trained, false);
    for (size_t i = 0; i < out.change.n; i++)
        out.change.items[i] -= before.items[i];
    free(before.items);
    division_close(&d);
    class_texts_free(&w->texts);
    optimizer_deinit(&o);
    method_free(m);
    MUST(scope_close(s));
    return out;
}

static void run_free(struct run *r)
{
    free(r->gradient.items);
    free(r->change.items);
}

/* All ranks must have the same bits. */
static void check_alike(struct ranks *ranks, const struct run *r, const char *setting)
{
    const size_t n = r->change.n * sizeof(double);
    double *first = malloc(n);
    memcpy(first, r->change.items, n);
    MUST(ranks_broadcast(ranks, first, n));
    check(memcmp(first, r->change.items, n) == 0, "a rank has other values than the first", setting, 1.0,
          0.0);
    free(first);
}

static void compare(struct fixture *w, const struct settings *settings, struct ranks *ranks,
                    struct limits limits)
{
    char name[160] = "";
    for (size_t i = 0, at = 0; settings->changes[i] && at < sizeof name; i++)
        at += (size_t)snprintf(name + at, sizeof name - at, "%s ", settings->changes[i]);
    const size_t end = strlen(name);
    snprintf(name + end, sizeof name - end, "batch %d, %d ranks", (int)settings->batch_size,
             (int)ranks_size(ranks));
    struct run one = train(w, settings, NULL, N_STEPS), many = train(w, settings, ranks, N_STEPS),
               first = train(w, settings, ranks, N_AGAIN), again = train(w, settings, ranks, N_AGAIN);
    const double loss = fabs(one.first.loss - many.first.loss) / fabs(one.first.loss);
    const double gradient = difference(&one.gradient, &many.gradient),
                 change = difference(&one.change, &many.change);
    if (ranks_is_first(ranks))
        printf("%-70s loss %.1e gradient %.1e change %.1e\n", name, loss, gradient, change);
    check(loss <= limits.step, "loss", name, loss, limits.step);
    check(gradient <= limits.step, "gradient", name, gradient, limits.step);
    check(change <= limits.change, "change of all steps", name, change, limits.change);
    for (int64_t n = 0; n < METHOD_MAX_ITERATIONS; n++)
        check(n > 1 || fabs(one.first.accuracies[n] - many.first.accuracies[n]) < 1e-9, "accuracy", name, 1.0,
              0.0);
    for (int i = 0; i < N_AGREEMENTS; i++) {
        const double term = fabs(one.first.agreement[i] - many.first.agreement[i]);
        check(term <= limits.step * (1.0 + fabs(one.first.agreement[i])), "agreement", name, term,
              limits.step);
    }
    check(fabs(one.first.largest_gradient - many.first.largest_gradient) <=
              limits.step * one.first.largest_gradient,
          "largest gradient", name, many.first.largest_gradient, one.first.largest_gradient);
    check(difference(&first.change, &again.change) == 0.0, "two equal runs differ", name, 1.0, 0.0);
    check_alike(ranks, &many, name);
    run_free(&one);
    run_free(&many);
    run_free(&first);
    run_free(&again);
}

int main(int argc, char **argv)
{
    static const struct settings all[] = {
        {{"iterations=2", NULL}, 4, 1, 4, true, 0},  /* by images */
        {{"iterations=2", NULL}, 5, 2, 4, false, 0}, /* unevenly */
        {{"iterations=2", "agreement.text_weight=2", "agreement.logits_weight=1", NULL}, 4, 2, 3, false, 0},
        {{"method=coop", NULL}, 4, 2, 4, true, 0}, /* by images and classes */
        {{"method=coop", "context.class_specific=true", NULL}, 4, 2, 3, false, 0},
        {{"method=coop", "context.position=middle", NULL}, 4, 3, 3, false, 0},
        {{"method=coop", NULL}, 4, 3, 4, false, 2}, /* in groups of one or two ranks */
        {{"method=kgcoop", NULL}, 4, 2, 3, false, 0},
        {{"method=ivlp", "context.depth=2", "vision_prompt.depth=2", NULL}, 4, 3, 3, false, 0},
        {{"method=two_stage", NULL}, 4, 2, 3, false, 0},
        {{"method=promptsrc", "context.depth=2", "vision_prompt.depth=2", NULL}, 4, 2, 3, true, 0},
        {{"method=maple", "context.count=2", "context.depth=2", NULL}, 4, 3, 3, false, 0},
        {{"method=clip_lora", NULL}, 4, 2, 3, false, 0}, /* dropout's masks are those of one process */
        {{"method=vpt", NULL}, 4, 2, 4, false, 0},
        {{"method=cocoop", NULL}, 1, 2, 4, false, 0}, /* by classes */
        {{"method=cocoop", NULL}, 2, 3, 4, true, 0},  /* two groups, of two ranks and of one or two */
        {{"iterations=2", NULL}, 2, 3, 4, false, 0},
        {{"method=coop", NULL}, 1, 4, 4, false, 0},
    };
    struct ranks *ranks = NULL;
    MUST(ranks_open(&ranks));
    const int64_t n_ranks = argc > 1 ? strtoll(argv[1], NULL, 10) : 1;
    if (ranks_size(ranks) != n_ranks)
        fixture_die("another number of ranks");
    MUST(torch_init(1));
    static const struct {
        enum dtype dtype;
        enum encoder encoder;
        struct limits limits;
    } models[] = {{DTYPE_F64, ENCODER_FAST, {1e-10, 1e-10}},
                  {DTYPE_F32, ENCODER_FAST, {1e-5, 1e-4}},
                  {DTYPE_F64, ENCODER_PLAIN, {1e-10, 1e-10}}};
    for (size_t k = 0; k < sizeof models / sizeof models[0]; k++) {
        struct fixture w;
        fixture_open(&w, FIXTURE_DIR,
                     (struct clip_dtypes){.compute = models[k].dtype, .accum = models[k].dtype},
                     models[k].encoder);
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
            if (all[i].min_ranks <= n_ranks && n_ranks <= all[i].max_ranks &&
                (models[k].encoder == ENCODER_FAST || all[i].is_plain))
                compare(&w, &all[i], ranks, models[k].limits);
        fixture_close(&w);
    }
    MUST(ranks_end(ranks, OK));
    ranks_close(ranks, 0);
    return 0;
}
