/* SPDX-License-Identifier: MIT */
/* run.c - pen-jail run: one fresh sandbox for one command */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "command.h"
#include "options.h"
#include "sandbox.h"
#include "stats.h"
#include "util.h"

struct run {
	struct sandbox sandbox;
	struct client client;
	int64_t begin_ms;
	bool timed_out;
};

static int run_start_command(struct run *run, const struct options *options)
{
	char *no_env[] = {NULL};
	int payload = client_pack("", options->argv, no_env);
	int result;

	if (payload < 0)
		return -1;
	result = client_start(&run->client, &run->sandbox.loop,
			      run->sandbox.init, payload, options->argv[0],
			      options->stats != NULL);
	close(payload);
	return result;
}

/* Until the command ends, its time is up, or the sandbox is gone. */
static void run_wait(struct run *run, const struct options *options)
{
	while (!run->client.ended) {
		/* Counted from the command's own start, which comes later. */
		int64_t deadline =
			run->client.start_ms + (int64_t)options->timeout_ms;
		int64_t left = -1;
		int number;

		if (options->timeout_ms)
			left = deadline - util_now_ms();
		if (options->timeout_ms && left <= 0) {
			run->timed_out = true;
			break;
		}
		sandbox_turn(&run->sandbox,
			     left > INT32_MAX ? INT32_MAX : (int)left);
		while ((number = sandbox_take_signal(&run->sandbox)))
			client_signal(&run->client, number);
	}
}

static int run_finish(struct run *run)
{
	if (run->timed_out) {
		run->client.end_ms = util_now_ms();
		run->client.exit_code = JAIL_EXIT_TIMED_OUT;
	}
	sandbox_kill(&run->sandbox);
	client_finish(&run->client, true);
	if (run->timed_out)
		util_report("%s: timed out, killed", run->client.program);
	return run->client.exit_code;
}

static int run_write_stats(const struct run *run, const char *path, int code)
{
	const struct client *client = &run->client;
	const struct sandbox *sandbox = &run->sandbox;
	struct limits_usage usage;
	struct stats stats = {
		.duration_ms = client->end_ms - client->asked_ms,
		.setup_ms = client->asked_ms - run->begin_ms,
		.exit_code = code,
		.timed_out = run->timed_out,
		.oom_killed = sandbox->oom_killed,
		.peak_memory_bytes = sandbox->largest_bytes,
		.cpu_ms = sandbox->cpu_ms,
		.limits = limits_name(&sandbox->limits),
		.capture = sandbox->netns.capture,
		.stdout_bytes = client->streams[1].count + client->screen.count,
		.stderr_bytes = client->streams[2].count,
	};
	char *text;
	int result;

	if (client->ran && WIFSIGNALED(client->wait_status))
		stats.signal = WTERMSIG(client->wait_status);
	if (sandbox->peak_bytes > stats.peak_memory_bytes)
		stats.peak_memory_bytes = sandbox->peak_bytes;
	/* The command's own figures, should those of the whole be lost. */
	if (client->peak_bytes > stats.peak_memory_bytes)
		stats.peak_memory_bytes = client->peak_bytes;
	if (client->cpu_ms > stats.cpu_ms)
		stats.cpu_ms = client->cpu_ms;
	if (limits_measure(&sandbox->limits, &usage)) {
		stats.oom_killed = usage.oom_killed;
		stats.cpu_ms = usage.cpu_ms;
		if (usage.peak_bytes)
			stats.peak_memory_bytes = usage.peak_bytes;
	}
	text = stats_format(&stats);
	result = util_replace_file(path, text);
	if (result)
		util_report("%s: %s", path, strerror(errno));
	free(text);
	return result;
}

int command_run(const struct options *options)
{
	struct run *run = util_allocate(1, sizeof(*run));
	int code = JAIL_EXIT_FAILED;

	if (options->die_with_parent)
		util_die_with_parent(getppid());
	run->begin_ms = util_now_ms();
	sandbox_init(&run->sandbox);
	if (sandbox_open(&run->sandbox, options)) {
		if (run->sandbox.aborted)
			code = JAIL_EXIT_SIGNAL + run->sandbox.aborted;
	} else if (run_start_command(run, options) == 0) {
		run_wait(run, options);
		code = run_finish(run);
		if (options->stats &&
		    run_write_stats(run, options->stats, code))
			code = JAIL_EXIT_FAILED;
	}
	client_finish(&run->client, false);
	sandbox_close(&run->sandbox);
	free(run);
	return code;
}
