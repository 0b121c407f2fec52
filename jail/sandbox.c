/* SPDX-License-Identifier: MIT */
/* sandbox.c - start, watch and end one sandbox with its proxy */
/*
 * Theory of operation
 *
 *   pen-jail                     the caller's namespaces; subreaper of all
 *     pen-proxy                  the caller's namespaces
 *     pen-setup                  outer user namespace, sandbox's network
 *       bwrap                    the same, PID 1 of an outer PID namespace
 *         pen-jail init N        inner user namespace, PID 1 of its own
 *           session, command ...
 *     janitor                    if there are files to remove after SIGKILL
 *
 * A child of pen-jail makes the outer user namespace and the network, sends
 * the sockets back, and starts bubblewrap, which builds the file system and
 * starts init.  Meanwhile pen-jail starts pen-proxy with the sockets.  Init
 * runs nothing until it is told to, and it is told to when the proxy is
 * ready.
 *
 * Each process is killed by the kernel when its parent dies, so the death of
 * pen-jail is the death of all.  These are in one process group,
 * which is how pen-jail waits for both and for nothing else.
 */
#include "sandbox.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "control.h"
#include "endpoint.h"
#include "env.h"
#include "setup.h"
#include "userns.h"
#include "util.h"

#define SANDBOX_START_MS 10000
#define SANDBOX_BACKOFF_MAX_MS 5000
/* How long init may take to end everything. */
#define SANDBOX_END_MS 1000
/* A proxy that ran this long gets a quick restart again. */
#define SANDBOX_PROXY_STABLE_MS 30000
/* pen-proxy finishes its log after the first SIGTERM, ends at the second. */
#define SANDBOX_PROXY_TERM_MS 300

extern char **environ;

/* Return: whether there was a message. */
static bool sandbox_hear_init(struct sandbox *sandbox)
{
	struct control_message message;
	int fds[CONTROL_FD_MAX];
	size_t count;
	int got;

	got = control_receive(sandbox->init, &message, fds, &count);
	if (got < 0 && errno == EAGAIN)
		return false;
	while (got > 0 && count > 0)
		close(fds[--count]);
	if (got <= 0) {
		sandbox->over = true;
		loop_forget(&sandbox->loop, sandbox->init);
		return false;
	}
	if (message.type == CONTROL_READY)
		sandbox->ready = true;
	if (message.type == CONTROL_OOM)
		sandbox->oom_killed = true;
	if ((message.type == CONTROL_OOM || message.type == CONTROL_PEAK) &&
	    message.number[0] > sandbox->peak_bytes)
		sandbox->peak_bytes = message.number[0];
	return true;
}

static void sandbox_hear_init_cb(void *arg, short revents)
{
	(void)revents;
	sandbox_hear_init(arg);
}

static void sandbox_hear_proxy_cb(void *arg, short revents)
{
	struct sandbox *sandbox = arg;
	int fd = sandbox->proxy.ready_fd;
	int heard;

	(void)revents;
	heard = proxy_hear(&sandbox->proxy);
	if (heard != 0)
		loop_forget(&sandbox->loop, fd);
	if (heard > 0)
		sandbox->proxied = true;
}

static int sandbox_start_proxy(struct sandbox *sandbox)
{
	if (proxy_start(&sandbox->proxy))
		return -1;
	return loop_watch(&sandbox->loop, sandbox->proxy.ready_fd, POLLIN,
			  sandbox_hear_proxy_cb, sandbox);
}

static void sandbox_count_usage(struct sandbox *sandbox,
				const struct rusage *usage)
{
	uint64_t largest = (uint64_t)usage->ru_maxrss * 1024;

	sandbox->cpu_ms +=
		(uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) *
			1000 +
		(uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) /
			1000;
	if (largest > sandbox->largest_bytes)
		sandbox->largest_bytes = largest;
}

