/* SPDX-License-Identifier: MIT */
/* probe.c - how long a proxy takes to start, and to take a new policy
 *
 * Usage: probe start --at ADDR:PORT --target HOST:PORT [--hello NAME]
 *              [--cpu N] -- CMD [ARG]...
 *        probe reload --at ADDR:PORT --target HOST:PORT [--hello NAME]
 *              --pid PID [--signal N] --swap NEW --file FILE
 *              --want allowed|refused
 *
 * `start` runs the command, asks for tunnels until one is opened, and ends the
 * command.  `reload` puts NEW in the place of FILE, sends a signal, and asks
 * for tunnels until the answer is the one that is wanted; an attempt that is
 * neither allowed nor refused counts as lost.  One JSON object on stdout.
 *
 * A proxy that goes on serving while it reloads has answers to give meanwhile,
 * on the core on which it reloads.  So there are pauses, each an eighth of the
 * time so far: that is the most by which the figure is too large.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/net.h"

#define TEXT_MAX 2048
#define SECOND 1000000000ULL
#define START_MAX (20 * SECOND)
#define RELOAD_MAX (5 * SECOND)
/* Pause after a port that does not accept; short beside what is measured. */
#define PAUSE_NS 20000
#define RELOAD_PAUSE(took) ((took) / 8)

extern char **environ;

enum verdict {
	ALLOWED,
	REFUSED,
	LOST,
};

static struct {
	const char *at;
	const char *target;
	const char *hello;
	const char *swap;
	const char *file;
	bool want_allowed;
	pid_t pid;
	int signal;
	int cpu;
	struct sockaddr_in address;
	char text[TEXT_MAX];
	size_t len;
} probe = {.cpu = -1};

static void probe_options(int argc, char **argv)
{
	static const struct option options[] = {
		{"at", 1, NULL, 'a'},     {"target", 1, NULL, 't'},
		{"hello", 1, NULL, 'h'},  {"swap", 1, NULL, 's'},
		{"file", 1, NULL, 'f'},   {"want", 1, NULL, 'w'},
		{"pid", 1, NULL, 'p'},    {"cpu", 1, NULL, 'c'},
		{"direct", 0, NULL, 'd'}, {"signal", 1, NULL, 'g'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 'a')
			probe.at = optarg;
		else if (c == 't')
			probe.target = optarg;
		else if (c == 'h')
			probe.hello = optarg;
		else if (c == 's')
			probe.swap = optarg;
		else if (c == 'f')
			probe.file = optarg;
		else if (c == 'w')
			probe.want_allowed = !strcmp(optarg, "allowed");
		else if (c == 'p')
			probe.pid = (pid_t)net_number(optarg);
		else if (c == 'g')
			probe.signal = (int)net_number(optarg);
		else if (c == 'c')
			probe.cpu = (int)net_number(optarg);
		else if (c != 'd')
			exit(2);
	}
	if (!probe.at || !(probe.target || probe.hello))
		net_die("--at and --target or --hello are needed");
}

static void probe_text(void)
{
	probe.address = net_address(probe.at);
	if (!probe.hello) {
		probe.len = (size_t)snprintf(
			probe.text, TEXT_MAX,
			"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", probe.target,
			probe.target);
		return;
	}
	probe.len = net_hello((uint8_t *)probe.text, TEXT_MAX / 2, probe.hello,
			      NET_HELLO_CURL);
	probe.len +=
		(size_t)snprintf(probe.text + probe.len, TEXT_MAX - probe.len,
				 "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
}

/* What an answer, or its absence, says. */
static enum verdict probe_judge(const char *answer, size_t len)
{
	if (len >= 12 && !memcmp(answer, "HTTP/1.", 7)) {
		if (!memcmp(answer + 8, " 200", 4))
			return ALLOWED;
		return memcmp(answer + 8, " 403", 4) ? LOST : REFUSED;
	}
	/* Who sees no HTTP refuses by an alert, or by closing. */
	return probe.hello ? REFUSED : LOST;
}

static enum verdict probe_once(void)
{
	const struct timeval patience = {.tv_sec = 2};
	char answer[12];
	enum verdict verdict = LOST;
	size_t len = 0;
	ssize_t n = -1;
	int fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		net_die("socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (const struct sockaddr *)&probe.address,
		     sizeof(probe.address)) &&
	    send(fd, probe.text, probe.len, MSG_NOSIGNAL) ==
		    (ssize_t)probe.len) {
		do {
			n = recv(fd, answer + len, sizeof(answer) - len, 0);
			len += n > 0 ? (size_t)n : 0;
		} while (n > 0 && len < sizeof(answer));
		verdict = probe_judge(answer, len);
	}
	close(fd);
	return verdict;
}

