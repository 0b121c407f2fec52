/* SPDX-License-Identifier: MIT */
/* dns.c - the resolver of the bench: it knows one address */

#include "tests/bench/dns.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/net.h"

#define HEADER 12
#define MESSAGE_MAX 512
#define NAME_MAX_LEN 255
#define TYPE_A 1
#define NO_SUCH_NAME 3

/* The answer record of an A query: the name of the question, type, class,
 * ten minutes to live, four bytes that follow (RFC 1035 4.1.3). */
static const uint8_t record[] = {0xc0, HEADER, 0, TYPE_A, 0, 1,
				 0,    0,      2, 0x58,   0, 4};

int dns_listen(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)at, sizeof(*at)))
		net_die("cannot listen for queries");
	return fd;
}

/* The name of the question as text.  Returns where it ends, 0 if it is bad. */
static size_t dns_name(const uint8_t *message, size_t len, char *name)
{
	size_t at = HEADER, i, used = 0;

	while (at < len && message[at]) {
		const size_t label = message[at++];

		if (label > 63 || at + label > len ||
		    used + label + 1 >= NAME_MAX_LEN)
			return 0;
		if (used)
			name[used++] = '.';
		for (i = 0; i < label; i++)
			name[used++] = (char)tolower(message[at + i]);
		at += label;
	}
	name[used] = '\0';
	return at + 5 <= len ? at + 1 : 0;
}

static bool dns_known(char *const *names, const char *name)
{
	for (; *names; names++) {
		if (!strcmp(*names, name))
			return true;
	}
	return false;
}

/* Makes the answer of a query in its place; its length, 0 for none. */
static size_t dns_answer(uint8_t *message, size_t len, char *const *names,
			 struct in_addr address)
{
	char name[NAME_MAX_LEN + 1];
	size_t end;
	bool known, found;

	end = len > HEADER ? dns_name(message, len, name) : 0;
	if (!end)
		return 0;
	known = dns_known(names, name);
	found = known && message[end] == 0 && message[end + 1] == TYPE_A;
	len = end + 4;
	/* An answer, with authority, to a client that wants recursion. */
	message[2] = 0x85;
	message[3] = 0x80 | (known ? 0 : NO_SUCH_NAME);
	memset(message + 6, 0, HEADER - 6);
	if (!found)
		return len;
	message[7] = 1;
	memcpy(message + len, record, sizeof(record));
	memcpy(message + len + sizeof(record), &address, sizeof(address));
	return len + sizeof(record) + sizeof(address);
}

void dns_serve(int fd, char *const *names, struct in_addr address)
{
	uint8_t message[MESSAGE_MAX + 64];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t n;
	size_t len;

	while ((n = recvfrom(fd, message, MESSAGE_MAX, 0,
			     (struct sockaddr *)&from, &size)) > 0) {
		len = dns_answer(message, (size_t)n, names, address);
		if (len)
			sendto(fd, message, len, 0,
			       (const struct sockaddr *)&from, size);
		size = sizeof(from);
	}
}