static void sandbox_lose_proxy(struct sandbox *sandbox, int status)
{
	struct proxy *proxy = &sandbox->proxy;

	proxy->pid = 0;
	if (proxy->ready_fd >= 0)
		loop_forget(&sandbox->loop, proxy->ready_fd);
	util_close(&proxy->ready_fd);
	if (!sandbox->proxied) {
		proxy_explain_end(status, "the sandbox is not started");
		sandbox->over = true;
		return;
	}
	proxy_explain_end(status, "nothing leaves the sandbox until it is "
				  "started again");
	if (util_now_ms() - proxy->start_ms > SANDBOX_PROXY_STABLE_MS)
		proxy->backoff_ms /= 32;
	sandbox->restart_ms = util_now_ms() + proxy->backoff_ms;
	proxy->backoff_ms = proxy->backoff_ms * 2 + 1;
	if (proxy->backoff_ms > SANDBOX_BACKOFF_MAX_MS)
		proxy->backoff_ms = SANDBOX_BACKOFF_MAX_MS;
}

static void sandbox_reap(struct sandbox *sandbox)
{
	struct rusage usage;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
		if (pid == sandbox->proxy.pid) {
			sandbox_lose_proxy(sandbox, status);
			continue;
		}
		if (pid == sandbox->janitor.pid) {
			sandbox->janitor.pid = 0;
			continue;
		}
		if (pid == sandbox->setup) {
			sandbox->setup = 0;
			sandbox->over = true;
		}
		sandbox_count_usage(sandbox, &usage);
	}
}

int sandbox_take_signal(struct sandbox *sandbox)
{
	struct signalfd_siginfo info;

	while (read(sandbox->signals, &info, sizeof(info)) ==
	       (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGCHLD)
			return (int)info.ssi_signo;
		sandbox_reap(sandbox);
	}
	return 0;
}

void sandbox_turn(struct sandbox *sandbox, int timeout_ms)
{
	if (sandbox->restart_ms) {
		int64_t left = sandbox->restart_ms - util_now_ms();

		if (left <= 0) {
			sandbox->restart_ms = 0;
			sandbox_start_proxy(sandbox);
			left = INT_MAX;
		}
		if (timeout_ms < 0 || left < timeout_ms)
			timeout_ms = (int)left;
	}
	loop_turn(&sandbox->loop, timeout_ms);
}

static int sandbox_configure(struct sandbox *sandbox)
{
	const struct options *options = sandbox->options;
	bool watch = options->memory_bytes && !sandbox->limits.cgroup;
	struct control_message message = {
		.type = CONTROL_CONFIG,
		.flags = watch ? CONTROL_WATCH_MEMORY : 0,
		.number = {options->memory_bytes,
			   sandbox->limits.cgroup ? 0 : options->pids},
	};
	const char *user = getenv("USER");
	char *folders[] = {sandbox->paths.inside, NULL};
	struct env env;
	int payload;
	int result;
	size_t i;

	env_build(&env, sandbox->paths.inside, user && *user ? user : "user",
		  environ, !options->no_network);
	for (i = 0; i < options->env_count; i++)
		env_set(&env, options->env[i]);
	payload = client_pack(sandbox->paths.workdir, folders, env.strings);
	env_fini(&env);
	if (payload < 0)
		return -1;
	result = control_send(sandbox->init, &message, &payload, 1);
	/* One that has ended already is explained by sandbox_wait_ready(). */
	if (result && errno == EPIPE)
		result = 0;
	if (result)
		util_report("cannot reach the sandbox: %s", strerror(errno));
	close(payload);
	return result;
}

/* What bubblewrap's words mean, where they do not say it. */
static void sandbox_explain(const char *line)
{
	char *reason;

	if (strstr(line, "mount proc")) {
		util_report("/proc is partly covered, as in a container; start "
			    "that with an open /proc (Docker: --security-opt "
			    "systempaths=unconfined, Podman: --security-opt "
			    "unmask=ALL)");
	} else if (strstr(line, "bwrap: Unknown option")) {
		util_report("this bubblewrap is too old; 0.7 or newer is "
			    "needed");
	} else if (strstr(line, "uid map") || strstr(line, "namespace")) {
		reason =
			userns_explain(strstr(line, "ENOSPC") ? ENOSPC : EPERM);
		util_report("%s", reason);
		free(reason);
	}
}

