/* SPDX-License-Identifier: MIT */
/* http1.c - strict HTTP/1.x heads: their end, and what they mean */
#include "http1.h"

#include <string.h>

#include "http1_field.h"

/* What the field lines of a head say together */
struct http1_facts {
	struct http1_span host;
	struct http1_options options;
	uint64_t content_length;
	const char *error;
	uint8_t hosts;
	uint8_t codings;
	uint8_t upgrades;
	bool has_length;
	bool close;
	bool keep_alive;
	bool connection_upgrade;
	bool websocket;
	bool expect_continue;
	bool accepts_problem;
};

enum http1_status http1_find_end(const char *buf, size_t len, size_t *scanned,
				 size_t *head_len)
{
	const char *end = buf + len;
	const char *p = buf + *scanned;

	while ((p = http1_skip_text(p, end)) < end) {
		if (*p != '\r')
			return HTTP1_BAD;
		if (end - p < 2)
			break; /* stay on the CR until its LF is here */
		if (p[1] != '\n' || p == buf)
			return HTTP1_BAD;
		p += 2;
		if (p - buf >= 4 && p[-3] == '\n') {
			*head_len = (size_t)(p - buf);
			*scanned = *head_len;
			return HTTP1_OK;
		}
	}
	*scanned = (size_t)(p - buf);
	return HTTP1_MORE;
}

size_t http1_skip_crlf(const char *buf, size_t len)
{
	size_t n = 0;

	while (n < 4 && len - n >= 2 && buf[n] == '\r' && buf[n + 1] == '\n')
		n += 2;
	return n;
}

/* An Accept header names a media type, whatever its parameters are. */
static bool http1_accepts(struct http1_span list, const char *type)
{
	struct http1_span item;

	while (http1_next_item(&list, &item)) {
		const char *semicolon;

		if (item.len == 0)
			continue;
		semicolon = memchr(item.at, ';', item.len);
		if (semicolon)
			item = http1_trim(item.at, semicolon);
		if (http1_is(item, type))
			return true;
	}
	return false;
}

/* RFC 9110 8.6: digits alone; over 2^63 no reader can be trusted with it. */
static bool http1_parse_length(struct http1_span value, uint64_t *out)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < value.len; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return false;
		if (n > (INT64_MAX - 9) / 10)
			return false;
		n = n * 10 + (uint64_t)(value.at[i] - '0');
	}
	*out = n;
	return value.len > 0;
}

static void http1_note_connection(struct http1_facts *f,
				  struct http1_span value)
{
	struct http1_span item;

	while (http1_next_item(&value, &item)) {
		if (http1_is(item, "close"))
			f->close = true;
		else if (http1_is(item, "keep-alive"))
			f->keep_alive = true;
		else if (http1_is(item, "upgrade"))
			f->connection_upgrade = true;
		else if (item.len && f->options.count < HTTP1_MAX_OPTIONS)
			f->options.at[f->options.count++] = item;
		else if (item.len)
			f->error = "Connection names too many fields";
	}
}

/* Note what a field says about the message; the length picks the few names. */
static void http1_note_field(struct http1_facts *f, struct http1_span name,
			     struct http1_span value)
{
	switch (name.len) {
	case 4:
		if (!http1_is(name, "host"))
			break;
		f->host = value;
		if (f->hosts++)
			f->error = "two Host fields";
		break;
	case 6:
		if (http1_is(name, "expect"))
			f->expect_continue |=
				http1_list_has(value, "100-continue");
		else if (http1_is(name, "accept"))
			f->accepts_problem |= http1_accepts(
				value, "application/problem+json");
		break;
	case 7:
		if (!http1_is(name, "upgrade"))
			break;
		f->upgrades = f->upgrades ? 2 : 1;
		f->websocket = http1_list_has(value, "websocket");
		break;
	case 10:
		if (http1_is(name, "connection"))
			http1_note_connection(f, value);
		break;
	case 14:
		if (!http1_is(name, "content-length"))
			break;
		if (f->has_length)
			f->error = "two Content-Length fields";
		else if (!http1_parse_length(value, &f->content_length))
			f->error = "malformed Content-Length";
		f->has_length = true;
		break;
	case 17:
		if (!http1_is(name, "transfer-encoding"))
			break;
		if (f->codings++)
			f->error = "two Transfer-Encoding fields";
		else if (!http1_is(value, "chunked"))
			f->error = "Transfer-Encoding is not chunked alone";
		break;
	default:
		break;
	}
}

/* Parse all field lines and the empty line that ends the head. */
static void http1_parse_fields(const char *p, const char *end,
			       struct http1_facts *f, struct http1_span *fields)
{
	const char *start = p;

	while (p < end && *p != '\r') {
		struct http1_span value;
		struct http1_span name;

		f->error = http1_parse_field(&p, end, &name, &value);
		if (f->error)
			return;
		http1_note_field(f, name, value);
		if (f->error)
			return;
	}
	*fields = (struct http1_span){start, (size_t)(p - start)};
	if (end - p != 2 || p[0] != '\r' || p[1] != '\n')
		f->error = "the head does not end in an empty line";
}

static bool http1_keep_alive(const struct http1_facts *f, uint8_t minor)
{
	return !f->close && (minor == 1 || f->keep_alive);
}

/* "HTTP/1.0" or "HTTP/1.1" at @p: RFC 9112 2.3, case matters. */
static bool http1_parse_version(const char *p, const char *end, uint8_t *minor)
{
	if (end - p < 8 || memcmp(p, "HTTP/1.", 7) != 0 ||
	    (p[7] != '0' && p[7] != '1'))
		return false;
	*minor = (uint8_t)(p[7] - '0');
	return true;
}

