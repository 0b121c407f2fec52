/* SPDX-License-Identifier: MIT */
/* origin.c - the server behind the proxies of the bench
 *
 * Usage: origin HTTP-ADDR:PORT ECHO-ADDR:PORT TLS-ADDR:PORT DNS-ADDR:PORT
 *               [NAME]...
 *
 * Theory of operation: one epoll loop.  On the first port `GET /N` is answered
 * by N bytes, and a body that is sent (Content-Length) is thrown away first;
 * connections are kept unless the request says otherwise.  On the second port
 * every byte comes back.  On both, a TLS record before the rest is thrown away,
 * so that proxies that look for a ClientHello see one.  On the third, that
 * record is answered by as many bytes as a server's hello and certificates
 * have, and every byte after it comes back.  On the fourth, NAMEs have the
 * address of the first, for who asks by DNS.  A line "ready" on stdout says
 * that all ports are there; the program ends with stdin.
 */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/dns.h"
#include "tests/bench/net.h"

#define CHUNK 262144
#define HEAD_MAX 4096
#define EVENTS 128
#define RECORD_HEADER 5
#define FILES_MAX 65536

enum service {
	SERVICE_HTTP,
	SERVICE_ECHO,
	SERVICE_TLS,
	SERVICE__COUNT,
};

/**
 * struct peer - one connection
 * @fd:     its socket
 * @kind:   by the port that it came to
 * @opened: whether the bytes before the payload, if any, are behind us
 * @last:   whether to close after the answer
 * @skip:   bytes that come in and are thrown away
 * @due:    whether an answer is owed once @skip is 0
 * @answer: bytes that the answer then has
 * @left:   bytes of an answer that are still to be sent
 * @len:    bytes in @head
 * @head:   a request head, or what may become one
 */
struct peer {
	int fd;
	enum service kind;
	bool opened;
	bool last;
	bool due;
	uint64_t answer;
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
	p->answer = path ? strtoull(path + 1, NULL, 10) : 0;
	p->len = 0;
	if (body && early <= body) {
		p->skip = body - early;
		p->due = p->skip > 0;
		if (p->due)
			return true;
	}
	return peer_answer(p, p->answer);
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
	p->opened = true;
	p->left = p->kind == SERVICE_TLS ? NET_FLIGHT : 0;
	return peer_send(p);
}

/* New bytes are in @head; false if the connection is over. */
static bool peer_take(struct peer *p)
{
	char *end;
	bool alive = true;

	if (!p->opened && !peer_open(p))
		return p->len < HEAD_MAX;
	if (p->kind != SERVICE_HTTP) {
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
	return peer_answer(p, p->answer);
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

static void origin_accept(int epoll, int listener, enum service kind)
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
		p->kind = kind;
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

static bool origin_is_one(const int *listener, const int *slot)
{
	int i;

	for (i = 0; i <= SERVICE__COUNT; i++) {
		if (slot == &listener[i])
			return true;
	}
	return false;
}

/* What the slot of an event says: one of the listeners, or the resolver. */
static void origin_event(int epoll, const int *listener, const int *slot,
			 char **names, struct in_addr address)
{
	const ptrdiff_t place = slot - listener;

	if (place == SERVICE__COUNT)
		dns_serve(*slot, names, address);
	else
		origin_accept(epoll, *slot, (enum service)place);
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	struct sockaddr_in at, first;
	int listener[SERVICE__COUNT + 1], end = STDIN_FILENO, epoll, i, n;
	int *slot;

	if (argc < SERVICE__COUNT + 2)
		net_die("usage: origin HTTP-ADDR:PORT ECHO-ADDR:PORT "
			"TLS-ADDR:PORT DNS-ADDR:PORT [NAME]...");
	net_raise_files();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	first = net_address(argv[1]);
	for (i = 0; i <= SERVICE__COUNT; i++) {
		at = net_address(argv[i + 1]);
		listener[i] =
			i < SERVICE__COUNT ? net_listen(&at) : dns_listen(&at);
		origin_watch(epoll, listener[i], &listener[i]);
	}
	origin_watch(epoll, end, &end);
	puts("ready");
	fflush(stdout);
	for (;;) {
		n = epoll_wait(epoll, events, EVENTS, -1);
		for (i = 0; i < n; i++) {
			slot = events[i].data.ptr;
			if (slot == &end)
				return 0;
			if (origin_is_one(listener, slot))
				origin_event(epoll, listener, slot,
					     argv + SERVICE__COUNT + 2,
					     first.sin_addr);
			else
				peer_event(events[i].data.ptr,
					   events[i].events);
		}
	}
}
