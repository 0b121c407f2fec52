/* SPDX-License-Identifier: MIT */
/* loop.c - one thread's event loop: descriptors, timers, deferred work */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base.h"

#define IO_SEGMENT 512 /* no TCP segment has to be smaller: RFC 9293 3.7.1 */

static void loop_run_mail(struct loop *l)
{
	struct mail *m, *next;

	pthread_mutex_lock(&l->mail_lock);
	m = l->mail;
	l->mail = NULL;
	l->mail_tail = &l->mail;
	pthread_mutex_unlock(&l->mail_lock);
	for (; m; m = next) {
		next = m->next;
		m->cb(m, l->mail_arg);
	}
}

static void loop_wake_cb(evutil_socket_t fd, short what, void *arg)
{
	char bytes[64];

	(void)what;
	while (read((int)fd, bytes, sizeof(bytes)) > 0)
		;
	loop_run_mail(arg);
}

/* Edge-triggered throughout.  No changelist: it would take a descriptor out of
 * epoll only after it was closed, when its number may be another thread's. */
static struct event_base *loop_base_new(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base = NULL;

	if (!cfg)
		return NULL;
	if (event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK) == 0 &&
	    event_config_set_flag(cfg, EVENT_BASE_FLAG_IGNORE_ENV) == 0 &&
	    event_config_require_features(cfg, EV_FEATURE_ET) == 0)
		base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	return base;
}

int loop_init(struct loop *l, void *mail_arg)
{
	int fds[2];

	*l = (struct loop){.mail_arg = mail_arg};
	l->deferred_tail = &l->deferred;
	l->mail_tail = &l->mail;
	if (pipe(fds) < 0)
		return -errno;
	l->wake_read = fds[0];
	l->wake_write = fds[1];
	for (int i = 0; i < 2; i++)
		if (evutil_make_socket_nonblocking(fds[i]) < 0 ||
		    evutil_make_socket_closeonexec(fds[i]) < 0)
			goto out_pipe;
	l->base = loop_base_new();
	if (!l->base)
		goto out_pipe;
	l->sees_close =
		event_base_get_features(l->base) & EV_FEATURE_EARLY_CLOSE;
	if (event_assign(&l->wake, l->base, fds[0], EV_READ | EV_PERSIST,
			 loop_wake_cb, l) < 0 ||
	    event_add(&l->wake, NULL) < 0)
		goto out_base;
	if (event_assign(&l->alarm, l->base, -1, 0, loop_alarm_cb, l) < 0 ||
	    pthread_mutex_init(&l->mail_lock, NULL) != 0)
		goto out_base;
	return 0;
out_base:
	event_base_free(l->base);
out_pipe:
	close(fds[0]);
	close(fds[1]);
	return -ENOMEM;
}

/* Work that defers itself again comes back in the next turn, so that it cannot
 * keep the descriptors waiting. */
static void loop_run_deferred(struct loop *l)
{
	struct deferred *d = l->deferred, *next;

	l->deferred = NULL;
	l->deferred_tail = &l->deferred;
	for (; d; d = next) {
		next = d->next;
		d->queued = false;
		d->cb(d);
	}
}

void loop_settle(struct loop *l)
{
	loop_run_mail(l);
	while (l->deferred)
		loop_run_deferred(l);
}

void loop_fini(struct loop *l)
{
	loop_settle(l);
	event_del(&l->wake);
	event_del(&l->alarm);
	free(l->looks);
	event_base_free(l->base);
	close(l->wake_read);
	close(l->wake_write);
	pthread_mutex_destroy(&l->mail_lock);
}

