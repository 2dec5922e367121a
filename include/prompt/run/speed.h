/** How fast this machine is at the model's own work, measured on the spot. */
#ifndef PROMPT_RUN_SPEED_H
#define PROMPT_RUN_SPEED_H

#include "prompt/run/session.h"

/** Rates of one machine, precision and encoder. */
struct machine_speed {
    double product_flop_s; /* matrix products as the encoder runs them */
    double bytes_s;        /* norms, residual, activation */
};

/** A short look (about 0.5 s for ViT-B/16 on two cores) for estimates. ERR_TORCH; ERR_MEMORY. */
int speed_measure(struct machine_speed *out, const struct session *s);

/** Seconds that the work takes at these rates; within 25 % of a step of the fast encoder (prompt bench). */
double speed_seconds(const struct machine_speed *v, const struct clip_work *work);

/** One measured step. */
struct speed_sample {
    struct machine_speed speed;
    struct clip_work work;
    double seconds;
};

/** The shares of the rates that samples reach, by least squares of relative errors. */
struct speed_fit {
    double product_share, attention_share; /* 0: not determined by the samples */
    double worst_error;                    /* largest |estimate / measured - 1| of speed_seconds */
    double fitted_worst_error;             /* of an estimate with the fitted shares */
};
struct speed_fit speed_fit(const struct speed_sample *samples, size_t n);

/**
 * The best rate, in FLOP/s, of any matrix product of the towers' shapes: packed, plain and (on a CPU) oneDNN
 * without packing, 8 repeats each. What a step's rate is compared with.
 * @param n_images  rows of the vision tower are those of so many images
 */
int speed_peak(double *flop_s, const struct session *s, int64_t n_images);

#endif
