/* SPDX-License-Identifier: MIT */
/* addr.c - IP addresses and ranges: parsing, formatting, comparing */
#include "addr.h"

#include <netinet/in.h>
#include <string.h>

#define ADDR_V6_GROUPS 8

/* Parse a dotted quad; four plain decimal numbers and nothing else. */
static bool addr_parse_v4(const char *in, size_t len, uint8_t out[4])
{
	size_t pos = 0;
	size_t n;

	for (n = 0; n < 4; n++) {
		unsigned int value = 0;
		size_t start;

		if (n > 0 && (pos == len || in[pos++] != '.'))
			return false;
		start = pos;
		while (pos < len && in[pos] >= '0' && in[pos] <= '9') {
			/* A leading zero means octal to some readers. */
			if (pos > start && value == 0)
				return false;
			value = value * 10 + (unsigned int)(in[pos++] - '0');
			if (value > 255)
				return false;
		}
		if (pos == start)
			return false;
		out[n] = (uint8_t)value;
	}
	return pos == len;
}

static int addr_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Parse one group of up to four hex digits; return how many were read. */
static size_t addr_parse_group(const char *in, size_t len, uint8_t out[2])
{
	unsigned int value = 0;
	size_t n;

	for (n = 0; n < len && n < 4; n++) {
		int digit = addr_hex(in[n]);

		if (digit < 0)
			break;
		value = value << 4 | (unsigned int)digit;
	}
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
	return n;
}

/* RFC 4291 2.2: groups, at most one "::", and a dotted quad as the tail. */
static bool addr_parse_v6(const char *in, size_t len, uint8_t out[16])
{
	size_t filled = 0;
	size_t gap = 17; /* where "::" was; none yet */
	size_t pos = 0;

	memset(out, 0, 16);
	if (len >= 2 && in[0] == ':' && in[1] == ':') {
		gap = 0;
		pos = 2;
	}
	while (pos < len) {
		size_t digits;

		if (filled == 16)
			return false;
		digits = addr_parse_group(in + pos, len - pos, out + filled);
		if (digits == 0)
			return false;
		if (pos + digits < len && in[pos + digits] == '.') {
			if (filled > 12 ||
			    !addr_parse_v4(in + pos, len - pos, out + filled))
				return false;
			filled += 4;
			break;
		}
		filled += 2;
		pos += digits;
		if (pos == len)
			break;
		if (in[pos++] != ':' || pos == len)
			return false;
		if (in[pos] == ':') {
			if (gap <= 16)
				return false;
			gap = filled;
			pos++;
		}
	}
	if (gap > 16)
		return filled == 16;
	if (filled == 16)
		return false; /* "::" stands for at least one group */
	memmove(out + 16 - (filled - gap), out + gap, filled - gap);
	memset(out + gap, 0, 16 - filled);
	return true;
}

static bool addr_is_mapped(const uint8_t bytes[16])
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(bytes, prefix, sizeof(prefix)) == 0;
}

void addr_from_v4(const uint8_t bytes[4], struct addr *out)
{
	memset(out, 0, sizeof(*out));
	out->family = 4;
	memcpy(out->bytes, bytes, 4);
}

void addr_from_v6(const uint8_t bytes[16], struct addr *out)
{
	if (addr_is_mapped(bytes)) {
		addr_from_v4(bytes + 12, out);
		return;
	}
	out->family = 6;
	memcpy(out->bytes, bytes, 16);
}

bool addr_parse(const char *in, size_t len, struct addr *out)
{
	uint8_t bytes[16];

	/* Both refuse what is too long before they run off their output. */
	if (addr_parse_v4(in, len, bytes)) {
		addr_from_v4(bytes, out);
		return true;
	}
	if (addr_parse_v6(in, len, bytes)) {
		addr_from_v6(bytes, out);
		return true;
	}
	return false;
}

static char *addr_write_decimal(char *p, unsigned int value)
{
	if (value >= 100)
		*p++ = (char)('0' + value / 100);
	if (value >= 10)
		*p++ = (char)('0' + value / 10 % 10);
	*p++ = (char)('0' + value % 10);
	return p;
}

