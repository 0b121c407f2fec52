/* SPDX-License-Identifier: MIT */
/* stats.c - the result of a run, as JSON */
#include "stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

static const char *stats_bool(bool value)
{
	return value ? "true" : "false";
}

char *stats_format(const struct stats *stats)
{
	char signal[16] = "null";

	if (stats->signal)
		snprintf(signal, sizeof(signal), "%d", stats->signal);
	return util_format(
		"{\"duration_ms\":%" PRId64 ",\"setup_ms\":%" PRId64
		",\"exit_code\":%d,\"signal\":%s,\"timed_out\":%s,"
		"\"oom_killed\":%s,\"peak_memory_bytes\":%" PRIu64
		",\"cpu_ms\":%" PRIu64 ",\"limits\":\"%s\",\"capture\":%s,"
		"\"stdout_bytes\":%" PRIu64 ",\"stderr_bytes\":%" PRIu64 "}\n",
		stats->duration_ms, stats->setup_ms, stats->exit_code, signal,
		stats_bool(stats->timed_out), stats_bool(stats->oom_killed),
		stats->peak_memory_bytes, stats->cpu_ms, stats->limits,
		stats_bool(stats->capture), stats->stdout_bytes,
		stats->stderr_bytes);
}