void loop_run(struct loop *l, void (*after_turn)(void *arg), void *arg)
{
	while (!l->stop) {
		event_base_loop(l->base,
				l->deferred ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
		l->turns++;
		loop_run_deferred(l);
		after_turn(arg);
	}
}

void loop_defer(struct loop *l, struct deferred *d)
{
	if (d->queued)
		return;
	d->queued = true;
	d->next = NULL;
	*l->deferred_tail = d;
	l->deferred_tail = &d->next;
}

void loop_post(struct loop *l, struct mail *m)
{
	char byte = 0;

	m->next = NULL;
	pthread_mutex_lock(&l->mail_lock);
	*l->mail_tail = m;
	l->mail_tail = &m->next;
	pthread_mutex_unlock(&l->mail_lock);
	/* A full pipe wakes the loop just as well. */
	if (write(l->wake_write, &byte, 1) < 0 && errno != EAGAIN)
		abort();
}

static void io_doubt(struct io *io)
{
	struct loop *l = io->loop;

	if (io->doubt_prev)
		return;
	io->doubt_next = l->doubted;
	io->doubt_prev = &l->doubted;
	if (io->doubt_next)
		io->doubt_next->doubt_prev = &io->doubt_next;
	l->doubted = io;
}

static void io_trust(struct io *io)
{
	if (!io->doubt_prev)
		return;
	*io->doubt_prev = io->doubt_next;
	if (io->doubt_next)
		io->doubt_next->doubt_prev = io->doubt_prev;
	io->doubt_prev = NULL;
}

void loop_recheck(struct loop *l)
{
	struct io *list = l->doubted, *io;

	l->doubted = NULL;
	if (list)
		list->doubt_prev = &list;
	/* A callback may close any of them, which takes it out of the list. */
	while ((io = list)) {
		io_trust(io);
		if (io->readable)
			continue;
		io->readable = true;
		io->cb(io);
	}
}

static void io_event_cb(evutil_socket_t fd, short what, void *arg)
{
	struct io *io = arg;

	(void)fd;
	if (what & EV_READ)
		io->readable = true;
	if (what & EV_WRITE)
		io->writable = true;
	if (what & EV_CLOSED)
		io->readable = io->hup = true;
	io->cb(io);
}

struct io *io_take(struct loop *l, int fd, void (*cb)(struct io *io), void *arg)
{
	struct io *io = malloc(sizeof(*io));

	if (!io) {
		close(fd);
		return NULL;
	}
	*io = (struct io){.loop = l, .cb = cb, .arg = arg, .fd = fd};
	io->readable = io->writable = true;
	return io;
}

/* Registering anew tells of the present state once more: no edge is lost. */
int io_watch(struct io *io)
{
	short what = EV_READ | EV_PERSIST | EV_ET;

	if (io->blocked)
		what |= EV_WRITE;
	if (io->loop->sees_close)
		what |= EV_CLOSED;
	if (io->watched)
		event_del(&io->ev);
	io->watched = event_assign(&io->ev, io->loop->base, io->fd, what,
				   io_event_cb, io) == 0 &&
		      event_add(&io->ev, NULL) == 0;
	return io->watched ? 0 : -ENOMEM;
}

struct io *io_new(struct loop *l, int fd, void (*cb)(struct io *io), void *arg)
{
	struct io *io = io_take(l, fd, cb, arg);

	if (!io)
		return NULL;
	io->readable = io->writable = false;
	io->blocked = true;
	if (io_watch(io) == 0)
		return io;
	io_close(io);
	return NULL;
}

/* Without memory for it the connection ends by its time-out. */
void io_wait_for_room(struct io *io)
{
	io->writable = false;
	if (io->blocked)
		return;
	io->blocked = true;
	if (io->watched)
		(void)io_watch(io);
}

void io_close(struct io *io)
{
	if (!io)
		return;
	io_trust(io);
	if (io->watched)
		event_del(&io->ev);
	close(io->fd);
	free(io);
}

void io_reset(struct io *io)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (!io)
		return;
	/* Fails on Unix sockets, which know no reset: they get an end of
	 * stream. */
	(void)setsockopt(io->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	io_close(io);
}

ssize_t io_read(struct io *io, void *buf, size_t cap)
{
	ssize_t n;

	do
		n = recv(io->fd, buf, cap, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return -errno;
		io->readable = false;
		return -EAGAIN;
	}
	if (n > 0 && (size_t)n < cap && io->loop->sees_close && !io->hup) {
		io->readable = false;
		io_doubt(io);
	}
	return n;
}

/* A write waits to be joined only behind bytes that are under way, its own or
 * those before it; so a connection of one small write is spared the call. */
static void io_part(struct io *io)
{
	int one = 1;

	io->joins = false;
	(void)setsockopt(io->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static ssize_t io_send(struct io *io, const void *buf, size_t len, int flags)
{
	ssize_t n;

	if (io->joins && (io->wrote || len > IO_SEGMENT))
		io_part(io);
	io->wrote = true;
	do
		n = send(io->fd, buf, len, MSG_NOSIGNAL | flags);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return -errno;
		n = 0;
	}
	if ((size_t)n < len)
		io_wait_for_room(io);
	return n;
}

ssize_t io_write(struct io *io, const void *buf, size_t len)
{
	return io_send(io, buf, len, 0);
}

ssize_t io_write_last(struct io *io, const void *buf, size_t len)
{
#ifdef MSG_MORE
	return io_send(io, buf, len, MSG_MORE);
#else
	return io_send(io, buf, len, 0);
#endif
}

size_t io_unsent(const struct io *io)
{
	int n = 0;
#ifdef SO_NWRITE
	socklen_t len = sizeof(n);

	if (getsockopt(io->fd, SOL_SOCKET, SO_NWRITE, &n, &len) < 0)
		return 0;
#else
	if (ioctl(io->fd, TIOCOUTQ, &n) < 0)
		return 0;
#endif
	return n > 0 ? (size_t)n : 0;
}

bool io_broke(const struct io *io)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
	       error;
}