/* bubblewrap's own words about why it failed. */
static void sandbox_show_errors(const struct sandbox *sandbox)
{
	char text[2048];
	char *line, *rest = text;
	ssize_t len = read(sandbox->errors, text, sizeof(text) - 1);

	if (len <= 0)
		return;
	text[len] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		if (!*line)
			continue;
		util_report("%s", line);
		sandbox_explain(line);
	}
}

/* Wait until init and, with a network, the proxy are ready. */
static int sandbox_wait_ready(struct sandbox *sandbox)
{
	bool want_proxy = !sandbox->options->no_network;
	int64_t deadline = util_now_ms() + SANDBOX_START_MS;

	while (!sandbox->ready || (want_proxy && !sandbox->proxied)) {
		int64_t left = deadline - util_now_ms();

		sandbox->aborted = sandbox_take_signal(sandbox);
		if (sandbox->aborted == SIGWINCH ||
		    sandbox->aborted == SIGCONT || sandbox->aborted == SIGTSTP)
			sandbox->aborted = 0;
		if (sandbox->aborted)
			return -1;
		if (sandbox->over) {
			sandbox_kill(sandbox);
			sandbox_show_errors(sandbox);
			if (!sandbox->ready && sandbox->proxy.pid)
				util_report("the sandbox could not be "
					    "started");
			return -1;
		}
		if (left <= 0) {
			util_report("%s was not ready within %d seconds",
				    sandbox->ready ? "pen-proxy"
						   : "the sandbox",
				    SANDBOX_START_MS / 1000);
			return -1;
		}
		sandbox_turn(sandbox, (int)left);
	}
	return 0;
}

static void sandbox_wake_cb(void *arg, short revents)
{
	/* The signal is read by sandbox_take_signal() after the turn. */
	(void)arg;
	(void)revents;
}

static int sandbox_prepare(struct sandbox *sandbox)
{
	const struct options *options = sandbox->options;
	struct limits_ask ask = {
		.memory_bytes = options->memory_bytes,
		.cpu_milli = options->cpu_milli,
		.pids = options->pids,
	};
	struct janitor_work work;

	sandbox->signals = client_block_signals();
	if (sandbox->signals < 0 || paths_check(&sandbox->paths, options))
		return -1;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		util_report("cannot become a subreaper: %s", strerror(errno));
		return -1;
	}
	if (!options->no_network) {
		sandbox->proxy.program = proxy_find(options->proxy);
		if (!sandbox->proxy.program)
			return -1;
	}
	if (limits_open(&sandbox->limits, &ask, getuid() == 0))
		return -1;
	if (options->control) {
		sandbox->listener = endpoint_open();
		if (sandbox->listener < 0)
			return -1;
	}
	work.listener = sandbox->listener;
	work.socket = options->control;
	work.file = options->proxy_ready_file;
	work.cgroup = sandbox->limits.cgroup;
	return janitor_start(&sandbox->janitor, &work);
}

void sandbox_init(struct sandbox *sandbox)
{
	size_t i;

	memset(sandbox, 0, sizeof(*sandbox));
	sandbox->signals = sandbox->init = sandbox->errors = -1;
	sandbox->janitor.link = sandbox->proxy.ready_fd = -1;
	sandbox->proxy.errors = sandbox->listener = -1;
	for (i = 0; i < NETNS_SOCKETS; i++)
		sandbox->netns.fds[i] = -1;
}

int sandbox_open(struct sandbox *sandbox, const struct options *options)
{
	sandbox->options = options;
	sandbox->proxy.config = options->proxy_config;
	sandbox->proxy.netns = &sandbox->netns;
	if (sandbox_prepare(sandbox) || setup_fork(sandbox) ||
	    loop_watch(&sandbox->loop, sandbox->signals, POLLIN,
		       sandbox_wake_cb, NULL) ||
	    loop_watch(&sandbox->loop, sandbox->init, POLLIN,
		       sandbox_hear_init_cb, sandbox) ||
	    (!options->no_network && sandbox_start_proxy(sandbox)) ||
	    sandbox_configure(sandbox) || sandbox_wait_ready(sandbox))
		return -1;
	if (options->proxy_ready_file && !options->no_network &&
	    util_replace_file(options->proxy_ready_file,
			      sandbox->proxy.ready)) {
		util_report("%s: %s", options->proxy_ready_file,
			    strerror(errno));
		return -1;
	}
	return 0;
}

