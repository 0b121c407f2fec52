/* SPDX-License-Identifier: MIT */
/* socks5.c - SOCKS5 requests (RFC 1928), CONNECT without authentication */
#include "socks5.h"

#include <string.h>

#define SOCKS5_VERSION 5
#define SOCKS5_NO_AUTH 0

#define SOCKS5_ATYP_IPV4 1
#define SOCKS5_ATYP_NAME 3
#define SOCKS5_ATYP_IPV6 4

enum socks5_status socks5_parse_greeting(const uint8_t *buf, size_t len,
					 size_t *used)
{
	size_t total;

	if (len > 0 && buf[0] != SOCKS5_VERSION)
		return SOCKS5_BAD;
	if (len < 2)
		return SOCKS5_MORE;
	total = 2 + (size_t)buf[1];
	if (len < total)
		return SOCKS5_MORE;
	*used = total;
	if (!memchr(buf + 2, SOCKS5_NO_AUTH, total - 2))
		return SOCKS5_NO_METHOD;
	return SOCKS5_OK;
}

/* The length of a request up to its address type, and with its first byte */
static size_t socks5_address_len(const uint8_t *buf)
{
	switch (buf[3]) {
	case SOCKS5_ATYP_IPV4:
		return 4;
	case SOCKS5_ATYP_IPV6:
		return 16;
	default:
		return 1 + (size_t)buf[4];
	}
}

enum socks5_status socks5_parse_request(const uint8_t *buf, size_t len,
					struct socks5_request *out,
					size_t *used)
{
	struct socks5_request r = {.name = NULL};
	const uint8_t *port;
	size_t addr_len;

	if (len > 0 && buf[0] != SOCKS5_VERSION)
		return SOCKS5_BAD;
	if (len > 2 && buf[2] != 0)
		return SOCKS5_BAD;
	if (len < 4)
		return SOCKS5_MORE;
	r.command = buf[1];
	r.atyp = buf[3];
	if (r.atyp != SOCKS5_ATYP_IPV4 && r.atyp != SOCKS5_ATYP_NAME &&
	    r.atyp != SOCKS5_ATYP_IPV6) {
		*used = 4;
		*out = r;
		return SOCKS5_OK;
	}
	if (len < 5)
		return SOCKS5_MORE;
	addr_len = socks5_address_len(buf);
	if (len < 4 + addr_len + 2)
		return SOCKS5_MORE;
	if (r.atyp == SOCKS5_ATYP_IPV4) {
		addr_from_v4(buf + 4, &r.addr);
	} else if (r.atyp == SOCKS5_ATYP_IPV6) {
		addr_from_v6(buf + 4, &r.addr);
	} else {
		r.name = (const char *)buf + 5;
		r.name_len = buf[4];
	}
	port = buf + 4 + addr_len;
	r.port = (uint16_t)(port[0] << 8 | port[1]);
	*used = 4 + addr_len + 2;
	*out = r;
	return SOCKS5_OK;
}

size_t socks5_write_reply(enum socks5_reply code, const struct addr *bound,
			  uint16_t port, uint8_t out[SOCKS5_REPLY_MAX])
{
	static const struct addr none = {.family = 4};
	size_t n = 4;

	if (!bound) {
		bound = &none;
		port = 0;
	}
	out[0] = SOCKS5_VERSION;
	out[1] = (uint8_t)code;
	out[2] = 0;
	if (bound->family == 4) {
		out[3] = SOCKS5_ATYP_IPV4;
		memcpy(out + n, bound->bytes, 4);
		n += 4;
	} else {
		out[3] = SOCKS5_ATYP_IPV6;
		memcpy(out + n, bound->bytes, 16);
		n += 16;
	}
	out[n++] = (uint8_t)(port >> 8);
	out[n++] = (uint8_t)port;
	return n;
}
