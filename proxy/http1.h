/* SPDX-License-Identifier: MIT */
/* http1.h - strict HTTP/1.x heads and chunked bodies (RFC 9110, RFC 9112) */
#ifndef PEN_HTTP1_H
#define PEN_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http1_status {
	HTTP1_OK,
	HTTP1_MORE, /* valid so far, incomplete */
	HTTP1_BAD,  /* malformed or ambiguous: answer 400 and close */
};

/*
 * Fields that a head's Connection fields may name.  Without a limit one head of
 * the permitted size could make a proxy compare thousands of names with
 * thousands of options.
 */
#define HTTP1_MAX_OPTIONS 64

/** struct http1_span - A part of the head; not NUL-terminated; borrowed */
struct http1_span {
	const char *at;
	size_t len;
};

/** struct http1_options - What Connection names, but for the options that are
 *  not fields (close) or are hop-by-hop anyway; for http1_is_hop_by_hop() */
struct http1_options {
	struct http1_span at[HTTP1_MAX_OPTIONS];
	size_t count;
};

/**
 * http1_find_end() - Look for the end of a head, resumably
 * @buf:     the bytes so far, from the first one of the head
 * @len:     how many
 * @scanned: 0 at first; how far earlier calls have looked; updated, so that
 *           feeding a head byte by byte costs linear time
 * @head_len: set on HTTP1_OK: length of the head with its final CRLF CRLF
 *
 * Checks line ends as it goes: a bare CR, a bare LF, a NUL or any other control
 * byte but a tab is HTTP1_BAD as soon as it is seen.  It does not skip empty
 * lines before a start line (that is http1_skip_crlf()): one is HTTP1_BAD.
 */
enum http1_status http1_find_end(const char *buf, size_t len, size_t *scanned,
				 size_t *head_len);

/**
 * http1_skip_crlf() - Count the CRLFs in front of a request line
 *
 * RFC 9112 2.2 lets a server ignore at least one; up to two are counted.
 * Return: 0, 2 or 4.
 */
size_t http1_skip_crlf(const char *buf, size_t len);

/**
 * http1_judge_line() - Look at a request line before its head is complete
 * @line: @len bytes with the CRLF
 *
 * Return: NULL, or a static text that names the fault, for which
 * http1_parse_request() will refuse the head.
 */
const char *http1_judge_line(const char *line, size_t len);

enum http1_body {
	HTTP1_BODY_NONE,
	HTTP1_BODY_LENGTH, /* content_length bytes */
	HTTP1_BODY_CHUNKED,
	HTTP1_BODY_CLOSE, /* responses only: until the connection ends */
};

/**
 * struct http1_request - A parsed request head; all spans point into it
 * @minor:          0 or 1 of HTTP/1.minor
 * @method, @target: as written; the target is never empty and has no bytes
 *                  outside printable ASCII
 * @host:           value of the one Host field, optional white space trimmed;
 *                  .at is NULL if there is none
 * @fields:         the field lines, for http1_next_field()
 * @options:        what its Connection fields name
 * @body:           NONE (also for a Content-Length of 0), LENGTH or CHUNKED
 * @has_length:     Content-Length was given (also where it is 0)
 * @keep_alive:     what version and Connection say together
 * @expect_continue: Expect: 100-continue (HTTP/1.1 only)
 * @upgrade_websocket: Connection names upgrade, and the one Upgrade field has
 *                  websocket (any case; HTTP/1.1 only); what else it has is
 *                  not passed on
 * @accepts_problem: Accept names application/problem+json
 */
struct http1_request {
	struct http1_span method, target, host, fields;
	struct http1_options options;
	uint64_t content_length;
	enum http1_body body;
	uint8_t minor;
	bool has_length, keep_alive, expect_continue, upgrade_websocket;
	bool accepts_problem;
};

/**
 * http1_parse_request() - Parse a whole request head
 * @head:  @len bytes as http1_find_end() delimited them
 * @out:   filled in on HTTP1_OK
 * @error: on HTTP1_BAD a static text that names the fault; may be NULL
 *
 * Refuses what RFC 9112 calls ambiguous: Content-Length with
 * Transfer-Encoding, two Content-Length fields (equal ones, too) or lengths in
 * a list, any transfer coding but a single chunked, Transfer-Encoding in
 * HTTP/1.0, obs-fold, white space before the colon, an empty or invalid field
 * name, control bytes in a value, two Host fields, HTTP/1.1 without Host, a
 * version other than HTTP/1.0 and HTTP/1.1, more than one space in the request
 * line, a '#' in the target, and CONNECT with Content-Length or
 * Transfer-Encoding.  Refuses more than HTTP1_MAX_OPTIONS names in Connection,
 * too.
 *
 * Return: HTTP1_OK or HTTP1_BAD.
 */
