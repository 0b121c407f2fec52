/* SPDX-License-Identifier: MIT */
/* start.c - pen-jail start: a sandbox that stays */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "control.h"
#include "endpoint.h"
#include "options.h"
#include "sandbox.h"
#include "util.h"

/* Clients that have connected and not yet said what they want. */
#define START_CLIENT_MAX 16
#define START_CLIENT_MS 5000

struct start;

struct start_client {
	struct start *start;
	int fd; /* -1: free */
	int64_t deadline_ms;
	bool stopping; /* waits for our end */
};

struct start {
	struct sandbox sandbox;
	struct start_client clients[START_CLIENT_MAX];
	bool stop;
};

static void start_drop(struct start_client *client)
{
	loop_forget(&client->start->sandbox.loop, client->fd);
	util_close(&client->fd);
}

/* Hand a command on to init, with all that came with it. */
static void start_hand_on(struct start_client *client,
			  struct control_message *message, const int *fds,
			  size_t count)
{
	struct control_message refused = {.type = CONTROL_REFUSED};

	if (control_send(client->start->sandbox.init, message, fds, count)) {
		refused.value = errno;
		control_send(client->fd, &refused, NULL, 0);
	}
	start_drop(client);
}

static void start_hear_client_cb(void *arg, short revents)
{
	struct start_client *client = arg;
	struct control_message message;
	int fds[CONTROL_FD_MAX];
	size_t count;
	int got;

	(void)revents;
	got = control_receive(client->fd, &message, fds, &count);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got > 0 && message.type == CONTROL_SPAWN) {
		start_hand_on(client, &message, fds, count);
	} else if (got > 0 && message.type == CONTROL_STOP) {
		client->start->stop = true;
		client->stopping = true;
	} else {
		start_drop(client);
	}
	while (got > 0 && count > 0)
		close(fds[--count]);
}

static struct start_client *start_find_slot(struct start *start)
{
	size_t i;

	for (i = 0; i < START_CLIENT_MAX; i++)
		if (start->clients[i].fd < 0)
			return &start->clients[i];
	return NULL;
}

static void start_accept_cb(void *arg, short revents)
{
	struct start *start = arg;
	struct start_client *client = start_find_slot(start);
	int fd = accept4(start->sandbox.listener, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)revents;
	if (fd < 0)
		return;
	if (!client || !endpoint_is_own(fd) ||
	    loop_watch(&start->sandbox.loop, fd, POLLIN, start_hear_client_cb,
		       client)) {
		close(fd);
		return;
	}
	client->start = start;
	client->fd = fd;
	client->stopping = false;
	client->deadline_ms = util_now_ms() + START_CLIENT_MS;
}

/* Drop who says nothing.  Return: milliseconds to the next look, or -1. */
static int start_expire(struct start *start)
{
	int64_t now = util_now_ms();
	int64_t next = -1;
	size_t i;

	for (i = 0; i < START_CLIENT_MAX; i++) {
		struct start_client *client = &start->clients[i];
		int64_t left = client->deadline_ms - now;

		if (client->fd < 0 || client->stopping)
			continue;
		if (left <= 0)
			start_drop(client);
		else if (next < 0 || left < next)
			next = left;
	}
	return (int)next;
}

static int start_say_ready(int fd)
{
	int result = 0;

	if (fd < 0)
		return 0;
	if (dprintf(fd, "ready %d\n", getpid()) < 0)
		result = -1;
	close(fd);
	return result;
}

static int start_serve(struct start *start, const struct options *options)
{
	int64_t deadline = 0;

	if (options->timeout_ms)
		deadline = util_now_ms() + (int64_t)options->timeout_ms;
	while (!start->stop) {
		int wait = start_expire(start);
		int64_t left = deadline ? deadline - util_now_ms() : -1;
		int number;

		if (deadline && left <= 0) {
			util_report("the sandbox timed out, killed");
			return JAIL_EXIT_TIMED_OUT;
		}
		if (left > INT32_MAX)
			left = INT32_MAX;
		if (left >= 0 && (wait < 0 || left < wait))
			wait = (int)left;
		sandbox_turn(&start->sandbox, wait);
		while ((number = sandbox_take_signal(&start->sandbox)))
			if (number == SIGTERM || number == SIGINT ||
			    number == SIGHUP || number == SIGQUIT)
				start->stop = true;
		if (start->sandbox.over) {
			util_report("the sandbox ended unexpectedly");
			return JAIL_EXIT_FAILED;
		}
	}
	return JAIL_EXIT_OK;
}

static int start_open(struct start *start, const struct options *options)
{
	size_t i;

	sandbox_init(&start->sandbox);
	for (i = 0; i < START_CLIENT_MAX; i++)
		start->clients[i].fd = -1;
	if (options->ready_fd >= 0 &&
	    util_set_cloexec(options->ready_fd, true)) {
		util_report("--ready-fd %d: %s", options->ready_fd,
			    strerror(errno));
		return -1;
	}
	if (sandbox_open(&start->sandbox, options))
		return -1;
	return loop_watch(&start->sandbox.loop, start->sandbox.listener, POLLIN,
			  start_accept_cb, start);
}

int command_start(const struct options *options)
{
	struct start *start = util_allocate(1, sizeof(*start));
	int code = JAIL_EXIT_FAILED;
	size_t i;

	if (start_open(start, options) == 0) {
		if (start_say_ready(options->ready_fd))
			util_report("--ready-fd: %s", strerror(errno));
		else
			code = start_serve(start, options);
	} else if (start->sandbox.aborted) {
		code = JAIL_EXIT_SIGNAL + start->sandbox.aborted;
	}
	sandbox_close(&start->sandbox);
	/* Last: `pen-jail stop` waits for this end of file. */
	for (i = 0; i < START_CLIENT_MAX; i++)
		util_close(&start->clients[i].fd);
	free(start);
	return code;
}
