/* SPDX-License-Identifier: MIT */
/* http1_field.h - parts of heads; for the http1 sources alone */
#ifndef PEN_HTTP1_FIELD_H
#define PEN_HTTP1_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http1.h"

#define HTTP1_TOKEN 1  /* tchar, RFC 9110 5.6.2 */
#define HTTP1_TARGET 2 /* printable ASCII but space and '#' */
#define HTTP1_HEXDIG 4 /* 0-9 a-f A-F */

/* The classes that each byte belongs to, or'ed together */
extern const uint8_t http1_chars[256];

static inline bool http1_in_class(char c, int class)
{
	return http1_chars[(unsigned char)c] & class;
}

static inline char http1_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool http1_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/**
 * http1_skip_text() - Find the first byte that no field value may hold
 *
 * Return: the first control byte but a tab from @p on, or @end.
 * Source: RFC 9110 5.5.
 */
const char *http1_skip_text(const char *p, const char *end);

/** http1_trim() - The span from @start to @end without blanks round it */
struct http1_span http1_trim(const char *start, const char *end);

/**
 * http1_next_item() - Take the next element off a comma-separated list
 * @list: advanced past it
 * @item: set, blanks trimmed; may be empty
 *
 * Return: false at the end.
 */
bool http1_next_item(struct http1_span *list, struct http1_span *item);

/**
 * http1_parse_field() - Parse one field line
 * @p:     its first byte, before @end; moved behind its CRLF on success
 * @value: set, blanks trimmed
 *
 * Return: NULL on success, else a static text that names the fault.
 */
const char *http1_parse_field(const char **p, const char *end,
			      struct http1_span *name,
			      struct http1_span *value);

#endif
