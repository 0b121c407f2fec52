/* SPDX-License-Identifier: MIT */
/* origin.c - the server behind the proxies of the bench
 *
 * Usage: origin HTTP-ADDR:PORT ECHO-ADDR:PORT
 *
 * Theory of operation: one epoll loop.  On the first port `GET /N` is answered
 * by N bytes, and a body that is sent (Content-Length) is thrown away and
 * answered by none; connections are kept unless the request says otherwise.  On
 * the second port every byte comes back.  On both, a TLS record before the rest
 * is thrown away, so that proxies that look for a ClientHello see one.  A line
 * "ready" on stdout says that both ports accept; the program ends with stdin.
 */

#include "tests/bench/net.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 262144
#define HEAD_MAX 4096
#define EVENTS 128
#define RECORD_HEADER 5
#define FILES_MAX 65536

/**
 * struct peer - one connection
 * @fd:     its socket
 * @echo:   whether it came to the second port
 * @opened: whether the bytes before the payload, if any, are behind us
 * @last:   whether to close after the answer
 * @skip:   bytes that come in and are thrown away
 * @due:    whether an answer is owed once @skip is 0
 * @left:   bytes of an answer that are still to be sent
 * @len:    bytes in @head
 * @head:   a request head, or what may become one
 */
struct peer {
	int fd;
	bool echo;
	bool opened;
	bool last;
	bool due;
	uint64_t skip;
	uint64_t left;
	size_t len;
	char head[HEAD_MAX + 1];
};

static char chunk[CHUNK];
static struct peer *peers[FILES_MAX];

static void peer_close(struct peer *p)
{
	peers[p->fd] = NULL;
	close(p->fd);
	free(p);
}

/* Sends what is left of an answer; false if the connection is over. */
static bool peer_send(struct peer *p)
{
	ssize_t n;

	while (p->left) {
		n = send(p->fd, chunk, p->left < CHUNK ? p->left : CHUNK,
			 MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN;
		p->left -= (uint64_t)n;
	}
	return !p->last;
}

/* The head, and as much of the body as goes into the same segment. */
static bool peer_answer(struct peer *p, uint64_t length)
{
	char text[HEAD_MAX];
	int len;
	size_t with;

	len = snprintf(text, sizeof(text),
		       "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n%s\r\n",
		       (unsigned long long)length,
		       p->last ? "Connection: close\r\n" : "");
	with = length < 1024 ? (size_t)length : 0;
	memcpy(text + len, chunk, with);
	if (send(p->fd, text, (size_t)len + with, MSG_NOSIGNAL) !=
	    len + (ssize_t)with)
		return false;
	p->left = length - with;
	return peer_send(p);
}

/* A request whose head is complete, NUL-terminated, and @used bytes long. */
static bool peer_request(struct peer *p, size_t used)
{
	const char *length = strcasestr(p->head, "\r\nContent-Length:");
	const char *path = strchr(p->head, '/');
	uint64_t body = length ? strtoull(length + 17, NULL, 10) : 0;
	const uint64_t early = p->len - used;

	p->last = strcasestr(p->head, "\r\nConnection: close") ||
		  strstr(p->head, " HTTP/1.0\r\n");
	if (body && early <= body) {
		p->skip = body - early;
		p->len = 0;
		p->due = p->skip > 0;
		return p->due || peer_answer(p, 0);
	}
	p->len = 0;
	return peer_answer(p, path ? strtoull(path + 1, NULL, 10) : 0);
}

/* Drops a TLS record at the start; true once what follows is payload. */
static bool peer_open(struct peer *p)
{
	size_t record;

	if (p->head[0] != 0x16)
		return p->opened = true;
	if (p->len < RECORD_HEADER)
		return false;
	record = RECORD_HEADER + ((size_t)(uint8_t)p->head[3] << 8) +
		 (uint8_t)p->head[4];
	if (p->len < record)
		return false;
	p->len -= record;
	memmove(p->head, p->head + record, p->len);
	return p->opened = true;
}

/* New bytes are in @head; false if the connection is over. */
static bool peer_take(struct peer *p)
{
	char *end;
	bool alive = true;

	if (!p->opened && !peer_open(p))
		return p->len < HEAD_MAX;
	if (p->echo) {
		if (p->len)
			alive = send(p->fd, p->head, p->len, MSG_NOSIGNAL) ==
				(ssize_t)p->len;
		p->len = 0;
		return alive;
	}
	p->head[p->len] = '\0';
	end = strstr(p->head, "\r\n\r\n");
	if (!end)
		return p->len < HEAD_MAX;
	end[2] = '\0';
	return peer_request(p, (size_t)(end - p->head) + 4);
}

/* Throws an upload away without copying it; false if it is over. */
static bool peer_skip(struct peer *p)
{
	ssize_t n;

	while (p->skip) {
		n = recv(p->fd, chunk, p->skip < CHUNK ? p->skip : CHUNK,
			 MSG_TRUNC);
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		p->skip -= (uint64_t)n;
	}
	if (!p->due)
		return true;
	p->due = false;
	return peer_answer(p, 0);
}

static bool peer_read(struct peer *p)
{
	ssize_t n;

	for (;;) {
		if (p->skip && !peer_skip(p))
			return false;
		if (p->skip)
			return true;
		n = recv(p->fd, p->head + p->len, HEAD_MAX - p->len, 0);
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		p->len += (size_t)n;
		if (!peer_take(p))
			return false;
	}
}

static void origin_accept(int epoll, int listener, bool echo)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP |
					      EPOLLET};
	struct peer *p;
	int fd;

	while ((fd = accept4(listener, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		p = fd < FILES_MAX ? malloc(sizeof(*p)) : NULL;
		if (!p)
			net_die("no memory");
		peers[fd] = p;
		memset(p, 0, offsetof(struct peer, head));
		p->fd = fd;
		p->echo = echo;
		net_nodelay(fd);
		event.data.ptr = p;
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
			net_die("epoll_ctl");
	}
}

static void origin_watch(int epoll, int fd, int *slot)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = slot};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		net_die("epoll_ctl");
}

static void peer_event(struct peer *p, uint32_t events)
{
	if (((events & EPOLLOUT) && p->left && !peer_send(p)) ||
	    ((events & ~(uint32_t)EPOLLOUT) && !p->left && !peer_read(p)))
		peer_close(p);
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	struct sockaddr_in at;
	int listener[2], end = STDIN_FILENO, epoll, i, n;

	if (argc != 3)
		net_die("usage: origin HTTP-ADDR:PORT ECHO-ADDR:PORT");
	net_raise_files();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	for (i = 0; i < 2; i++) {
		at = net_address(argv[i + 1]);
		listener[i] = net_listen(&at);
		origin_watch(epoll, listener[i], &listener[i]);
	}
	origin_watch(epoll, end, &end);
	puts("ready");
	fflush(stdout);
	for (;;) {
		n = epoll_wait(epoll, events, EVENTS, -1);
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr == &end)
				return 0;
			else if (events[i].data.ptr == &listener[0])
				origin_accept(epoll, listener[0], false);
			else if (events[i].data.ptr == &listener[1])
				origin_accept(epoll, listener[1], true);
			else
				peer_event(events[i].data.ptr,
					   events[i].events);
		}
	}
}
