/* SPDX-License-Identifier: MIT */
/* stats.h - the result of a run, as JSON */
#ifndef PEN_JAIL_STATS_H
#define PEN_JAIL_STATS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct stats - What --stats writes; the member names are the keys
 */
struct stats {
	int64_t duration_ms;
	int64_t setup_ms; /* from the start of pen-jail to the command's */
	int exit_code;    /* pen-jail's own */
	int signal;       /* that ended the command; 0: none, null in JSON */
	bool timed_out;
	bool oom_killed;
	uint64_t peak_memory_bytes;
	uint64_t cpu_ms;
	const char *limits;
	bool capture;
	uint64_t stdout_bytes;
	uint64_t stderr_bytes;
};

/**
 * stats_format() - One JSON object and a newline
 * @stats: complete
 *
 * Return: text, owned by the caller.
 */
char *stats_format(const struct stats *stats);

#endif /* PEN_JAIL_STATS_H */
