/* SPDX-License-Identifier: MIT */
/* hist.h - a histogram of durations, exact to one part in 64 */

#ifndef PEN_BENCH_HIST_H
#define PEN_BENCH_HIST_H

#include <stdint.h>

/* Each power of two has this many buckets. */
#define HIST_STEPS 64
#define HIST_BUCKETS (HIST_STEPS * 59)

/**
 * struct hist - counts of durations; all zero is empty
 * @count: how many were put
 * @most:  the largest
 * @bucket: how many fell into each bucket
 */
struct hist {
	uint64_t count;
	uint64_t most;
	uint64_t bucket[HIST_BUCKETS];
};

/**
 * hist_put() - Count one duration
 */
void hist_put(struct hist *h, uint64_t value);

/**
 * hist_at() - The duration below which a share of all lies
 * @h:     the histogram
 * @share: 0.5 for the median; 0 to 1
 *
 * Return: the middle of that bucket; 0 if nothing was counted.
 */
uint64_t hist_at(const struct hist *h, double share);

#endif /* PEN_BENCH_HIST_H */
