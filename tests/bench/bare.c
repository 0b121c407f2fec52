/* SPDX-License-Identifier: MIT */
/*
 * bare.c - the least that passing bytes on takes: no policy, no log, no timer
 *
 * Usage: bare (LISTEN-ADDR:PORT TO-ADDR:PORT)...
 *
 * What a connection to the first address of a pair sends goes to the second,
 * and back, by one wait, one read and one write a message; for small messages
 * only, as a connection is ended by what its socket does not take at once.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

#define EVENTS 32

/* One end of a connection; or a listener, which has no other end. */
struct bare {
	struct bare *other;
	struct sockaddr_in to;
	int fd;
};

static struct bare *bare_new(size_t count)
{
	struct bare *b = calloc(count, sizeof(*b));

	if (!b)
		net_die("no memory");
	return b;
}

static void bare_watch(int epoll, struct bare *b, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = b};

	b->fd = fd;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		net_die("epoll_ctl");
}

static void bare_listen(int epoll, const char *at, const char *to)
{
	const struct sockaddr_in address = net_address(at);
	struct bare *b = bare_new(1);

	b->to = net_address(to);
	bare_watch(epoll, b, net_listen(&address));
}

static void bare_join(int epoll, int from, const struct sockaddr_in *to)
{
	/* Connecting waits: the origin is on this machine. */
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct bare *pair = bare_new(2);

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		net_die("connect");
	net_nodelay(from);
	net_nodelay(fd);
	pair[0].other = &pair[1];
	pair[1].other = &pair[0];
	bare_watch(epoll, &pair[0], from);
	bare_watch(epoll, &pair[1], fd);
}

static void bare_accept(int epoll, const struct bare *listener)
{
	int fd;

	while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0)
		bare_join(epoll, fd, &listener->to);
}

/* Ends are never freed: the other one may have an event in the same turn. */
static void bare_end(struct bare *b)
{
	close(b->fd);
	close(b->other->fd);
	b->fd = b->other->fd = -1;
}

static void bare_pass(struct bare *b)
{
	char data[65536];
	ssize_t n;

	if (b->fd < 0)
		return;
	n = recv(b->fd, data, sizeof(data), MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || send(b->other->fd, data, (size_t)n,
			   MSG_DONTWAIT | MSG_NOSIGNAL) != n)
		bare_end(b);
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	int epoll = epoll_create1(EPOLL_CLOEXEC), n;

	if (argc < 3 || argc % 2 == 0)
		net_die("usage: bare (LISTEN-ADDR:PORT TO-ADDR:PORT)...");
	net_raise_files();
	for (int i = 1; i < argc; i += 2)
		bare_listen(epoll, argv[i], argv[i + 1]);
	for (;;) {
		n = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			struct bare *b = events[i].data.ptr;

			if (b->other)
				bare_pass(b);
			else
				bare_accept(epoll, b);
		}
	}
}