static void probe_pause(uint64_t ns)
{
	const struct timespec pause = {.tv_sec = (time_t)(ns / SECOND),
				       .tv_nsec = (long)(ns % SECOND)};

	nanosleep(&pause, NULL);
}

/* Starts the command on its own core, in its own group, without output. */
static pid_t probe_spawn(char **argv)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	cpu_set_t mine, its;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
	sched_getaffinity(0, sizeof(mine), &mine);
	if (probe.cpu >= 0) {
		CPU_ZERO(&its);
		CPU_SET((size_t)probe.cpu, &its);
		sched_setaffinity(0, sizeof(its), &its);
	}
	errno = posix_spawnp(&pid, argv[0], &actions, &attributes, argv,
			     environ);
	if (errno)
		net_die(argv[0]);
	sched_setaffinity(0, sizeof(mine), &mine);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return pid;
}

/* Ends the command and whatever it started. */
static void probe_end(pid_t pid)
{
	const uint64_t deadline = net_now() + 3 * SECOND;

	kill(-pid, SIGTERM);
	while (waitpid(pid, NULL, WNOHANG) == 0 && net_now() < deadline)
		probe_pause(PAUSE_NS);
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int probe_start(char **argv)
{
	uint64_t began, took = 0;
	enum verdict verdict = LOST;
	pid_t pid;

	if (!argv[0])
		net_die("no command");
	began = net_now();
	pid = probe_spawn(argv);
	/* The pauses shall be as long as they are said to be; the command's own
	 * stay as they are, so not before it is there. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	while (verdict != ALLOWED && took < START_MAX) {
		verdict = probe_once();
		took = net_now() - began;
		if (verdict != ALLOWED)
			probe_pause(PAUSE_NS);
	}
	probe_end(pid);
	printf("{\"ms\": %.3f, \"errors\": %d}\n", (double)took / 1e6,
	       verdict != ALLOWED);
	return verdict != ALLOWED;
}

static int probe_reload(void)
{
	const enum verdict want = probe.want_allowed ? ALLOWED : REFUSED;
	uint64_t began, took = 0;
	enum verdict verdict;
	unsigned int attempts = 0, lost = 0;

	if (!probe.pid || !probe.swap || !probe.file)
		net_die("--pid, --swap and --file are needed");
	/* The pauses shall be as long as they are said to be. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	errno = 0;
	if (probe_once() == want)
		net_die("the policy is in force before it is there");
	if (rename(probe.swap, probe.file))
		net_die("rename");
	began = net_now();
	if (kill(probe.pid, probe.signal))
		net_die("kill");
	do {
		verdict = probe_once();
		took = net_now() - began;
		attempts++;
		lost += verdict == LOST;
		if (verdict != want)
			probe_pause(RELOAD_PAUSE(took));
	} while (verdict != want && took < RELOAD_MAX);
	printf("{\"ms\": %.3f, \"attempts\": %u, \"lost\": %u, "
	       "\"errors\": %d}\n",
	       (double)took / 1e6, attempts, lost, verdict != want);
	return verdict != want;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		net_die("usage: probe start|reload OPTION...");
	probe_options(argc - 1, argv + 1);
	probe_text();
	if (!strcmp(argv[1], "start"))
		return probe_start(argv + 1 + optind);
	if (!strcmp(argv[1], "reload"))
		return probe_reload();
	net_die("usage: probe start|reload OPTION...");
}
