/* SPDX-License-Identifier: MIT */
/* audit.c - refusals alone: to a file, to syslog, to a program */

/*
 * Theory of operation
 *
 * File and program have a queue each (sink.h).  audit_line() queues and writes
 * at once; what a descriptor does not take stays queued, up to 1 MiB, and is
 * tried again by audit_tick().  A line that finds no room is lost and counted.
 *
 * The program runs from audit_open() on: its process, or none, is @pid.  It
 * ends by itself, or is told to (SIGTERM) when it has closed its standard
 * input; it is reaped by audit_tick() without waiting, and started again
 * @wait_ms later, which doubles from 1 s to 60 s unless it had run for a
 * minute.  What such a program took and did not use is gone, uncounted.
 */

#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base.h"
#include "sink.h"

#define AUDIT_QUEUE_MAX (1 << 20)
#define AUDIT_WAIT_MIN_MS 1000
#define AUDIT_WAIT_MAX_MS 60000

/**
 * struct audit_state - Everything, behind one lock
 * @file, @program: queues; @fd is -1 where there is no such descriptor now
 * @path, @command: owned, NULL where such a sink is not wanted
 * @pid:        the program's process; 0 for none
 * @started_ms: monotonic, when it was started
 * @start_at_ms: monotonic, when it is to be started again
 * @wait_ms:    how long it is waited for that
 * @syslog_lost: lines that syslog did not take
 * @said:       a failure was said on standard error, and not overcome since
 */
static struct {
	pthread_mutex_t lock;
	struct sink file, program;
	struct sink_syslog syslog;
	char *path, *command;
	pid_t pid;
	uint64_t started_ms, start_at_ms, wait_ms, syslog_lost;
	bool said;
} audit_state = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.file = {.fd = -1, .max = AUDIT_QUEUE_MAX},
	.program = {.fd = -1, .max = AUDIT_QUEUE_MAX},
	.syslog = {.fd = -1, .facility = -1},
};

/* A pipe whose ends no other program inherits; the writing one never blocks. */
static int audit_pipe(int ends[2])
{
	if (pipe(ends) != 0)
		return -errno;
	if (fcntl(ends[0], F_SETFD, FD_CLOEXEC) != 0 ||
	    fcntl(ends[1], F_SETFD, FD_CLOEXEC) != 0 ||
	    fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0) {
		int error = errno;

		close(ends[0]);
		close(ends[1]);
		return -error;
	}
	return 0;
}

/*
 * What the program is to find: its input, our standard error for its output,
 * no other descriptor, no signal ignored or blocked, a process group of its
 * own, so that Ctrl-C at the proxy lets it read to the end.
 */
static int audit_spawn(const char *command, int input, pid_t *pid)
{
	char *argv[] = {(char *)(uintptr_t)command, NULL}, *envp[] = {NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawn_file_actions_init(&files) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&files);
		return -ENOMEM;
	}
	error = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&files, STDERR_FILENO,
							 STDOUT_FILENO);
	if (!error)
		error = posix_spawnattr_setsigmask(&attributes, &none);
	if (!error)
		error = posix_spawnattr_setsigdefault(&attributes, &all);
	if (!error)
		error = posix_spawnattr_setpgroup(&attributes, 0);
	if (!error)
		error = posix_spawnattr_setflags(&attributes,
						 POSIX_SPAWN_SETSIGMASK |
							 POSIX_SPAWN_SETSIGDEF |
							 POSIX_SPAWN_SETPGROUP);
	if (!error)
		error = posix_spawn(pid, command, &files, &attributes, argv,
				    envp);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return -error;
}

/* Return: 0 or a negative errno. */
static int audit_start(uint64_t now_ms)
{
	int ends[2], result;

	result = audit_pipe(ends);
	if (result != 0)
		return result;
	result = audit_spawn(audit_state.command, ends[0], &audit_state.pid);
	close(ends[0]);
	if (result != 0) {
		audit_state.pid = 0;
		close(ends[1]);
		return result;
	}
	sink_drop_torn(&audit_state.program);
	audit_state.program.fd = ends[1];
	audit_state.started_ms = now_ms;
	return 0;
}

static void audit_say(const char *what, const char *name, int error)
{
	if (!audit_state.said)
		sink_complain(what, name, error);
	audit_state.said = true;
}

static void audit_write_file(void)
{
	struct sink *s = &audit_state.file;
	size_t written;
	int result;

	if (s->fd < 0 || s->len == 0)
		return;
	result = sink_write(s, s->len, &written);
	if (result != 0)
		audit_say("cannot write", audit_state.path, -result);
	else if (written > 0)
		audit_state.said = false;
}

static void audit_write_program(void)
{
	struct sink *s = &audit_state.program;
	size_t written;
	int result;

	if (s->fd < 0 || s->len == 0)
		return;
	result = sink_write(s, s->len, &written);
	if (result == 0)
		return;
	/* It does not read any more; nothing else would make it end. */
	audit_say("cannot write to", audit_state.command, -result);
	close(s->fd);
	s->fd = -1;
	if (audit_state.pid > 0)
		kill(audit_state.pid, SIGTERM);
}