/* Reap what ended of the group.  Return: whether some of it is left. */
static bool sandbox_reap_group(struct sandbox *sandbox, pid_t group, int flags)
{
	struct rusage usage;
	pid_t pid;

	while ((pid = wait4(-group, NULL, flags, &usage)) > 0 ||
	       (pid < 0 && errno == EINTR))
		if (pid > 0)
			sandbox_count_usage(sandbox, &usage);
	return pid == 0;
}

/* Init ends the rest and is counted; if it does not, kill from outside. */
static void sandbox_end_group(struct sandbox *sandbox, pid_t group)
{
	struct pollfd wait = {.fd = sandbox->signals, .events = POLLIN};
	int64_t deadline =
		util_now_ms() + (sandbox->ready ? SANDBOX_END_MS : 0);
	struct signalfd_siginfo info;
	int64_t left;

	/* It may not have made the group yet. */
	if (!sandbox->ready && sandbox->setup > 0) {
		kill(sandbox->setup, SIGKILL);
		while (waitpid(sandbox->setup, NULL, 0) < 0 && errno == EINTR)
			;
	}
	while (sandbox_reap_group(sandbox, group, WNOHANG)) {
		left = deadline - util_now_ms();
		if (left <= 0) {
			kill(-group, SIGKILL);
			sandbox_reap_group(sandbox, group, 0);
			return;
		}
		poll(&wait, 1, (int)left);
		while (read(sandbox->signals, &info, sizeof(info)) > 0)
			;
	}
}

void sandbox_kill(struct sandbox *sandbox)
{
	struct pollfd last = {.fd = sandbox->init, .events = POLLIN};
	pid_t group = sandbox->group;

	if (sandbox->init >= 0) {
		/* The command's end may have been heard before why it ended. */
		while (poll(&last, 1, 0) > 0 && sandbox_hear_init(sandbox))
			;
		loop_forget(&sandbox->loop, sandbox->init);
	}
	util_close(&sandbox->init);
	/*
	 * The kernel lets PID 1 of a namespace go only when every process of
	 * it is gone; what outlives its parent in the group becomes ours.
	 */
	if (group > 0)
		sandbox_end_group(sandbox, group);
	sandbox->group = sandbox->setup = 0;
	sandbox->over = true;
}

/* Return: whether it is gone. */
static bool sandbox_await_proxy(struct sandbox *sandbox, int64_t wait_ms)
{
	struct pollfd wait = {.fd = sandbox->signals, .events = POLLIN};
	int64_t deadline = util_now_ms() + wait_ms;
	struct signalfd_siginfo info;

	for (;;) {
		int64_t left = deadline - util_now_ms();
		pid_t got = waitpid(sandbox->proxy.pid, NULL, WNOHANG);

		if (got == sandbox->proxy.pid || (got < 0 && errno == ECHILD))
			return true;
		if (left <= 0)
			return false;
		poll(&wait, 1, (int)left);
		while (read(sandbox->signals, &info, sizeof(info)) > 0)
			;
	}
}

static void sandbox_end_proxy(struct sandbox *sandbox)
{
	pid_t pid = sandbox->proxy.pid;

	if (pid <= 0)
		return;
	if (kill(pid, SIGTERM) == 0 &&
	    sandbox_await_proxy(sandbox, SANDBOX_PROXY_TERM_MS))
		return;
	if (kill(pid, SIGTERM) == 0 &&
	    sandbox_await_proxy(sandbox, SANDBOX_PROXY_TERM_MS))
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void sandbox_close(struct sandbox *sandbox)
{
	size_t i;

	sandbox_kill(sandbox);
	for (i = 0; i < NETNS_SOCKETS; i++)
		util_close(&sandbox->netns.fds[i]);
	sandbox_end_proxy(sandbox);
	proxy_fini(&sandbox->proxy);
	limits_close(&sandbox->limits);
	janitor_stop(&sandbox->janitor);
	util_close(&sandbox->listener);
	util_close(&sandbox->errors);
	util_close(&sandbox->proxy.errors);
	util_close(&sandbox->signals);
	paths_fini(&sandbox->paths);
}
