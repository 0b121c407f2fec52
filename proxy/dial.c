/* SPDX-License-Identifier: MIT */
/* dial.c - connect to one of several checked addresses (Happy Eyeballs) */
#include "dial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DIAL_ATTEMPT_DELAY_MS 250 /* RFC 8305 5 */

struct dial_attempt {
	struct dial *dial;
	struct io *io; /* owned; NULL once it has failed */
	struct addr addr;
};

struct dial {
	struct loop *loop; /* borrowed */
	void (*cb)(void *arg, const struct dial_result *r);
	void *arg;
	struct timer stagger;
	struct deferred fail_later;
	uint16_t port;
	int error;
	size_t count, next; /* attempts in all, and started */
	size_t running;
	struct dial_attempt attempts[];
};

static void dial_next(struct dial *d);

static void dial_free(struct dial *d)
{
	loop_timer_remove(d->loop, &d->stagger);
	for (size_t i = 0; i < d->next; i++)
		io_close(d->attempts[i].io);
	free(d);
}

/* A refusal says more than a missing route: keep what the user can act on. */
static int dial_worse(int old, int new)
{
	bool dull = old == 0 || old == ENETUNREACH || old == EHOSTUNREACH ||
		    old == EAFNOSUPPORT || old == EADDRNOTAVAIL;

	return dull ? new : old;
}

static void dial_fail_cb(struct deferred *later)
{
	struct dial *d =
		(void *)((char *)later - offsetof(struct dial, fail_later));
	struct dial_result r = {.error = d->error};
	void (*cb)(void *, const struct dial_result *) = d->cb;
	void *arg = d->arg;

	if (cb) {
		dial_free(d);
		cb(arg, &r);
	} else {
		free(d);
	}
}

static void dial_attempt_failed(struct dial *d, struct dial_attempt *a,
				int error)
{
	d->error = dial_worse(d->error, error);
	if (a->io) {
		io_close(a->io);
		a->io = NULL;
		d->running--;
	}
}

static void dial_attempt_cb(struct io *io)
{
	struct dial_attempt *a = io->arg;
	struct dial *d = a->dial;
	struct dial_result r = {.io = io, .addr = a->addr};
	void (*cb)(void *, const struct dial_result *) = d->cb;
	void *arg = d->arg;
	int error = 0;
	socklen_t len = sizeof(error);

	/* Writable and nothing else is a connection; an error comes with
	 * readable. */
	if (io->readable || io->hup) {
		if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
			error = errno;
	} else if (!io->writable) {
		return;
	}
	if (error) {
		dial_attempt_failed(d, a, error);
		dial_next(d);
		return;
	}
	a->io = NULL;
	dial_free(d);
	cb(arg, &r);
}

static int dial_attempt_start(struct dial *d, struct dial_attempt *a)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&a->addr, d->port, &ss);
	int fd;

#ifdef SOCK_NONBLOCK
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0);
#else
	fd = socket(ss.ss_family, SOCK_STREAM, 0);
	if (fd >= 0 && (evutil_make_socket_nonblocking(fd) < 0 ||
			evutil_make_socket_closeonexec(fd) < 0)) {
		close(fd);
		return errno;
	}
#endif
	if (fd < 0)
		return errno;
	if (connect(fd, (const struct sockaddr *)&ss, len) < 0 &&
	    errno != EINPROGRESS) {
		int error = errno;

		close(fd);
		return error;
	}
	a->io = io_new(d->loop, fd, dial_attempt_cb, a);
	if (!a->io)
		return ENOMEM;
	/* What is relayed was cut by its sender: never wait to join it. */
	a->io->joins = true;
	return 0;
}

static void dial_next(struct dial *d)
{
	while (d->next < d->count) {
		struct dial_attempt *a = &d->attempts[d->next++];
		int error = dial_attempt_start(d, a);

		if (!error) {
			d->running++;
			break;
		}
		dial_attempt_failed(d, a, error);
	}
	if (d->next < d->count)
		loop_timer_set(d->loop, &d->stagger, DIAL_ATTEMPT_DELAY_MS);
	else if (!d->running)
		loop_defer(d->loop, &d->fail_later);
}

static void dial_stagger_cb(struct timer *t)
{
	dial_next((void *)((char *)t - offsetof(struct dial, stagger)));
}

/* Families take turns, IPv6 first, each in the order of the answer. */
static void dial_order(struct dial *d, const struct addr *addrs, size_t count)
{
	size_t six = 0, four = 0;

	for (size_t n = 0; n < count; n++) {
		bool want_six = n % 2 == 0;

		while (six < count && addrs[six].family != 6)
			six++;
		while (four < count && addrs[four].family != 4)
			four++;
		if (six == count)
			want_six = false;
		else if (four == count)
			want_six = true;
		d->attempts[n] = (struct dial_attempt){
			.dial = d,
			.addr = want_six ? addrs[six++] : addrs[four++],
		};
	}
}

struct dial *dial_start(struct loop *l, const struct addr *addrs, size_t count,
			uint16_t port,
			void (*cb)(void *arg, const struct dial_result *r),
			void *arg)
{
	struct dial *d;

	if (count > DIAL_MAX)
		count = DIAL_MAX;
	d = malloc(sizeof(*d) + count * sizeof(d->attempts[0]));
	if (!d)
		return NULL;
	*d = (struct dial){
		.loop = l,
		.cb = cb,
		.arg = arg,
		.port = port,
		.count = count,
		.fail_later.cb = dial_fail_cb,
	};
	if (loop_timer_add(l, &d->stagger, dial_stagger_cb) < 0) {
		free(d);
		return NULL;
	}
	dial_order(d, addrs, count);
	dial_next(d);
	return d;
}

void dial_cancel(struct dial *d)
{
	if (!d)
		return;
	if (!d->fail_later.queued) {
		dial_free(d);
		return;
	}
	/* No attempt is left; the memory goes when its turn comes. */
	loop_timer_remove(d->loop, &d->stagger);
	d->cb = NULL;
}
