/* SPDX-License-Identifier: MIT */
/* hello.c - the server name in the first bytes of a TLS stream */
#include "hello.h"

#include <string.h>

/*
 * Theory of operation
 *
 * Two machines, one inside the other.  The outer one (hello_feed) takes the
 * record headers off; the inner one (hello_take) sees the bytes of the
 * handshake message as if there were no records.  Each stops between any two
 * bytes and goes on there, so it does not matter how the stream is cut.
 *
 * The inner machine is in a state that either gathers a number of 1 to 3 bytes
 * or passes over (or copies) a run of bytes.  Whatever it is about to read is
 * taken off hello_left first, so that nothing can lie outside the message; the
 * list of extensions has to fill the rest of it exactly, and a server_name
 * extension is one name and nothing else.
 */

#define RECORD_HANDSHAKE 22
#define RECORD_HEADER 5
#define RECORD_MAX 16384 /* RFC 8446 5.1 */
#define CLIENT_HELLO 1
#define HANDSHAKE_HEADER 4
#define EXT_SERVER_NAME 0
#define EXT_ECH 0xfe0d

/* HELLO_TYPE is zero: it is where a zeroed state starts. */
enum hello_state {
	HELLO_TYPE,
	HELLO_LENGTH,
	HELLO_VERSION,
	HELLO_RANDOM,
	HELLO_SESSION_LEN,
	HELLO_SESSION,
	HELLO_SUITES_LEN,
	HELLO_SUITES,
	HELLO_COMPRESSION_LEN,
	HELLO_COMPRESSION,
	HELLO_EXTS_LEN,
	HELLO_EXT_TYPE,
	HELLO_EXT_LEN,
	HELLO_EXT_BODY,
	HELLO_SNI_LIST_LEN,
	HELLO_SNI_TYPE,
	HELLO_SNI_LEN,
	HELLO_SNI_NAME,
	HELLO_DONE,
	HELLO_FAILED,
	HELLO_FOREIGN,
	HELLO__STATES
};

/* How many bytes the number of a state has; 0 for a run of bytes */
static const uint8_t hello_width[HELLO__STATES] = {
	[HELLO_TYPE] = 1,       [HELLO_LENGTH] = 3,
	[HELLO_VERSION] = 2,    [HELLO_SESSION_LEN] = 1,
	[HELLO_SUITES_LEN] = 2, [HELLO_COMPRESSION_LEN] = 1,
	[HELLO_EXTS_LEN] = 2,   [HELLO_EXT_TYPE] = 2,
	[HELLO_EXT_LEN] = 2,    [HELLO_SNI_LIST_LEN] = 2,
	[HELLO_SNI_TYPE] = 1,   [HELLO_SNI_LEN] = 2,
};

/* A fatal alert (2), unrecognized_name (112) */
const uint8_t hello_alert_unrecognized_name[7] = {21, 3, 3, 0, 2, 2, 112};

static void hello_fail(struct hello *h)
{
	h->state = HELLO_FAILED;
}

/* Go on with a number, if the message has room for it. */
static void hello_want_number(struct hello *h, enum hello_state state)
{
	if (hello_width[state] > h->hello_left) {
		hello_fail(h);
		return;
	}
	h->hello_left -= hello_width[state];
	h->state = (uint8_t)state;
}

/* An extension has ended (or the list began): the next one, or the end. */
static void hello_want_extension(struct hello *h)
{
	if (h->hello_left == 0)
		h->state = HELLO_DONE;
	else
		hello_want_number(h, HELLO_EXT_TYPE);
}

/* A run of bytes has ended: what comes behind it. */
static void hello_end_run(struct hello *h)
{
	switch (h->state) {
	case HELLO_RANDOM:
		hello_want_number(h, HELLO_SESSION_LEN);
		break;
	case HELLO_SESSION:
		hello_want_number(h, HELLO_SUITES_LEN);
		break;
	case HELLO_SUITES:
		hello_want_number(h, HELLO_COMPRESSION_LEN);
		break;
	case HELLO_COMPRESSION:
		/* RFC 5246 7.4.1.2: a hello may have no extensions at all. */
		if (h->hello_left == 0)
			h->state = HELLO_DONE;
		else
			hello_want_number(h, HELLO_EXTS_LEN);
		break;
	default:
		hello_want_extension(h);
		break;
	}
}

/* Go on with a run of bytes, if the message has room for it. */
static void hello_want_run(struct hello *h, enum hello_state state,
			   uint32_t len)
{
	if (len > h->hello_left) {
		hello_fail(h);
		return;
	}
	h->hello_left -= len;
	h->skip_left = len;
	h->state = (uint8_t)state;
	if (len == 0)
		hello_end_run(h);
}

static void hello_begin_extension(struct hello *h, uint32_t len)
{
	if (h->ext_type == EXT_ECH)
		h->ech = true;
	if (h->ext_type != EXT_SERVER_NAME) {
		hello_want_run(h, HELLO_EXT_BODY, len);
		return;
	}
	if (h->has_name || len > h->hello_left) {
		hello_fail(h);
		return;
	}
	h->has_name = true;
	h->ext_left = (uint16_t)len;
	hello_want_number(h, HELLO_SNI_LIST_LEN);
}

/*
 * RFC 6066 3: a list of names by type.  No type but host_name (0) was ever
 * defined, the form of any other is unknown, and there may be one name of a
 * type: so the list is one entry, and the lengths follow from each other.
 */
