/* SPDX-License-Identifier: MIT */
/* name.h - host names and ports as text: one canonical spelling each */
#ifndef PEN_NAME_H
#define PEN_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 1035 2.3.4 allows 255 octets on the wire, which is 253 as text. */
#define NAME_MAX_LEN 253
#define NAME_MAX_LABEL 63

enum name_status {
	NAME_OK,      /* a DNS name; the canonical spelling was written */
	NAME_NUMERIC, /* ends in a label that is a number: never a DNS name */
	NAME_BAD,     /* not a host name at all */
};

/**
 * name_canonical() - Check a host name and write its one canonical spelling
 * @in:  @len bytes as the client wrote them; need not be NUL-terminated, may
 *       hold any byte; borrowed
 * @len: 0..any
 * @out: set on NAME_OK only: lower-case ASCII without the trailing dot,
 *       NUL-terminated
 *
 * Accepts labels of 1 to 63 letters, digits, hyphens or underscores, at most
 * 253 bytes in all, with one trailing dot dropped.  NAME_NUMERIC is a name
 * of valid labels whose last one is a number in decimal, octal or
 * hexadecimal spelling (0x7f.1, 127.1, 2130706433, 10.0.0.5): the caller may
 * still take it for an address through addr_parse(), never for a name.
 *
 * Return: an enum name_status; @out is untouched unless NAME_OK.
 * Source: RFC 1123 2.1, RFC 2181 11, WHATWG URL "ends in a number".
 */
enum name_status name_canonical(const char *in, size_t len,
				char out[NAME_MAX_LEN + 1]);

/**
 * name_take() - The same for the name that a text begins with
 * @in:    @len bytes; the name goes as far as bytes that a name may hold do
 * @out:   as for name_canonical(), but not left as it was by another status
 * @taken: set unless NAME_BAD: how many bytes the name has in @in, a trailing
 *         dot included
 */
enum name_status name_take(const char *in, size_t len,
			   char out[NAME_MAX_LEN + 1], size_t *taken);

/**
 * name_parse_port() - Parse a TCP port
 * @in:   @len bytes, need not be NUL-terminated
 * @port: set on success, host order, 1..65535
 *
 * Return: true for plain decimal digits without sign, space or leading zero.
 */
bool name_parse_port(const char *in, size_t len, uint16_t *port);

/** name_take_port() - The same for the digits that a text begins with; returns
 *  how many they are, or 0 */
size_t name_take_port(const char *in, size_t len, uint16_t *port);

/**
 * name_split_port() - Split "host:port" or "[v6]:port" at its port
 * @in:       @len bytes, need not be NUL-terminated
 * @host_len: length of the host part from @in on, brackets included
 * @port_off: offset of the first byte of the port, or 0 where there is none
 *
 * The port is what follows the last colon outside brackets.  Nothing but the
 * shape is checked: host and port may still be empty or malformed.
 *
 * Return: false for an unbalanced bracket, one that is not round the whole
 * host, bytes between ']' and ':', or more than one colon outside brackets.
 */
bool name_split_port(const char *in, size_t len, size_t *host_len,
		     size_t *port_off);

/**
 * name_parent() - The name without its first label
 * @name: canonical, NUL-terminated
 *
 * Return: a pointer into @name ("b.c" for "a.b.c"), NULL for a single label.
 */
const char *name_parent(const char *name);

#endif
