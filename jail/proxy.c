/* SPDX-License-Identifier: MIT */
/* proxy.c - the pen-proxy of a sandbox, a child of pen-jail */
#include "proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netns.h"
#include "util.h"

#define PROXY_FIRST_FD 3 /* SD_LISTEN_FDS_START of the systemd protocol */
#define PROXY_BACKOFF_MS 100

char *proxy_find(const char *wanted)
{
	char self[PATH_MAX];
	char *candidate = NULL;
	char *resolved;
	ssize_t len;

	if (!wanted)
		wanted = getenv("PEN_PROXY");
	if (wanted && *wanted) {
		candidate = util_format("%s", wanted);
	} else {
		len = readlink("/proc/self/exe", self, sizeof(self) - 1);
		self[len > 0 ? len : 0] = '\0';
		if (strrchr(self, '/'))
			*strrchr(self, '/') = '\0';
		candidate = util_format("%s/pen-proxy", self);
	}
	resolved = realpath(candidate, NULL);
	if (!resolved || access(resolved, X_OK)) {
		util_report("%s: %s; name pen-proxy with --proxy", candidate,
			    strerror(errno));
		free(resolved);
		resolved = NULL;
	}
	free(candidate);
	return resolved;
}

/*
 * Put the sockets on 3 and up, the ready descriptor after them, and nothing
 * else.  Everything is first moved out of the way of what it becomes.
 */
static int proxy_place_fds(const struct netns *netns, int ready_fd)
{
	int from[NETNS_SOCKETS + 1];
	int count = 0;
	int i;

	for (i = 0; i < (int)netns->count; i++)
		from[count++] = netns->fds[i];
	from[count++] = ready_fd;
	for (i = 0; i < count; i++) {
		from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 64);
		if (from[i] < 0)
			return -1;
	}
	for (i = 0; i < count; i++)
		if (dup2(from[i], PROXY_FIRST_FD + i) < 0)
			return -1;
	return PROXY_FIRST_FD + count - 1;
}

static _Noreturn void proxy_exec(const struct proxy *proxy, pid_t parent,
				 int ready_fd)
{
	char *env[32];
	char *argv[8];
	sigset_t none;
	size_t i = 0;
	int null;
	int fd;
	static const char *const kept[] = {
		"PATH",         "HOME",         "USER",   "LANG",
		"LC_ALL",       "TZ",           "TMPDIR", "XDG_RUNTIME_DIR",
		"ASAN_OPTIONS", "UBSAN_OPTIONS"};
	size_t k;

	util_die_with_parent(parent);
	/* A group of its own: what the keyboard sends is for the command. */
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 ||
	    (!proxy->config && dup2(proxy->errors, STDERR_FILENO) < 0))
		goto fail;
	fd = proxy_place_fds(proxy->netns, ready_fd);
	if (fd < 0)
		goto fail;
	for (k = 0; k < sizeof(kept) / sizeof(char *); k++)
		if (getenv(kept[k]))
			env[i++] =
				util_format("%s=%s", kept[k], getenv(kept[k]));
	env[i++] = util_format("LISTEN_FDS=%zu", proxy->netns->count);
	env[i++] = util_format("LISTEN_PID=%d", getpid());
	env[i++] = util_format("LISTEN_FDNAMES=%s", proxy->netns->names);
	env[i] = NULL;
	i = 0;
	argv[i++] = proxy->program;
	if (proxy->config) {
		argv[i++] = util_format("-c");
		argv[i++] = util_format("%s", proxy->config);
	}
	argv[i++] = util_format("--ready-fd");
	argv[i++] = util_format("%d", fd);
	argv[i] = NULL;
	execve(proxy->program, argv, env);
fail:
	util_report("%s: %s", proxy->program, strerror(errno));
	_exit(JAIL_EXIT_FAILED);
}

int proxy_start(struct proxy *proxy)
{
	pid_t parent = getpid();
	int ready[2];

	if (pipe2(ready, O_CLOEXEC))
		goto fail;
	if (fcntl(ready[0], F_SETFL, O_NONBLOCK))
		goto fail_pipe;
	proxy->pid = fork();
	if (proxy->pid < 0)
		goto fail_pipe;
	if (proxy->pid == 0)
		proxy_exec(proxy, parent, ready[1]);
	close(ready[1]);
	proxy->ready_fd = ready[0];
	proxy->ready_len = 0;
	proxy->ready[0] = '\0';
	proxy->start_ms = util_now_ms();
	if (!proxy->backoff_ms)
		proxy->backoff_ms = PROXY_BACKOFF_MS;
	return 0;
fail_pipe:
	close(ready[0]);
	close(ready[1]);
fail:
	proxy->pid = 0;
	proxy->ready_fd = -1;
	util_report("cannot start pen-proxy: %s", strerror(errno));
	return -1;
}

int proxy_hear(struct proxy *proxy)
{
	size_t room = sizeof(proxy->ready) - 1 - proxy->ready_len;
	ssize_t got;

	if (room == 0) {
		/* More than four addresses can take: say no more. */
		util_close(&proxy->ready_fd);
		return 1;
	}
	do
		got = read(proxy->ready_fd, proxy->ready + proxy->ready_len,
			   room);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return 0;
	if (got > 0) {
		proxy->ready_len += (size_t)got;
		proxy->ready[proxy->ready_len] = '\0';
		return 0;
	}
	util_close(&proxy->ready_fd);
	return proxy->ready_len > 0 ? 1 : -1;
}

void proxy_explain_end(int status, const char *next)
{
	if (WIFSIGNALED(status))
		util_report("pen-proxy was ended by signal %d; %s",
			    WTERMSIG(status), next);
	else
		util_report("pen-proxy ended with status %d; %s",
			    WEXITSTATUS(status), next);
}

void proxy_fini(struct proxy *proxy)
{
	util_close(&proxy->ready_fd);
	free(proxy->program);
	proxy->program = NULL;
}
