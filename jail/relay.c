/* SPDX-License-Identifier: MIT */
/* relay.c - carry bytes between a caller's descriptors and a sandbox's */
#include "relay.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop.h"
#include "util.h"

static void relay_ready_cb(void *arg, short revents);

static void relay_end_from(struct relay *relay)
{
	if (relay->from < 0)
		return;
	loop_forget(relay->loop, relay->from);
	if (relay->own_from)
		close(relay->from);
	relay->from = -1;
}

static void relay_end_to(struct relay *relay)
{
	if (relay->to < 0)
		return;
	loop_forget(relay->loop, relay->to);
	if (relay->own_to)
		close(relay->to);
	relay->to = -1;
}

/* Wait for the one side that can go on. */
static void relay_arm(struct relay *relay)
{
	if (relay->len > 0) {
		if (relay->from >= 0)
			loop_forget(relay->loop, relay->from);
		loop_watch(relay->loop, relay->to, POLLOUT, relay_ready_cb,
			   relay);
		return;
	}
	if (relay->from < 0) {
		relay_end_to(relay);
		return;
	}
	loop_forget(relay->loop, relay->to);
	loop_watch(relay->loop, relay->from, POLLIN, relay_ready_cb, relay);
}

/* Return: whether to go on reading: false at the end and when empty. */
static bool relay_fill(struct relay *relay)
{
	ssize_t got;

	do
		got = read(relay->from, relay->data, sizeof(relay->data));
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		relay->start = 0;
		relay->len = (size_t)got;
		relay->count += (uint64_t)got;
		return true;
	}
	/* A terminal's master gives EIO when the last user has closed. */
	if (got == 0 || errno != EAGAIN)
		relay_end_from(relay);
	return false;
}

/* A socket that is ready may have room for less than one chunk. */
static ssize_t relay_write(int to, const void *data, size_t len)
{
	ssize_t sent;

	do {
		sent = send(to, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == ENOTSOCK)
			sent = write(to, data, len);
	} while (sent < 0 && errno == EINTR);
	return sent;
}

static void relay_flush(struct relay *relay)
{
	size_t len = relay->len < relay->chunk ? relay->len : relay->chunk;
	ssize_t sent = relay_write(relay->to, relay->data + relay->start, len);

	if (sent < 0 && errno == EAGAIN)
		return;
	if (sent < 0) {
		/* Nobody reads: the writer gets to know by SIGPIPE. */
		relay->len = 0;
		relay_end_from(relay);
		return;
	}
	relay->start += (size_t)sent;
	relay->len -= (size_t)sent;
}

static void relay_ready_cb(void *arg, short revents)
{
	struct relay *relay = arg;

	(void)revents;
	if (relay->to < 0)
		return;
	if (relay->len > 0)
		relay_flush(relay);
	else if (relay->from >= 0)
		relay_fill(relay);
	relay_arm(relay);
}

int relay_start(struct relay *relay, struct loop *loop, int from, bool own_from,
		int to, bool own_to)
{
	struct stat status;

	memset(relay, 0, offsetof(struct relay, data));
	relay->loop = loop;
	relay->from = from;
	relay->own_from = own_from;
	relay->to = to;
	relay->own_to = own_to;
	/* A file takes all at once; a pipe that is ready takes this much. */
	relay->chunk = PIPE_BUF;
	if (fstat(to, &status) == 0 && S_ISREG(status.st_mode))
		relay->chunk = sizeof(relay->data);
	return loop_watch(loop, from, POLLIN, relay_ready_cb, relay);
}

void relay_drain(struct relay *relay, bool to_end)
{
	if (!relay->loop)
		return;
	while (relay->to >= 0 && (relay->len > 0 || relay->from >= 0)) {
		bool writing = relay->len > 0;
		struct pollfd wait = {
			.fd = writing ? relay->to : relay->from,
			.events = writing ? POLLOUT : POLLIN,
		};
		int ready = poll(&wait, 1, writing || to_end ? -1 : 0);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			break;
		relay_ready_cb(relay, wait.revents);
	}
}

void relay_stop(struct relay *relay)
{
	if (!relay->loop)
		return;
	relay_end_from(relay);
	relay_end_to(relay);
	relay->loop = NULL;
}
