/** What prompt bench prints: a table row by row, or JSON at the end; behind a sweep, the fitted shares. */
#ifndef PROMPT_SRC_CLI_BENCH_REPORT_H
#define PROMPT_SRC_CLI_BENCH_REPORT_H

#include "prompt/run/bench.h"

/** What one measurement is of; the rest stands in the configuration. */
struct bench_point {
    bool train;
    enum encoder encoder;
    int64_t n_classes, n_images, n_iterations, depth, threads;
};

struct bench_report {
    const char *precision;
    bool as_json, has_profile;
    bool has_header; /* of the table */
    struct str json; /* points, separated by commas */
    struct speed_sample *samples;
    size_t n_samples, capacity;
};

/** @param ratio  seconds of this encoder to those of the one it is compared with; 0: not compared */
int bench_report_add(struct bench_report *report, const struct bench_point *p, const struct bench_result *r,
                     double ratio);
/** The JSON, and, if asked for, what speed_fit says of all points. */
int bench_report_end(struct bench_report *report, bool with_fit);
void bench_report_free(struct bench_report *report);

#endif
