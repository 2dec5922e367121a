/**
 * How many of the program's threads compute, while other programs want the same processors. OpenMP's threads wait
 * for one another at each operation, so one whose processor is taken stops all: beside one other program, two
 * threads on two processors are slower than one. The choice changes no number (torch_use_threads).
 */
#ifndef PROMPT_RUN_TEAM_H
#define PROMPT_RUN_TEAM_H

#include <stdbool.h>
#include <stdint.h>

/** Chosen by trial: where threads wait for processors, a few pieces of work are computed by fewer threads, and the
 * faster number stays; from time to time more are tried. All times are in seconds. */
struct team {
    int64_t n_most; /* threads that there are */
    int64_t n;      /* that compute */
    bool is_fixed;  /* n stays */
    /* the work since the window began */
    double began_s, delay_s; /* when, and the delay of all threads until then */
    double work_s;
    int64_t n_images;
    /* trials */
    int64_t n_before; /* threads before the trial at hand; 0: there is none */
    double image_s;   /* of an image, with those */
    double next_s;    /* when the next trial may begin */
    double pause_s;   /* after the last trial */
    bool has_told;    /* team_note has returned true */
};

/** All threads compute.
 * @param is_fixed  whether they always do */
void team_open(struct team *out, int64_t n_threads, bool is_fixed);
/**
 * Notes that `n_images` took `seconds`, which other pieces of work with as many images take as well, and sets the
 * number of threads for the next. Call it in the thread that computes.
 * @return whether fewer threads compute from now on, for the first time
 */
bool team_note(struct team *t, double seconds, int64_t n_images);

/** What team_note consists of. Adds a piece of work.
 * @return whether there is enough for a choice */
bool team_add(struct team *t, double seconds, int64_t n_images);
/** Chooses t->n for the next pieces of work by those since the last choice.
 * @param now_s    the time, from any moment on, not 0
 * @param delay_s  that all threads have waited for a processor, together, from any moment on */
void team_choose(struct team *t, double now_s, double delay_s);

#endif
