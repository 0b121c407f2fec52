/* SPDX-License-Identifier: MIT */
/* netlink.h - build netlink requests and wait for their acknowledgement */
#ifndef PEN_JAIL_NETLINK_H
#define PEN_JAIL_NETLINK_H

#include <stddef.h>
#include <stdint.h>

/* The longest request here is the redirect rule set, well under 2 KiB. */
#define NETLINK_BUFFER 4096

/**
 * struct netlink - A buffer of one or more netlink messages
 * @data: the messages, aligned as netlink wants them
 * @len:  bytes used
 * @message: offset of the message that is being built
 * @sequence: number of the last message
 * @expected: how many messages asked for an acknowledgement
 *
 * Overflow is remembered (@len > sizeof data) and found by netlink_send().
 */
struct netlink {
	_Alignas(8) uint8_t data[NETLINK_BUFFER];
	size_t len;
	size_t message;
	uint32_t sequence;
	uint32_t expected;
};

/**
 * netlink_begin() - Start a message
 * @n:     zeroed before the first message
 * @type:  nlmsg_type
 * @flags: nlmsg_flags besides NLM_F_REQUEST
 * @head:  the family's fixed header
 * @len:   its length
 */
void netlink_begin(struct netlink *n, uint16_t type, uint16_t flags,
		   const void *head, size_t len);

/**
 * netlink_put() - Add an attribute to the current message
 * @n:    buffer
 * @type: attribute type
 * @data: value
 * @len:  its length
 */
void netlink_put(struct netlink *n, uint16_t type, const void *data,
		 size_t len);
void netlink_put_text(struct netlink *n, uint16_t type, const char *text);
void netlink_put_u32(struct netlink *n, uint16_t type, uint32_t value);
/* Network byte order, as nf_tables wants its numbers. */
void netlink_put_be32(struct netlink *n, uint16_t type, uint32_t value);

/**
 * netlink_nest() - Open a nested attribute
 * @n:    buffer
 * @type: attribute type
 *
 * Return: what netlink_end_nest() takes.
 */
size_t netlink_nest(struct netlink *n, uint16_t type);
void netlink_end_nest(struct netlink *n, size_t nest);

/**
 * netlink_send() - Send all messages at once and read every acknowledgement
 * @n:        buffer, with each message finished
 * @protocol: NETLINK_ROUTE or NETLINK_NETFILTER
 *
 * Return: 0, or the first errno that the kernel answered (positive).
 */
int netlink_send(const struct netlink *n, int protocol);

#endif /* PEN_JAIL_NETLINK_H */
