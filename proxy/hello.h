/* SPDX-License-Identifier: MIT */
/* hello.h - the server name in the first bytes of a TLS stream */
#ifndef PEN_HELLO_H
#define PEN_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest ClientHello, its 4-byte header included, record headers not. */
#define HELLO_MAX 65536
#define HELLO_SNI_MAX 255

enum hello_status {
	HELLO_MORE,    /* no verdict yet */
	HELLO_NOT_TLS, /* does not begin like a TLS record */
	HELLO_NAME,    /* a whole ClientHello with one server name */
	HELLO_NO_NAME, /* a whole ClientHello without server_name */
	HELLO_BAD,     /* begins like TLS but is malformed, too long, has two
			  names, a NUL in its name, or a record of another type
			  comes first */
};

/**
 * struct hello - Parser state; start with all zero
 * @sni: on HELLO_NAME the bytes of the name as sent (no NUL in them),
 *       NUL-terminated; neither lower-cased nor checked as a host name
 * @ech: an encrypted_client_hello extension was seen (GREASE included)
 *
 * The rest is private.
 */
struct hello {
	char sni[HELLO_SNI_MAX + 1];
	uint8_t sni_len;
	bool ech;
	bool has_name; /* private from here on */
	bool in_hello; /* the first two bytes were those of TLS */
	uint8_t record_type;
	uint8_t record_pos; /* bytes of the record header so far */
	uint8_t state;
	uint8_t field_pos; /* bytes of the number so far */
	uint16_t ext_type;
	uint16_t ext_left;
	uint32_t number;
	uint32_t record_left;
	uint32_t hello_left; /* bytes of the message not given to a field */
	uint32_t skip_left;
};

/**
 * hello_feed() - Look for the server name in the start of a TLS stream
 * @h:    parser state, all zero at first
 * @data: the next bytes of the stream; borrowed
 * @len:  number of bytes at @data, 0..any; bytes behind the hello are ignored
 *
 * Time is linear in the bytes fed, however they are cut; memory is @h alone.
 * "Begins like TLS" is a record type of 20 to 23 followed by major version 3.
 * Records may split the hello anywhere; its length is limited to HELLO_MAX.
 * HELLO_BAD is said at the first byte that is wrong: an empty record or one
 * over 2^14 bytes (RFC 8446 5.1), a length that does not fit what it is in, a
 * second name or a name of a type other than host_name, a NUL in the name.
 * Once a result other than HELLO_MORE was returned, @h is at its end, and
 * further calls return the same.
 *
 * Source: RFC 8446 4.1.2 and 5.1, RFC 6066 3, RFC 9849 (ECH, type 0xfe0d).
 */
enum hello_status hello_feed(struct hello *h, const uint8_t *data, size_t len);

/** hello_alert_unrecognized_name - a fatal alert record (RFC 6066 3) */
extern const uint8_t hello_alert_unrecognized_name[7];

#endif