static const char *http1_parse_request_line(const char **p, const char *end,
					    struct http1_request *r)
{
	const char *start = *p;
	const char *s = start;

	while (s < end && http1_in_class(*s, HTTP1_TOKEN))
		s++;
	if (s == start || s == end || *s != ' ')
		return "malformed method";
	r->method = (struct http1_span){start, (size_t)(s - start)};
	start = ++s;
	while (s < end && http1_in_class(*s, HTTP1_TARGET))
		s++;
	if (s == start || s == end || *s != ' ')
		return "malformed request target";
	r->target = (struct http1_span){start, (size_t)(s - start)};
	s++;
	if (!http1_parse_version(s, end, &r->minor))
		return "not HTTP/1.0 or HTTP/1.1";
	s += 8;
	if (end - s < 2 || s[0] != '\r' || s[1] != '\n')
		return "malformed request line";
	*p = s + 2;
	return NULL;
}

const char *http1_judge_line(const char *line, size_t len)
{
	struct http1_request r;

	return http1_parse_request_line(&line, line + len, &r);
}

/* RFC 9112 6: what a request's fields must not say together. */
static const char *http1_judge_request(const struct http1_request *r,
				       const struct http1_facts *f)
{
	bool connect =
		r->method.len == 7 && memcmp(r->method.at, "CONNECT", 7) == 0;

	if (r->minor == 1 && !f->hosts)
		return "no Host field";
	if (f->codings && f->has_length)
		return "both Content-Length and Transfer-Encoding";
	if (f->codings && r->minor == 0)
		return "Transfer-Encoding in HTTP/1.0";
	if (connect && (f->codings || f->has_length))
		return "CONNECT with a body";
	return NULL;
}

static enum http1_status http1_fail(const char *text, const char **error)
{
	if (error)
		*error = text;
	return HTTP1_BAD;
}

enum http1_status http1_parse_request(const char *head, size_t len,
				      struct http1_request *out,
				      const char **error)
{
	struct http1_facts f = {.error = NULL};
	struct http1_request r = {.minor = 0};
	const char *end = head + len;
	const char *p = head;

	f.error = http1_parse_request_line(&p, end, &r);
	if (!f.error)
		http1_parse_fields(p, end, &f, &r.fields);
	if (!f.error)
		f.error = http1_judge_request(&r, &f);
	if (f.error)
		return http1_fail(f.error, error);
	r.host = f.host;
	r.options = f.options;
	r.content_length = f.content_length;
	r.has_length = f.has_length;
	if (f.codings)
		r.body = HTTP1_BODY_CHUNKED;
	else if (f.content_length > 0)
		r.body = HTTP1_BODY_LENGTH;
	r.keep_alive = http1_keep_alive(&f, r.minor);
	r.expect_continue = r.minor == 1 && f.expect_continue;
	r.upgrade_websocket = r.minor == 1 && f.connection_upgrade &&
			      f.upgrades == 1 && f.websocket;
	r.accepts_problem = f.accepts_problem;
	*out = r;
	return HTTP1_OK;
}

/* RFC 9112 4; the space in front of an empty reason may be missing. */
static const char *http1_parse_status_line(const char **p, const char *end,
					   struct http1_response *r)
{
	const char *s = *p;
	size_t i;

	if (!http1_parse_version(s, end, &r->minor))
		return "not HTTP/1.0 or HTTP/1.1";
	s += 8;
	if (end - s < 6 || *s++ != ' ' || s[0] < '1' || s[0] > '5')
		return "malformed status";
	for (i = 0; i < 3; i++, s++) {
		if (*s < '0' || *s > '9')
			return "malformed status";
		r->status = (uint16_t)(r->status * 10 + (*s - '0'));
	}
	r->reason = (struct http1_span){s, 0};
	if (*s == ' ') {
		r->reason.at = s + 1;
		s = http1_skip_text(s + 1, end);
		r->reason.len = (size_t)(s - r->reason.at);
	}
	if (end - s < 2 || s[0] != '\r' || s[1] != '\n')
		return "malformed status line";
	*p = s + 2;
	return NULL;
}

/* RFC 9112 6.3: how long the body of a response is. */
static enum http1_body http1_response_body(const struct http1_response *r,
					   const struct http1_facts *f,
					   bool head_request)
{
	if (head_request || r->status < 200 || r->status == 204 ||
	    r->status == 304)
		return HTTP1_BODY_NONE;
	if (f->codings)
		return HTTP1_BODY_CHUNKED;
	if (!f->has_length)
		return HTTP1_BODY_CLOSE;
	return f->content_length > 0 ? HTTP1_BODY_LENGTH : HTTP1_BODY_NONE;
}

enum http1_status http1_parse_response(const char *head, size_t len,
				       bool head_request,
				       struct http1_response *out,
				       const char **error)
{
	struct http1_facts f = {.error = NULL};
	struct http1_response r = {.minor = 0};
	const char *end = head + len;
	const char *p = head;

	f.error = http1_parse_status_line(&p, end, &r);
	if (!f.error)
		http1_parse_fields(p, end, &f, &r.fields);
	if (f.error)
		return http1_fail(f.error, error);
	if (f.codings && f.has_length)
		return http1_fail("both Content-Length and Transfer-Encoding",
				  error);
	if (f.codings && r.minor == 0)
		return http1_fail("Transfer-Encoding in HTTP/1.0", error);
	r.options = f.options;
	r.content_length = f.content_length;
	r.has_length = f.has_length;
	r.body = http1_response_body(&r, &f, head_request);
	r.keep_alive =
		http1_keep_alive(&f, r.minor) && r.body != HTTP1_BODY_CLOSE;
	r.upgraded = r.status == 101 && f.upgrades == 1 && f.websocket;
	*out = r;
	return HTTP1_OK;
}
