/* SPDX-License-Identifier: MIT */
/* fuzz.h - what every fuzz target needs */
#ifndef PEN_FUZZ_H
#define PEN_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Holds in every build: NDEBUG does not turn it off. */
#define FUZZ_CHECK(condition)                                              \
	do {                                                               \
		if (!(condition)) {                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
				#condition);                               \
			abort();                                           \
		}                                                          \
	} while (0)

/*
 * How long the next piece of a stream is, by a small generator: resumable
 * parsers are fed in pieces that differ from input to input, but not from run
 * to run.
 */
static inline size_t fuzz_cut(uint32_t *seed, size_t left)
{
	size_t n;

	*seed = *seed * 1664525 + 1013904223;
	n = (*seed >> 16) % 37 + 1;
	return n < left ? n : left;
}

#endif