static char *addr_write_hex(char *p, unsigned int value)
{
	static const char digits[] = "0123456789abcdef";
	int shift = 12;

	while (shift > 0 && value >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*p++ = digits[value >> shift & 15];
	return p;
}

/* RFC 5952 4.2: the first of the longest runs of two zero groups or more. */
static size_t addr_find_gap(const uint8_t bytes[16], size_t *gap_len)
{
	size_t best = 0;
	size_t best_len = 1;
	size_t run = 0;
	size_t i;

	for (i = 0; i < ADDR_V6_GROUPS; i++) {
		if (bytes[2 * i] || bytes[2 * i + 1]) {
			run = 0;
			continue;
		}
		if (++run > best_len) {
			best_len = run;
			best = i + 1 - run;
		}
	}
	*gap_len = best_len > 1 ? best_len : 0;
	return best;
}

size_t addr_format(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	char *p = out;
	size_t gap_len;
	size_t gap;
	size_t i;

	if (a->family == 4) {
		for (i = 0; i < 4; i++) {
			if (i > 0)
				*p++ = '.';
			p = addr_write_decimal(p, a->bytes[i]);
		}
		*p = '\0';
		return (size_t)(p - out);
	}
	gap = addr_find_gap(a->bytes, &gap_len);
	for (i = 0; i < ADDR_V6_GROUPS; i++) {
		if (gap_len > 0 && i == gap) {
			*p++ = ':';
			if (gap + gap_len == ADDR_V6_GROUPS)
				*p++ = ':';
			i += gap_len - 1;
			continue;
		}
		if (i > 0)
			*p++ = ':';
		p = addr_write_hex(p, (unsigned int)(a->bytes[2 * i] << 8 |
						     a->bytes[2 * i + 1]));
	}
	*p = '\0';
	return (size_t)(p - out);
}

/* Parse a prefix length of at most three plain digits. */
static bool cidr_parse_bits(const char *in, size_t len, unsigned int *bits)
{
	size_t i;

	*bits = 0;
	if (len == 0 || len > 3 || (len > 1 && in[0] == '0'))
		return false;
	for (i = 0; i < len; i++) {
		if (in[i] < '0' || in[i] > '9')
			return false;
		*bits = *bits * 10 + (unsigned int)(in[i] - '0');
	}
	return true;
}

static bool cidr_has_host_bits(const struct addr *base, unsigned int bits)
{
	size_t i = bits / 8;

	if (i < 16 && base->bytes[i] & 0xff >> bits % 8)
		return true;
	while (++i < 16) {
		if (base->bytes[i])
			return true;
	}
	return false;
}

const char *cidr_parse(const char *in, size_t len, struct cidr *out)
{
	const char *slash = len > 0 ? memchr(in, '/', len) : NULL;
	size_t addr_len = slash ? (size_t)(slash - in) : len;
	struct cidr c = {.bits = 0};
	unsigned int width;
	unsigned int bits;

	if (!addr_parse(in, addr_len, &c.base))
		return "not an IP address";
	width = c.base.family == 4 ? 32 : 128;
	bits = width;
	if (slash && !cidr_parse_bits(slash + 1, len - addr_len - 1, &bits))
		return "the prefix length is not a number";
	/* An IPv4-mapped range is written with the length that IPv6 has. */
	if (slash && width == 32 && memchr(in, ':', addr_len)) {
		if (bits > 128)
			return "the prefix is longer than the address";
		if (bits < 96)
			return "host bits are set";
		bits -= 96;
	}
	if (bits > width)
		return "the prefix is longer than the address";
	if (cidr_has_host_bits(&c.base, bits))
		return "host bits are set";
	c.bits = (uint8_t)bits;
	*out = c;
	return NULL;
}

bool cidr_contains(const struct cidr *c, const struct addr *a)
{
	size_t i = c->bits / 8;
	unsigned int rest = c->bits % 8;

	return c->base.family == a->family &&
	       memcmp(a->bytes, c->base.bytes, i) == 0 &&
	       (rest == 0 ||
		(a->bytes[i] ^ c->base.bytes[i]) >> (8 - rest) == 0);
}

bool addr_from_sockaddr(const struct sockaddr *sa, struct addr *out,
			uint16_t *port)
{
	uint16_t port_be;

	/* Through memcpy: the caller's bytes need not be aligned. */
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in4;

		memcpy(&in4, sa, sizeof(in4));
		addr_from_v4((const uint8_t *)&in4.sin_addr, out);
		port_be = in4.sin_port;
	} else if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		addr_from_v6(in6.sin6_addr.s6_addr, out);
		port_be = in6.sin6_port;
	} else {
		return false;
	}
	if (port)
		*port = ntohs(port_be);
	return true;
}

socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port,
			   struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof(*ss));
	if (a->family == 4) {
		struct sockaddr_in *in4 = (struct sockaddr_in *)ss;

		in4->sin_family = AF_INET;
		in4->sin_port = htons(port);
		memcpy(&in4->sin_addr, a->bytes, 4);
		return sizeof(*in4);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a->bytes, 16);
	return sizeof(*in6);
}
