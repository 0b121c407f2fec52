/* SPDX-License-Identifier: MIT */
/* netlink.c - build netlink requests and wait for their acknowledgement */
#include "netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* The kernel answers at once; this only keeps a bug from hanging. */
#define NETLINK_WAIT_S 5

static void netlink_append(struct netlink *n, const void *data, size_t len)
{
	size_t padded = NLMSG_ALIGN(len);
	struct nlmsghdr *header;

	if (n->len > sizeof(n->data) || padded > sizeof(n->data) - n->len) {
		n->len = sizeof(n->data) + 1;
		return;
	}
	memset(n->data + n->len, 0, padded);
	if (len)
		memcpy(n->data + n->len, data, len);
	n->len += padded;
	header = (struct nlmsghdr *)(void *)(n->data + n->message);
	header->nlmsg_len = (uint32_t)(n->len - n->message);
}

void netlink_begin(struct netlink *n, uint16_t type, uint16_t flags,
		   const void *head, size_t len)
{
	struct nlmsghdr header = {
		.nlmsg_type = type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
		.nlmsg_seq = ++n->sequence,
	};

	if (n->len > sizeof(n->data))
		return;
	n->message = n->len;
	if (flags & NLM_F_ACK)
		n->expected++;
	netlink_append(n, &header, sizeof(header));
	netlink_append(n, head, len);
}

void netlink_put(struct netlink *n, uint16_t type, const void *data, size_t len)
{
	struct nlattr attribute = {
		.nla_len = (uint16_t)(sizeof(attribute) + len),
		.nla_type = type,
	};

	netlink_append(n, &attribute, sizeof(attribute));
	netlink_append(n, data, len);
}

void netlink_put_text(struct netlink *n, uint16_t type, const char *text)
{
	netlink_put(n, type, text, strlen(text) + 1);
}

void netlink_put_u32(struct netlink *n, uint16_t type, uint32_t value)
{
	netlink_put(n, type, &value, sizeof(value));
}

void netlink_put_be32(struct netlink *n, uint16_t type, uint32_t value)
{
	netlink_put_u32(n, type, htonl(value));
}

size_t netlink_nest(struct netlink *n, uint16_t type)
{
	size_t start = n->len;

	netlink_put(n, type | NLA_F_NESTED, NULL, 0);
	return start;
}

void netlink_end_nest(struct netlink *n, size_t nest)
{
	struct nlattr *attribute;

	if (n->len > sizeof(n->data))
		return;
	attribute = (struct nlattr *)(void *)(n->data + nest);
	attribute->nla_len = (uint16_t)(n->len - nest);
}

/*
 * Read acknowledgements from one datagram.
 * Return: 0, or the first error in it; *left is counted down.
 */
static int netlink_read_acks(const uint8_t *data, size_t len, uint32_t *left)
{
	while (len >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr header;
		struct nlmsgerr error;
		size_t step;

		memcpy(&header, data, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > len)
			return EBADMSG;
		if (header.nlmsg_type == NLMSG_ERROR) {
			if (header.nlmsg_len < NLMSG_HDRLEN + sizeof(error))
				return EBADMSG;
			memcpy(&error, data + NLMSG_HDRLEN, sizeof(error));
			if (error.error)
				return -error.error;
			if (*left > 0)
				--*left;
		}
		step = NLMSG_ALIGN(header.nlmsg_len);
		if (step > len)
			break;
		data += step;
		len -= step;
	}
	return 0;
}

int netlink_send(const struct netlink *n, int protocol)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct timeval wait = {.tv_sec = NETLINK_WAIT_S};
	_Alignas(8) uint8_t answer[8192];
	uint32_t left = n->expected;
	int error = 0;
	int fd;

	if (n->len > sizeof(n->data))
		return EMSGSIZE;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ||
	    sendto(fd, n->data, n->len, 0, (struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		error = errno;
	while (!error && left > 0) {
		ssize_t got = recv(fd, answer, sizeof(answer), 0);

		if (got < 0 && errno == EINTR)
			continue;
		error = got < 0 ? errno
				: netlink_read_acks(answer, (size_t)got, &left);
	}
	close(fd);
	return error;
}
