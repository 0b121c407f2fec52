/* SPDX-License-Identifier: MIT */
/* http1_field.c - what heads are made of: bytes, field lines, lists, URLs */
#include "http1_field.h"

#include <string.h>

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS (ONES * 0x80)

/* What the bytes are: 1 HTTP1_TOKEN, 2 HTTP1_TARGET, 4 HTTP1_HEXDIG */
/* clang-format off */
const uint8_t http1_chars[256] = {
	/* 00 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* 10 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* 20 */ 0, 3, 2, 1, 3, 3, 3, 3, 2, 2, 3, 3, 2, 3, 3, 2,
	/* 30 */ 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 2, 2, 2, 2, 2, 2,
	/* 40 */ 2, 7, 7, 7, 7, 7, 7, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	/* 50 */ 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 3, 3,
	/* 60 */ 3, 7, 7, 7, 7, 7, 7, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	/* 70 */ 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 3, 2, 3, 0,
};
/* clang-format on */

/*
 * Find the first control byte from @p on, or @end.  Eight bytes at a time:
 * heads are nearly all text.  A word that may hold one (the borrow makes the
 * test inexact above a hit, never below) is looked at byte by byte.
 */
static const char *http1_find_control(const char *p, const char *end)
{
	while (end - p >= 8) {
		uint64_t word;
		uint64_t del;

		memcpy(&word, p, 8);
		del = word ^ ONES * 0x7f;
		if ((((word - ONES * 0x20) & ~word) | ((del - ONES) & ~del)) &
		    HIGHS)
			break;
		p += 8;
	}
	while (p < end && (unsigned char)*p >= 0x20 && *p != 0x7f)
		p++;
	return p;
}

const char *http1_skip_text(const char *p, const char *end)
{
	while ((p = http1_find_control(p, end)) < end && *p == '\t')
		p++;
	return p;
}

bool http1_is(struct http1_span s, const char *lower)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (lower[i] == '\0' || http1_lower(s.at[i]) != lower[i])
			return false;
	}
	return lower[i] == '\0';
}

static bool http1_same(struct http1_span a, struct http1_span b)
{
	size_t i;

	if (a.len != b.len)
		return false;
	for (i = 0; i < a.len; i++) {
		if (http1_lower(a.at[i]) != http1_lower(b.at[i]))
			return false;
	}
	return true;
}

struct http1_span http1_trim(const char *start, const char *end)
{
	while (start < end && http1_is_blank(*start))
		start++;
	while (start < end && http1_is_blank(end[-1]))
		end--;
	return (struct http1_span){start, (size_t)(end - start)};
}

bool http1_next_item(struct http1_span *list, struct http1_span *item)
{
	const char *comma;
	const char *end;

	if (list->len == 0)
		return false;
	end = list->at + list->len;
	comma = memchr(list->at, ',', list->len);
	*item = http1_trim(list->at, comma ? comma : end);
	list->at = comma ? comma + 1 : end;
	list->len = (size_t)(end - list->at);
	return true;
}

bool http1_list_has(struct http1_span list, const char *lower)
{
	struct http1_span item;

	while (http1_next_item(&list, &item)) {
		if (http1_is(item, lower))
			return true;
	}
	return false;
}

const char *http1_parse_field(const char **p, const char *end,
			      struct http1_span *name, struct http1_span *value)
{
	const char *start = *p;
	const char *s = start;

	if (http1_is_blank(*s))
		return "a folded field line";
	while (s < end && http1_in_class(*s, HTTP1_TOKEN))
		s++;
	if (s < end && s > start && http1_is_blank(*s))
		return "white space before the colon of a field";
	if (s == end || s == start || *s != ':')
		return "malformed field name";
	*name = (struct http1_span){start, (size_t)(s - start)};
	start = s + 1;
	s = http1_skip_text(start, end);
	if (end - s < 2 || s[0] != '\r' || s[1] != '\n')
		return "control byte in a field";
	*value = http1_trim(start, s);
	*p = s + 2;
	return NULL;
}

bool http1_next_field(struct http1_span *rest, struct http1_span *name,
		      struct http1_span *value)
{
	const char *end;
	const char *p = rest->at;

	if (rest->len == 0)
		return false;
	end = p + rest->len;
	if (http1_parse_field(&p, end, name, value))
		return false;
	rest->at = p;
	rest->len = (size_t)(end - p);
	return true;
}

/* RFC 9110 7.6.1, and what older agents call so */
static bool http1_is_always_hop_by_hop(struct http1_span name)
{
	switch (name.len) {
	case 2:
		return http1_is(name, "te");
	case 7:
		return http1_is(name, "trailer") || http1_is(name, "upgrade");
	case 10:
		return http1_is(name, "connection") ||
		       http1_is(name, "keep-alive");
	case 16:
		return http1_is(name, "proxy-connection");
	case 17:
		return http1_is(name, "transfer-encoding");
	case 18:
		return http1_is(name, "proxy-authenticate");
	case 19:
		return http1_is(name, "proxy-authorization");
	default:
		return false;
	}
}

bool http1_is_hop_by_hop(struct http1_span name,
			 const struct http1_options *options)
{
	size_t i;

	if (http1_is_always_hop_by_hop(name))
		return true;
	if (http1_is(name, "host") || http1_is(name, "content-length"))
		return false;
	for (i = 0; i < options->count; i++) {
		if (http1_same(options->at[i], name))
			return true;
	}
	return false;
}

enum http1_status http1_parse_url(struct http1_span target,
				  struct http1_url *out)
{
	static const char scheme[] = "http://";
	struct http1_url url;
	const char *end = target.at + target.len;
	const char *p = target.at;
	size_t i;

	for (i = 0; i < sizeof(scheme) - 1; i++, p++) {
		if (p == end || http1_lower(*p) != scheme[i])
			return HTTP1_BAD;
	}
	url.authority.at = p;
	while (p < end && *p != '/' && *p != '?') {
		if (*p == '@' || !http1_in_class(*p, HTTP1_TARGET))
			return HTTP1_BAD;
		p++;
	}
	url.authority.len = (size_t)(p - url.authority.at);
	if (url.authority.len == 0)
		return HTTP1_BAD;
	url.path = (struct http1_span){p, (size_t)(end - p)};
	for (; p < end; p++) {
		if (!http1_in_class(*p, HTTP1_TARGET))
			return HTTP1_BAD;
	}
	*out = url;
	return HTTP1_OK;
}
