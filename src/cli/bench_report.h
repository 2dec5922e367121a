/** The output of prompt bench: a table row by row, or JSON at the end. */
#ifndef PROMPT_SRC_CLI_BENCH_REPORT_H
#define PROMPT_SRC_CLI_BENCH_REPORT_H

#include "prompt/run/bench.h"

/** The settings of one measurement; the others are those of the configuration. */
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
};

/** @param ratio  this encoder's seconds by those of the one that it is compared with; 0: not compared */
int bench_report_add(struct bench_report *report, const struct bench_point *p, const struct bench_result *r,
                     double ratio);
/** Prints the JSON. */
int bench_report_end(struct bench_report *report);
void bench_report_free(struct bench_report *report);

#endif