enum http1_status http1_parse_request(const char *head, size_t len,
				      struct http1_request *out,
				      const char **error);

/**
 * struct http1_response - A parsed response head
 * @status:     100..599 (three digits)
 * @body:       as it follows from status, fields and the request's method
 * @keep_alive: what version, Connection and the body's framing say
 * @upgraded:   101 with Upgrade: websocket
 */
struct http1_response {
	struct http1_span reason, fields;
	struct http1_options options;
	uint64_t content_length;
	enum http1_body body;
	uint16_t status;
	uint8_t minor;
	bool has_length, keep_alive, upgraded;
};

/**
 * http1_parse_response() - Parse a whole response head
 * @head_request: whether it answers a HEAD request (RFC 9112 6.3)
 *
 * Same strictness as for requests; Transfer-Encoding with Content-Length is
 * HTTP1_BAD (a proxy answers 502).
 */
enum http1_status http1_parse_response(const char *head, size_t len,
				       bool head_request,
				       struct http1_response *out,
				       const char **error);

/**
 * http1_next_field() - Walk over field lines that were parsed before
 * @rest:  the fields span; advanced past the line that is returned
 * @name, @value: the next field; white space round the value trimmed
 *
 * Return: false at the end.
 */
bool http1_next_field(struct http1_span *rest, struct http1_span *name,
		      struct http1_span *value);

/** http1_is() - Compare a span with a lower-case text, ignoring ASCII case */
bool http1_is(struct http1_span s, const char *lower);

/**
 * http1_list_has() - Whether a comma-separated list has a token
 * @list: a field value, e.g. of Connection
 * @lower: the token in lower case; compared ignoring ASCII case
 */
bool http1_list_has(struct http1_span list, const char *lower);

/**
 * http1_is_hop_by_hop() - Whether a proxy must not forward a field
 * @name:    the field's name
 * @options: of its head: fields that these name are hop-by-hop, too
 *
 * Connection, Keep-Alive, Proxy-Connection, Proxy-Authenticate,
 * Proxy-Authorization, TE, Trailer, Transfer-Encoding and Upgrade always are:
 * the caller writes anew those that it keeps.  Host and Content-Length never
 * are, whatever Connection says.
 */
bool http1_is_hop_by_hop(struct http1_span name,
			 const struct http1_options *options);

/**
 * struct http1_chunks - State of a chunked body parser; start with all zero
 * @payload: bytes of chunk data seen so far (without framing)
 */
struct http1_chunks {
	uint64_t payload;
	uint64_t left;      /* private */
	uint32_t line_len;  /* private */
	uint32_t trail_len; /* private */
	uint8_t state;      /* private */
};

/**
 * http1_chunks_feed() - Follow a chunked body without changing it
 * @buf:  the next @len bytes
 * @used: set to how many belong to this body (all, unless HTTP1_OK)
 *
 * Refuses chunk sizes over 15 hexadecimal digits, missing or bare line ends,
 * a size line over 4 KiB, trailers over 16 KiB in all, control bytes in
 * extensions and malformed trailer fields.
 *
 * Return: HTTP1_OK once the last chunk and its trailers have ended, HTTP1_MORE
 * before that, HTTP1_BAD.
 */
enum http1_status http1_chunks_feed(struct http1_chunks *c, const char *buf,
				    size_t len, size_t *used);

/**
 * http1_chunks_decode() - The same, for a receiver that knows no chunks
 * @buf:      the next @len bytes; its first @data_len are the chunk data
 *            afterwards, what stands behind @used is left as it is
 * @data_len: set
 */
enum http1_status http1_chunks_decode(struct http1_chunks *c, char *buf,
				      size_t len, size_t *used,
				      size_t *data_len);

/**
 * struct http1_url - The parts of an absolute-form target
 * @authority: host and port as written ("example.org:8080"), without userinfo
 * @path:      path and query, "" where the URL has none; begins with '/' or '?'
 */
struct http1_url {
	struct http1_span authority, path;
};

/**
 * http1_parse_url() - Split an absolute-form target (RFC 9112 3.2.2)
 *
 * Return: HTTP1_BAD if the scheme is not http (any case), for userinfo, an
 * empty authority, or a fragment.
 */
enum http1_status http1_parse_url(struct http1_span target,
				  struct http1_url *out);

#endif
