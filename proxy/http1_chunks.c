/* SPDX-License-Identifier: MIT */
/* http1_chunks.c - chunked bodies, followed without changing them */
#include "http1.h"

#include <string.h>

#include "http1_field.h"

#define CHUNKS_SIZE_DIGITS 15 /* 60 bits: no reader overflows */
#define CHUNKS_LINE_MAX 4096
#define CHUNKS_TRAIL_MAX 16384

/* CHUNKS_SIZE is zero: it is where a zeroed state starts. */
enum chunks_state {
	CHUNKS_SIZE,    /* in the digits of a size */
	CHUNKS_BLANK,   /* behind them: blanks may only lead to a ';' */
	CHUNKS_EXT,     /* in the extensions */
	CHUNKS_SIZE_LF, /* the LF of a size line is next */
	CHUNKS_DATA,
	CHUNKS_DATA_CR,
	CHUNKS_DATA_LF,
	CHUNKS_TRAIL, /* a trailer field or the last CRLF is next */
	CHUNKS_NAME,
	CHUNKS_VALUE,
	CHUNKS_VALUE_LF,
	CHUNKS_LAST_LF,
	CHUNKS_DONE,
	CHUNKS_FAILED,
};

static unsigned int chunks_digit(char c)
{
	return c <= '9' ? (unsigned int)(c - '0')
			: (unsigned int)(c | 0x20) - 'a' + 10;
}

/* The size line has begun: digits, then blanks, extensions or the CR. */
static enum chunks_state chunks_size(struct http1_chunks *c, char byte)
{
	if (http1_in_class(byte, HTTP1_HEXDIG)) {
		if (c->line_len > CHUNKS_SIZE_DIGITS)
			return CHUNKS_FAILED;
		c->left = c->left << 4 | chunks_digit(byte);
		return CHUNKS_SIZE;
	}
	if (c->line_len == 1)
		return CHUNKS_FAILED; /* no digit at all */
	if (byte == '\r')
		return CHUNKS_SIZE_LF;
	if (byte == ';')
		return CHUNKS_EXT;
	return http1_is_blank(byte) ? CHUNKS_BLANK : CHUNKS_FAILED;
}

static bool chunks_is_control(char byte)
{
	return ((unsigned char)byte < 0x20 && byte != '\t') || byte == 0x7f;
}

/* One byte of framing in a size line; the next state */
static enum chunks_state chunks_line_byte(struct http1_chunks *c,
					  enum chunks_state state, char byte)
{
	if (++c->line_len > CHUNKS_LINE_MAX)
		return CHUNKS_FAILED;
	if (state == CHUNKS_SIZE)
		return chunks_size(c, byte);
	if (state == CHUNKS_BLANK) {
		if (byte == ';')
			return CHUNKS_EXT;
		return http1_is_blank(byte) ? CHUNKS_BLANK : CHUNKS_FAILED;
	}
	if (state == CHUNKS_EXT) {
		if (byte == '\r')
			return CHUNKS_SIZE_LF;
		return chunks_is_control(byte) ? CHUNKS_FAILED : CHUNKS_EXT;
	}
	if (byte != '\n')
		return CHUNKS_FAILED;
	c->line_len = 0;
	return c->left > 0 ? CHUNKS_DATA : CHUNKS_TRAIL;
}

/* One byte of the trailer section; the next state */
static enum chunks_state chunks_trail_byte(struct http1_chunks *c,
					   enum chunks_state state, char byte)
{
	if (++c->trail_len > CHUNKS_TRAIL_MAX)
		return CHUNKS_FAILED;
	if (state == CHUNKS_TRAIL && byte == '\r')
		return CHUNKS_LAST_LF;
	if (state == CHUNKS_NAME && byte == ':')
		return CHUNKS_VALUE;
	if (state == CHUNKS_TRAIL || state == CHUNKS_NAME)
		return http1_in_class(byte, HTTP1_TOKEN) ? CHUNKS_NAME
							 : CHUNKS_FAILED;
	if (state == CHUNKS_VALUE) {
		if (byte == '\r')
			return CHUNKS_VALUE_LF;
		return chunks_is_control(byte) ? CHUNKS_FAILED : CHUNKS_VALUE;
	}
	if (byte != '\n')
		return CHUNKS_FAILED;
	return state == CHUNKS_LAST_LF ? CHUNKS_DONE : CHUNKS_TRAIL;
}

/* Pass over chunk data; return how many bytes it was. */
static size_t chunks_skip_data(struct http1_chunks *c, size_t avail)
{
	size_t n = avail < c->left ? avail : (size_t)c->left;

	c->left -= n;
	c->payload += n;
	return n;
}

/* @decode: move the chunk data to @data */
static enum http1_status chunks_walk(struct http1_chunks *c, const char *buf,
				     size_t len, size_t *used, bool decode,
				     char *data)
{
	enum chunks_state state = (enum chunks_state)c->state;
	size_t i = 0;

	while (i < len && state < CHUNKS_DONE) {
		if (state == CHUNKS_DATA) {
			size_t n = chunks_skip_data(c, len - i);

			if (decode) {
				memmove(data, buf + i, n);
				data += n;
			}
			i += n;
			if (c->left == 0)
				state = CHUNKS_DATA_CR;
			continue;
		}
		if (state == CHUNKS_DATA_CR)
			state = buf[i] == '\r' ? CHUNKS_DATA_LF : CHUNKS_FAILED;
		else if (state == CHUNKS_DATA_LF)
			state = buf[i] == '\n' ? CHUNKS_SIZE : CHUNKS_FAILED;
		else if (state < CHUNKS_DATA)
			state = chunks_line_byte(c, state, buf[i]);
		else
			state = chunks_trail_byte(c, state, buf[i]);
		i++;
	}
	c->state = (uint8_t)state;
	*used = state == CHUNKS_DONE ? i : len;
	if (state == CHUNKS_DONE)
		return HTTP1_OK;
	return state == CHUNKS_FAILED ? HTTP1_BAD : HTTP1_MORE;
}

enum http1_status http1_chunks_feed(struct http1_chunks *c, const char *buf,
				    size_t len, size_t *used)
{
	return chunks_walk(c, buf, len, used, false, NULL);
}

enum http1_status http1_chunks_decode(struct http1_chunks *c, char *buf,
				      size_t len, size_t *used,
				      size_t *data_len)
{
	uint64_t before = c->payload;
	enum http1_status s = chunks_walk(c, buf, len, used, true, buf);

	*data_len = (size_t)(c->payload - before);
	return s;
}
