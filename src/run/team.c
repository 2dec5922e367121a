/* The number of threads that compute beside other programs. */
#include "prompt/run/team.h"

#include <math.h>

#include "prompt/base/clock.h"
#include "prompt/base/process.h"
#include "prompt/torch/torch.h"

static const double WINDOW_S = 0.25;        /* of work, at least, before anything is decided */
static const double BUSY = 0.1;             /* threads that wait for a processor, on average */
static const double BETTER = 0.97;          /* a trial's time of an image, at most, for it to stay */
static const double SHORTEST_PAUSE_S = 1.0; /* between trials; doubled after each that was no better */
static const double LONGEST_PAUSE_S = 30.0;
static const double SHORTEST_PAUSE = 5.0, LONGEST_PAUSE = 40.0; /* in windows, which a long step makes long */

void team_open(struct team *out, int64_t n_threads, bool is_fixed)
{
    *out = (struct team){.n_most = n_threads, .n = n_threads, .is_fixed = is_fixed || n_threads == 1};
}

/* What the window at hand has shown. */
struct window {
    double image_s; /* of an image */
    double busy;    /* threads that waited for a processor, on average */
    double seconds;
};

static struct window end_window(struct team *t, double now_s, double delay_s)
{
    const double seconds = now_s - t->began_s, delay = delay_s - t->delay_s;
    const struct window w = {.image_s = t->work_s / (double)t->n_images,
                             .busy = fmax(delay, 0.0) / seconds, /* threads that have ended count no more */
                             .seconds = seconds};
    t->began_s = now_s;
    t->delay_s = delay_s;
    t->work_s = 0.0;
    t->n_images = 0;
    return w;
}

/* Fewer threads, by those that waited. */
static int64_t fewer(const struct team *t, const struct window *w)
{
    const int64_t n = t->n - (int64_t)fmax(1.0, round(w->busy));
    return n > 1 ? n : 1;
}

static int64_t more(const struct team *t)
{
    const int64_t n = t->n + (t->n < 8 ? 1 : t->n / 4);
    return n < t->n_most ? n : t->n_most;
}

static void end_trial(struct team *t, const struct window *w, double now_s)
{
    const bool is_better = w->image_s < BETTER * t->image_s;
    const bool are_too_many = t->n < t->n_before && t->n > 1 && w->busy > BUSY;
    if (!is_better && are_too_many) { /* one still holds up all */
        t->n = fewer(t, w);
        return;
    }
    const double longest_s = fmax(LONGEST_PAUSE_S, LONGEST_PAUSE * w->seconds);
    t->pause_s = fmax(is_better ? 0.0 : fmin(2.0 * t->pause_s, longest_s),
                      fmax(SHORTEST_PAUSE_S, SHORTEST_PAUSE * w->seconds));
    t->next_s = now_s + t->pause_s;
    if (!is_better)
        t->n = t->n_before;
    t->n_before = 0;
}

static void begin_trial(struct team *t, const struct window *w)
{
    const int64_t n = w->busy > BUSY && t->n > 1 ? fewer(t, w) : more(t);
    if (n == t->n)
        return;
    t->n_before = t->n;
    t->image_s = w->image_s;
    t->n = n;
}

bool team_add(struct team *t, double seconds, int64_t n_images)
{
    t->work_s += seconds;
    t->n_images += n_images;
    return t->n_images > 0 && (t->began_s == 0.0 || t->work_s >= WINDOW_S);
}

void team_choose(struct team *t, double now_s, double delay_s)
{
    const bool is_first = t->began_s == 0.0; /* the first piece of work also prepares what all others use */
    const struct window w = end_window(t, now_s, delay_s);
    if (is_first)
        return;
    if (t->n_before > 0)
        end_trial(t, &w, now_s);
    else if (now_s >= t->next_s)
        begin_trial(t, &w);
}

bool team_note(struct team *t, double seconds, int64_t n_images)
{
    const int64_t before = t->n;
    if (t->is_fixed || !team_add(t, seconds, n_images))
        return false;
    const bool is_trial = t->n_before > 0;
    team_choose(t, clock_s(), process_delay_s());
    if (t->n != before)
        torch_use_threads(t->n);
    const bool is_news = is_trial && t->n_before == 0 && t->n < t->n_most && !t->has_told;
    t->has_told = t->has_told || is_news;
    return is_news;
}
