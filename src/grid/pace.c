/* The time that jobs take. */
#include "prompt/grid/pace.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "prompt/base/error.h"

int grid_pace_open(struct grid_pace *out, size_t n_rows)
{
    *out = (struct grid_pace){.seconds = calloc(n_rows + 1, sizeof *out->seconds),
                              .work = calloc(n_rows + 1, sizeof *out->work),
                              .n_rows = n_rows};
    return out->seconds && out->work ? OK : error_out_of_memory();
}

void grid_pace_free(struct grid_pace *p)
{
    free(p->seconds);
    free(p->work);
    *p = (struct grid_pace){0};
}

void grid_pace_add(struct grid_pace *p, size_t row, double work, double seconds)
{
    p->work[row] += work;
    p->seconds[row] += seconds;
}

double grid_pace_seconds(const struct grid_pace *p, size_t row, double work)
{
    double past_s = p->seconds[row], past_work = p->work[row];
    const bool has_ended = past_work > 0.0;
    for (size_t r = 0; !has_ended && r < p->n_rows; r++) {
        past_s += p->seconds[r];
        past_work += p->work[r];
    }
    return past_work > 0.0 ? work * past_s / past_work : 0.0;
}

double grid_pace_left(double waiting_s, const double *running_s, size_t n_slots)
{
    double total = waiting_s, longest = 0.0;
    for (size_t i = 0; i < n_slots; i++) {
        total += fmax(running_s[i], 0.0);
        longest = fmax(running_s[i], longest);
    }
    return fmax(total / (double)n_slots, longest);
}
