/* SPDX-License-Identifier: MIT */
/* addr.h - IP addresses: parsing, formatting, ranges, and what they are for */
#ifndef PEN_ADDR_H
#define PEN_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Longest text: "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255" and its NUL */
#define ADDR_TEXT_MAX 46

/**
 * struct addr - One IP address
 * @family: 4 or 6.  An IPv4-mapped IPv6 address is always held as family 4.
 * @bytes:  network order; the first 4 for IPv4, the rest zero
 *
 * Two addresses are equal exactly if the structs are (memcmp).
 */
struct addr {
	uint8_t family;
	uint8_t bytes[16];
};

/**
 * struct cidr - An address range
 * @base: lowest address; every bit behind @bits is zero
 * @bits: prefix length in @base.family's own terms: 0..32 or 0..128
 */
struct cidr {
	struct addr base;
	uint8_t bits;
};

/* What an address is for.  Everything but ADDR_GLOBAL is refused by default. */
enum addr_class {
	ADDR_GLOBAL,      /* globally reachable */
	ADDR_UNSPECIFIED, /* 0.0.0.0 and :: */
	ADDR_LOOPBACK,    /* 127/8, ::1 */
	ADDR_PRIVATE,     /* RFC 1918, fc00::/7, fec0::/10 */
	ADDR_SHARED,      /* 100.64/10, RFC 6598 */
	ADDR_LINK_LOCAL,  /* 169.254/16, fe80::/10 */
	ADDR_METADATA,    /* cloud metadata services, wherever they live */
	ADDR_MULTICAST,   /* 224/4, ff00::/8 */
	ADDR_SPECIAL,     /* every other special-purpose or reserved block */
	ADDR__CLASSES
};

/**
 * addr_parse() - Parse an address literal without brackets
 * @in:  @len bytes, need not be NUL-terminated
 * @out: set on success
 *
 * IPv4 is four plain decimal numbers 0..255 without leading zeros.  IPv6 is
 * RFC 4291 2.2 text in any spelling, without a zone; an IPv4-mapped one
 * becomes family 4.
 *
 * Return: true if the whole of @in is one address.
 */
bool addr_parse(const char *in, size_t len, struct addr *out);

/**
 * addr_from_v4(), addr_from_v6() - Take an address in network order
 * @out: set; an IPv4-mapped IPv6 address becomes family 4
 */
void addr_from_v4(const uint8_t bytes[4], struct addr *out);
void addr_from_v6(const uint8_t bytes[16], struct addr *out);

/**
 * addr_format() - The canonical text of an address (RFC 5952), no brackets
 * @out: written, NUL-terminated
 *
 * Return: the length without the NUL.
 */
size_t addr_format(const struct addr *a, char out[ADDR_TEXT_MAX]);

/**
 * addr_classify() - What an address is for
 *
 * Whatever the registries do not call globally reachable is refused, blocks
 * with "N/A" (192.88.99.0/24, 2001:10::/28) included.
 *
 * An IPv6 form that carries an IPv4 address (compatible ::/96, NAT64
 * 64:ff9b::/96 and 64:ff9b:1::/48, 6to4, Teredo with server and client,
 * ISATAP, translated ::ffff:0:0:0/96) is judged by that form's own registry
 * entry and by that address: the first that is not global counts.
 * 64:ff9b::/96 in front of a global address is global.
 *
 * Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and
 * updates), RFC 6052, 3056, 4380, 5214.
 */
enum addr_class addr_classify(const struct addr *a);

/** addr_class_name() - A short English name, static: "loopback", ... */
const char *addr_class_name(enum addr_class c);

/**
 * cidr_parse() - Parse ADDR/LEN, or ADDR for a range of one
 * @in:  @len bytes
 * @out: set on success; an IPv4-mapped range (::ffff:10.0.0.0/104) becomes the
 *       IPv4 range that it means (10.0.0.0/8)
 *
 * Return: NULL on success, else a static text that says what is wrong
 * (host bits set, prefix too long, not an address).
 */
const char *cidr_parse(const char *in, size_t len, struct cidr *out);

/** cidr_contains() - Whether @a lies in @c; families never mix */
bool cidr_contains(const struct cidr *c, const struct addr *a);

/**
 * addr_from_sockaddr() - Take address and port out of a socket address
 * @sa:   AF_INET or AF_INET6; anything else gives false
 * @port: set to the port in host order; may be NULL
 */
bool addr_from_sockaddr(const struct sockaddr *sa, struct addr *out,
			uint16_t *port);

/**
 * addr_to_sockaddr() - Build a socket address
 * @port: host order
 * @ss:   cleared and filled in
 *
 * Return: the length to give to connect(2) or bind(2).
 */
socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port,
			   struct sockaddr_storage *ss);

#endif