static void audit_reap(uint64_t now_ms)
{
	struct sink *s = &audit_state.program;

	if (audit_state.pid <= 0 ||
	    waitpid(audit_state.pid, NULL, WNOHANG) == 0)
		return;
	audit_state.pid = 0;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	if (audit_state.wait_ms == 0 ||
	    now_ms - audit_state.started_ms >= AUDIT_WAIT_MAX_MS)
		audit_state.wait_ms = AUDIT_WAIT_MIN_MS;
	audit_state.start_at_ms = now_ms + audit_state.wait_ms;
}

static void audit_restart(uint64_t now_ms)
{
	int result;

	if (!audit_state.command || audit_state.pid > 0 ||
	    now_ms < audit_state.start_at_ms)
		return;
	/* A program that ends at once, or cannot start, is tried ever less. */
	audit_state.wait_ms *= 2;
	if (audit_state.wait_ms > AUDIT_WAIT_MAX_MS)
		audit_state.wait_ms = AUDIT_WAIT_MAX_MS;
	audit_state.start_at_ms = now_ms + audit_state.wait_ms;
	result = audit_start(now_ms);
	if (result != 0)
		audit_say("cannot start", audit_state.command, -result);
	else
		audit_state.said = false;
}

int audit_open(const struct audit_options *options, char *error,
	       size_t error_cap)
{
	const char *what = "cannot open the audit file";
	const char *name = options->file;
	uint64_t size;
	int result = 0;

	audit_close();
	signal(SIGPIPE, SIG_IGN);
	pthread_mutex_lock(&audit_state.lock);
	if (options->file) {
		audit_state.path = strdup(options->file);
		result = audit_state.path ? sink_open_file(options->file, &size)
					  : -ENOMEM;
		audit_state.file.fd = result < 0 ? -1 : result;
	}
	if (result >= 0 && options->facility >= 0) {
		what = "cannot reach syslog for";
		name = "audit";
		result = sink_syslog_open(&audit_state.syslog,
					  options->facility);
	}
	if (result >= 0 && options->command) {
		what = "cannot start the audit command";
		name = options->command;
		audit_state.command = strdup(options->command);
		result = audit_state.command ? audit_start(base_mono_ms())
					     : -ENOMEM;
	}
	pthread_mutex_unlock(&audit_state.lock);
	if (result >= 0)
		return 0;
	snprintf(error, error_cap, "%s %s: %s", what, name, strerror(-result));
	audit_close();
	return -1;
}

void audit_line(const struct log_line *l)
{
	char copy[LOG_LINE_MAX];
	const char *line = l->buf;
	size_t len = l->len;

	if (!l->finished) {
		/* log_begin() and its like always leave room for the end. */
		memcpy(copy, l->buf, len);
		memcpy(copy + len, "}\n", 2);
		line = copy;
		len += 2;
	}
	pthread_mutex_lock(&audit_state.lock);
	if (audit_state.path) {
		sink_put(&audit_state.file, line, len);
		audit_write_file();
	}
	if (audit_state.command) {
		sink_put(&audit_state.program, line, len);
		audit_write_program();
	}
	if (audit_state.syslog.facility >= 0 &&
	    !sink_syslog_send(&audit_state.syslog, LOG_WARNING, line, len - 1))
		audit_state.syslog_lost++;
	pthread_mutex_unlock(&audit_state.lock);
}

bool audit_wants(void)
{
	bool wants;

	pthread_mutex_lock(&audit_state.lock);
	wants = audit_state.path || audit_state.command ||
		audit_state.syslog.facility >= 0;
	pthread_mutex_unlock(&audit_state.lock);
	return wants;
}

void audit_tick(uint64_t now_ms)
{
	pthread_mutex_lock(&audit_state.lock);
	audit_reap(now_ms);
	audit_restart(now_ms);
	audit_write_file();
	audit_write_program();
	pthread_mutex_unlock(&audit_state.lock);
}

void audit_reopen(void)
{
	struct sink *s = &audit_state.file;
	uint64_t size;
	int fd;

	pthread_mutex_lock(&audit_state.lock);
	if (audit_state.path) {
		audit_write_file();
		fd = sink_open_file(audit_state.path, &size);
		if (fd < 0) {
			audit_say("cannot open anew", audit_state.path, -fd);
		} else {
			sink_drop_torn(s);
			close(s->fd);
			s->fd = fd;
			audit_state.said = false;
			audit_write_file();
		}
	}
	pthread_mutex_unlock(&audit_state.lock);
}

uint64_t audit_lost(void)
{
	uint64_t lost;

	pthread_mutex_lock(&audit_state.lock);
	lost = audit_state.file.lost + audit_state.program.lost +
	       audit_state.syslog_lost;
	pthread_mutex_unlock(&audit_state.lock);
	return lost;
}

void audit_close(void)
{
	pthread_mutex_lock(&audit_state.lock);
	audit_write_file();
	audit_write_program();
	sink_fini(&audit_state.file);
	sink_fini(&audit_state.program);
	sink_syslog_close(&audit_state.syslog);
	audit_state.syslog.facility = -1;
	if (audit_state.pid > 0)
		waitpid(audit_state.pid, NULL, WNOHANG);
	audit_state.pid = 0;
	free(audit_state.path);
	free(audit_state.command);
	audit_state.path = audit_state.command = NULL;
	audit_state.wait_ms = audit_state.start_at_ms = 0;
	audit_state.said = false;
	pthread_mutex_unlock(&audit_state.lock);
}
