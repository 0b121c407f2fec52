/* SPDX-License-Identifier: MIT */
/* socks5.h - SOCKS5 requests (RFC 1928), CONNECT without authentication */
#ifndef PEN_SOCKS5_H
#define PEN_SOCKS5_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"

enum socks5_status {
	SOCKS5_OK,
	SOCKS5_MORE,
	SOCKS5_BAD,       /* not SOCKS5: close */
	SOCKS5_NO_METHOD, /* no method that we speak: answer 05 ff */
};

/* Reply codes, RFC 1928 6 */
enum socks5_reply {
	SOCKS5_SUCCEEDED = 0,
	SOCKS5_FAILURE = 1,
	SOCKS5_NOT_ALLOWED = 2,
	SOCKS5_NET_UNREACHABLE = 3,
	SOCKS5_HOST_UNREACHABLE = 4,
	SOCKS5_REFUSED = 5,
	SOCKS5_TTL_EXPIRED = 6,
	SOCKS5_BAD_COMMAND = 7,
	SOCKS5_BAD_ATYP = 8,
};

/* Longest request: 4 + 1 + 255 + 2 bytes; longest greeting: 2 + 255 */
#define SOCKS5_REQUEST_MAX 262
#define SOCKS5_REPLY_MAX 22

/**
 * struct socks5_request - A parsed request
 * @command: 1 CONNECT, 2 BIND, 3 UDP ASSOCIATE, or what the client sent
 * @atyp:    1 IPv4, 3 name, 4 IPv6, or what the client sent
 * @name:    for atyp 3 the bytes of the name, @name_len of them (0 to 255): any
 *           bytes, not checked, not NUL-terminated; points into the input
 * @addr:    for atyp 1 and 4
 * @port:    host order; may be 0
 */
struct socks5_request {
	const char *name;
	struct addr addr;
	uint16_t port;
	uint8_t name_len;
	uint8_t command;
	uint8_t atyp;
};

/**
 * socks5_parse_greeting() - Parse version and methods
 * @used: set on SOCKS5_OK and SOCKS5_NO_METHOD: length of the greeting
 */
enum socks5_status socks5_parse_greeting(const uint8_t *buf, size_t len,
					 size_t *used);

/**
 * socks5_parse_request() - Parse a request
 * @out:  filled in on SOCKS5_OK; for an unknown atyp only command and atyp are,
 *        and @used is what was looked at
 * @used: set on SOCKS5_OK: length of the request
 *
 * Return: SOCKS5_OK also for commands, address types and names (an empty one
 * included) that the caller has to refuse with a reply; SOCKS5_BAD for a wrong
 * version or reserved byte.
 */
enum socks5_status socks5_parse_request(const uint8_t *buf, size_t len,
					struct socks5_request *out,
					size_t *used);

/**
 * socks5_write_reply() - Write a reply
 * @bound: address to report, or NULL for 0.0.0.0:0
 * @port:  host order
 * @out:   written
 *
 * Return: its length.
 */
size_t socks5_write_reply(enum socks5_reply code, const struct addr *bound,
			  uint16_t port, uint8_t out[SOCKS5_REPLY_MAX]);

#endif
