/* SPDX-License-Identifier: MIT */
/* hist.c - a histogram of durations, exact to one part in 64 */

#include "tests/bench/hist.h"

#include <stddef.h>

/* Values below HIST_STEPS have a bucket each; above, the top 6 bits after the
 * leading one choose among those of their power of two. */
static size_t hist_index(uint64_t value)
{
	unsigned int shift;

	if (value < HIST_STEPS)
		return (size_t)value;
	shift = 63U - (unsigned int)__builtin_clzll(value) - 6U;
	return (size_t)(shift * HIST_STEPS + (value >> shift));
}

static uint64_t hist_middle(size_t index)
{
	unsigned int shift;

	if (index < 2 * HIST_STEPS)
		return index;
	shift = (unsigned int)(index / HIST_STEPS) - 1U;
	return ((uint64_t)(index % HIST_STEPS + HIST_STEPS) << shift) +
	       ((1ULL << shift) >> 1);
}

void hist_put(struct hist *h, uint64_t value)
{
	h->bucket[hist_index(value)]++;
	h->count++;
	if (value > h->most)
		h->most = value;
}

uint64_t hist_at(const struct hist *h, double share)
{
	const uint64_t wanted = (uint64_t)(share * (double)h->count);
	uint64_t seen = 0;
	size_t i;

	for (i = 0; i < HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen > wanted)
			return hist_middle(i);
	}
	return h->most;
}
