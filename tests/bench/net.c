/* SPDX-License-Identifier: MIT */
/* net.c - what the programs of the bench share: addresses, sockets, a clock */

#include "tests/bench/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HELLO_PADDING_MAX 4096

void net_die(const char *what)
{
	if (errno)
		fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	else
		fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

uint64_t net_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t net_number(const char *text)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end)
		net_die("not a number");
	return value;
}

struct sockaddr_in net_address(const char *text)
{
	struct sockaddr_in out = {.sin_family = AF_INET};
	char host[INET_ADDRSTRLEN] = "";
	const char *colon = strrchr(text, ':');
	uint64_t port;

	errno = 0;
	if (!colon || (size_t)(colon - text) >= sizeof(host))
		net_die("not an ADDR:PORT");
	memcpy(host, text, (size_t)(colon - text));
	port = net_number(colon + 1);
	if (port > UINT16_MAX || inet_pton(AF_INET, host, &out.sin_addr) != 1)
		net_die("not an ADDR:PORT");
	out.sin_port = htons((uint16_t)port);
	return out;
}

int net_listen(const struct sockaddr_in *at)
{
	int fd, on = 1;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		net_die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) ||
	    listen(fd, 4096))
		net_die("cannot listen");
	return fd;
}

void net_nodelay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void net_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		net_die("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		net_die("setrlimit");
}

/* A writer that knows its end; lengths are filled in when they are known. */
struct hello {
	uint8_t *buf;
	size_t size;
	size_t len;
};

static void hello_put(struct hello *h, const void *bytes, size_t len)
{
	errno = 0;
	if (len > h->size - h->len)
		net_die("no room for a ClientHello");
	memcpy(h->buf + h->len, bytes, len);
	h->len += len;
}

static void hello_put16(struct hello *h, size_t value)
{
	const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	hello_put(h, bytes, sizeof(bytes));
}

static void hello_length(struct hello *h, size_t at)
{
	const size_t len = h->len - at - 2;

	h->buf[at] = (uint8_t)(len >> 8);
	h->buf[at + 1] = (uint8_t)len;
}

/* RFC 6066 3: the list, its one entry, the name. */
static void hello_server_name(struct hello *h, const char *name)
{
	const size_t len = strlen(name);

	hello_put16(h, 0);
	hello_put16(h, len + 5);
	hello_put16(h, len + 3);
	hello_put(h, "", 1);
	hello_put16(h, len);
	hello_put(h, name, len);
}

size_t net_hello(uint8_t *buf, size_t size, const char *name, size_t want)
{
	static const uint8_t zero[HELLO_PADDING_MAX];
	static const uint8_t suites[] = {0x13, 0x01, 0x13, 0x02, 0xc0, 0x2f};
	static const uint8_t versions[] = {4, 3, 4, 3, 3};
	struct hello h = {.buf = buf, .size = size};
	size_t extensions, padding;

	/* RFC 8446 4.1.2: a record, in it the message, in it the fields. */
	hello_put(&h, "\x16\x03\x01\0\0\x01\0\0\0\x03\x03", 11);
	hello_put(&h, zero, 32);
	hello_put(&h, "", 1);
	hello_put16(&h, sizeof(suites));
	hello_put(&h, suites, sizeof(suites));
	hello_put(&h, "\x01\0", 2);
	extensions = h.len;
	hello_put16(&h, 0);
	hello_server_name(&h, name);
	hello_put16(&h, 43);
	hello_put16(&h, sizeof(versions));
	hello_put(&h, versions, sizeof(versions));
	padding = want > h.len + 4 ? want - h.len - 4 : 0;
	if (padding > sizeof(zero))
		net_die("no ClientHello is that large");
	hello_put16(&h, 21);
	hello_put16(&h, padding);
	hello_put(&h, zero, padding);
	hello_length(&h, extensions);
	hello_length(&h, 7);
	hello_length(&h, 3);
	return h.len;
}