static void hello_end_sni_number(struct hello *h, uint32_t value)
{
	bool good = false;

	switch (h->state) {
	case HELLO_SNI_LIST_LEN:
		good = value + 2 == h->ext_left;
		if (good)
			hello_want_number(h, HELLO_SNI_TYPE);
		break;
	case HELLO_SNI_TYPE:
		good = value == 0;
		if (good)
			hello_want_number(h, HELLO_SNI_LEN);
		break;
	default:
		good = value + 5 == h->ext_left && value > 0 &&
		       value <= HELLO_SNI_MAX;
		if (good)
			hello_want_run(h, HELLO_SNI_NAME, value);
		break;
	}
	if (!good)
		hello_fail(h);
}

/* A number is complete: check it, and go on with what it announces. */
static void hello_end_number(struct hello *h, uint32_t value)
{
	bool good = true;

	switch (h->state) {
	case HELLO_TYPE:
		good = value == CLIENT_HELLO;
		h->state = HELLO_LENGTH;
		break;
	case HELLO_LENGTH:
		good = value <= HELLO_MAX - HANDSHAKE_HEADER;
		h->hello_left = value;
		hello_want_number(h, HELLO_VERSION);
		break;
	case HELLO_VERSION:
		good = value >> 8 == 3;
		hello_want_run(h, HELLO_RANDOM, 32);
		break;
	case HELLO_SESSION_LEN:
		good = value <= 32;
		hello_want_run(h, HELLO_SESSION, value);
		break;
	case HELLO_SUITES_LEN:
		good = value >= 2 && value % 2 == 0;
		hello_want_run(h, HELLO_SUITES, value);
		break;
	case HELLO_COMPRESSION_LEN:
		good = value > 0;
		hello_want_run(h, HELLO_COMPRESSION, value);
		break;
	case HELLO_EXTS_LEN:
		good = value == h->hello_left;
		hello_want_extension(h);
		break;
	case HELLO_EXT_TYPE:
		h->ext_type = (uint16_t)value;
		hello_want_number(h, HELLO_EXT_LEN);
		break;
	case HELLO_EXT_LEN:
		hello_begin_extension(h, value);
		break;
	default:
		hello_end_sni_number(h, value);
		break;
	}
	if (!good)
		hello_fail(h);
}

/* Bytes of a run; the name is kept, everything else is passed over. */
static void hello_take_run(struct hello *h, const uint8_t *data, uint32_t len)
{
	if (h->state == HELLO_SNI_NAME) {
		if (memchr(data, '\0', len)) {
			hello_fail(h);
			return;
		}
		memcpy(h->sni + h->sni_len, data, len);
		h->sni_len = (uint8_t)(h->sni_len + len);
	}
	h->skip_left -= len;
	if (h->skip_left == 0)
		hello_end_run(h);
}

/* Bytes of the handshake message; stops at a verdict. */
static void hello_take(struct hello *h, const uint8_t *data, uint32_t len)
{
	while (len > 0 && h->state < HELLO_DONE) {
		uint32_t n = 1;

		if (hello_width[h->state] > 0) {
			h->number = h->number << 8 | *data;
			if (++h->field_pos == hello_width[h->state]) {
				uint32_t value = h->number;

				h->number = 0;
				h->field_pos = 0;
				hello_end_number(h, value);
			}
		} else {
			n = len < h->skip_left ? len : h->skip_left;
			hello_take_run(h, data, n);
		}
		data += n;
		len -= n;
	}
}

/* One byte of a record header */
static void hello_take_header(struct hello *h, uint8_t byte)
{
	switch (h->record_pos++) {
	case 0:
		h->record_type = byte;
		if (!h->in_hello && (byte < 20 || byte > 23))
			h->state = HELLO_FOREIGN;
		else if (h->in_hello && byte != RECORD_HANDSHAKE)
			hello_fail(h);
		break;
	case 1:
		if (!h->in_hello && byte != 3)
			h->state = HELLO_FOREIGN;
		else if (byte != 3 || h->record_type != RECORD_HANDSHAKE)
			hello_fail(h);
		h->in_hello = true;
		break;
	case 2:
		break;
	case 3:
		h->record_left = (uint32_t)byte << 8;
		break;
	default:
		h->record_left |= byte;
		/*
		 * RFC 8446 5.1: no handshake record is empty.  Nor may it be
		 * here: a stream of such records would never end.
		 */
		if (h->record_left == 0 || h->record_left > RECORD_MAX)
			hello_fail(h);
		break;
	}
}

static enum hello_status hello_verdict(const struct hello *h)
{
	switch (h->state) {
	case HELLO_DONE:
		return h->has_name ? HELLO_NAME : HELLO_NO_NAME;
	case HELLO_FAILED:
		return HELLO_BAD;
	case HELLO_FOREIGN:
		return HELLO_NOT_TLS;
	default:
		return HELLO_MORE;
	}
}

enum hello_status hello_feed(struct hello *h, const uint8_t *data, size_t len)
{
	while (len > 0 && h->state < HELLO_DONE) {
		size_t n = 1;

		if (h->record_pos < RECORD_HEADER) {
			hello_take_header(h, *data);
		} else {
			n = len < h->record_left ? len : h->record_left;
			hello_take(h, data, (uint32_t)n);
			h->record_left -= (uint32_t)n;
			if (h->record_left == 0)
				h->record_pos = 0;
		}
		data += n;
		len -= n;
	}
	return hello_verdict(h);
}
