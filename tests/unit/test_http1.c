/* SPDX-License-Identifier: MIT */
/* test_http1.c - heads of requests and responses, and what is smuggled in */
#include "proxy/http1.h"

#include "row.h"

#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define END "\r\n"

static const char text_error_unset[] = "found by http1_find_end()";

struct request_row {
	const char *text;
	size_t len;
	const char *error; /* part of the text, on HTTP1_BAD */
	uint64_t content_length;
	enum http1_status status;
	enum http1_body body;
};

#define IS_OK NULL, 0, HTTP1_OK, HTTP1_BODY_NONE
#define IS_MORE NULL, 0, HTTP1_MORE, HTTP1_BODY_NONE
#define IS_BAD(error) error, 0, HTTP1_BAD, HTTP1_BODY_NONE
#define IS_CHUNKED NULL, 0, HTTP1_OK, HTTP1_BODY_CHUNKED
#define IS_LENGTH(n) NULL, n, HTTP1_OK, HTTP1_BODY_LENGTH
#define BAD_END IS_BAD(text_error_unset)
#define BAD_CODING IS_BAD("not chunked alone")
#define BAD_LENGTH IS_BAD("malformed Content-Length")

static const struct request_row requests[] = {
	/* request lines */
	{ROW_TEXT(GET HOST END), IS_OK},
	{ROW_TEXT("GET / HTTP/1.0\r\n" END), IS_OK},
	{ROW_TEXT("GET http://a/ HTTP/1.1\r\n" HOST END), IS_OK},
	{ROW_TEXT("OPTIONS * HTTP/1.1\r\n" HOST END), IS_OK},
	{ROW_TEXT("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n" END), IS_OK},
	{ROW_TEXT("CONNECT a:443 HTTP/1.0\r\n" END), IS_OK},
	{ROW_TEXT("m!#$%&'*+-.^_`|~9 / HTTP/1.1\r\n" HOST END), IS_OK},
	{ROW_TEXT("GET /a?b=c|d\"<>{}^`\\ HTTP/1.1\r\n" HOST END), IS_OK},
	{ROW_TEXT("GET / HTTP/1.2\r\n" HOST END), IS_BAD("not HTTP/1")},
	{ROW_TEXT("GET / HTTP/2.0\r\n" HOST END), IS_BAD("not HTTP/1")},
	{ROW_TEXT("GET / HTTP/0.9\r\n" HOST END), IS_BAD("not HTTP/1")},
	{ROW_TEXT("GET / HTTP/1.10\r\n" HOST END), IS_BAD("request line")},
	{ROW_TEXT("GET / HTTP/01.1\r\n" HOST END), IS_BAD("not HTTP/1")},
	{ROW_TEXT("GET / HTTP/1,1\r\n" HOST END), IS_BAD("not HTTP/1")},
	{ROW_TEXT("GET / http/1.1\r\n" HOST END), IS_BAD("not HTTP/1")},
	{ROW_TEXT("GET / HTTP/1\r\n" HOST END), IS_BAD("not HTTP/1")},
	{ROW_TEXT("GET / ICAP/1.1\r\n" HOST END), IS_BAD("not HTTP/1")},
	{ROW_TEXT("GET /\r\n" HOST END), IS_BAD("target")},
	{ROW_TEXT("GET\r\n" HOST END), IS_BAD("method")},
	{ROW_TEXT("GET  / HTTP/1.1\r\n" HOST END), IS_BAD("target")},
	{ROW_TEXT("GET /  HTTP/1.1\r\n" HOST END), IS_BAD("not HTTP/1")},
	{ROW_TEXT("GET / HTTP/1.1 \r\n" HOST END), IS_BAD("request line")},
	{ROW_TEXT("GET / HTTP/1.1 x\r\n" HOST END), IS_BAD("request line")},
	{ROW_TEXT("GET / x HTTP/1.1\r\n" HOST END), IS_BAD("not HTTP/1")},
	{ROW_TEXT("GET\t/ HTTP/1.1\r\n" HOST END), IS_BAD("method")},
	{ROW_TEXT("GET /\tHTTP/1.1\r\n" HOST END), IS_BAD("target")},
	{ROW_TEXT(" GET / HTTP/1.1\r\n" HOST END), IS_BAD("method")},
	{ROW_TEXT("G(T / HTTP/1.1\r\n" HOST END), IS_BAD("method")},
	{ROW_TEXT("G\xc3\x89T / HTTP/1.1\r\n" HOST END), IS_BAD("method")},
	{ROW_TEXT(" / HTTP/1.1\r\n" HOST END), IS_BAD("method")},
	{ROW_TEXT("GET /\xff HTTP/1.1\r\n" HOST END), IS_BAD("target")},
	{ROW_TEXT("GET /#f HTTP/1.1\r\n" HOST END), IS_BAD("target")},
	{ROW_TEXT("GET http://a/#f HTTP/1.1\r\n" HOST END), IS_BAD("target")},
	{ROW_TEXT("\r\n" GET HOST END), BAD_END},
	{ROW_TEXT("\r\n\r\n"), BAD_END},
	{ROW_TEXT("GET / HTTP/1.1\r\n\r\n"), IS_BAD("no Host")},

	/* line ends and bytes */
	{ROW_TEXT(""), IS_MORE},
	{ROW_TEXT("GET / HTTP/1.1"), IS_MORE},
	{ROW_TEXT("GET / HTTP/1.1\r"), IS_MORE},
	{ROW_TEXT(GET HOST), IS_MORE},
	{ROW_TEXT(GET HOST "\r"), IS_MORE},
	{ROW_TEXT("GET / HTTP/1.1\n" HOST END), BAD_END},
	{ROW_TEXT(GET "Host: a\n" END), BAD_END},
	{ROW_TEXT(GET HOST "\n"), BAD_END},
	{ROW_TEXT(GET HOST "\n\r\n"), BAD_END},
	{ROW_TEXT(GET HOST "X: y\n\nz\r\n" END), BAD_END},
	{ROW_TEXT("GET / HTTP/1.1\r" HOST END), BAD_END},
	{ROW_TEXT(GET HOST "X: a\rb\r\n" END), BAD_END},
	{ROW_TEXT(GET HOST "X: a\r\r\n" END), BAD_END},
	{ROW_TEXT(GET HOST "\r\r\n"), BAD_END},
	{ROW_TEXT(GET HOST "X: a\0b\r\n" END), BAD_END},
	{ROW_TEXT("GET /\0 HTTP/1.1\r\n" HOST END), BAD_END},
	{ROW_TEXT(GET HOST "X: a\x0b"
			   "b\r\n" END),
	 BAD_END},
	{ROW_TEXT(GET HOST "X: a\x7f\r\n" END), BAD_END},
	{ROW_TEXT(GET HOST "X: a\x1b[0m\r\n" END), BAD_END},
	{ROW_TEXT(GET HOST "X: a\tb \xe9\x80\xff\r\n" END), IS_OK},

	/* field lines */
	{ROW_TEXT(GET HOST "X:\r\n" END), IS_OK},
	{ROW_TEXT(GET HOST "Trailer: x\r\nX-Seventeen-Chars: x\r\n" END),
	 IS_OK},
	{ROW_TEXT(GET HOST "X: \t \r\n" END), IS_OK},
	{ROW_TEXT(GET HOST "X : y\r\n" END), IS_BAD("before the colon")},
	{ROW_TEXT(GET HOST "X\t: y\r\n" END), IS_BAD("before the colon")},
	{ROW_TEXT(GET "Host : a\r\n" END), IS_BAD("before the colon")},
	{ROW_TEXT(GET HOST ": y\r\n" END), IS_BAD("field name")},
	{ROW_TEXT(GET HOST "X\r\n" END), IS_BAD("field name")},
	{ROW_TEXT(GET HOST "X(: y\r\n" END), IS_BAD("field name")},
	{ROW_TEXT(GET HOST "X\xe9: y\r\n" END), IS_BAD("field name")},
	{ROW_TEXT(GET HOST "X: y\r\n z\r\n" END), IS_BAD("folded")},
	{ROW_TEXT(GET HOST "X: y\r\n\tz\r\n" END), IS_BAD("folded")},
	{ROW_TEXT(GET " X: y\r\n" HOST END), IS_BAD("folded")},
	{ROW_TEXT(GET HOST "Content-Length: 1\r\n 0\r\n" END),
	 IS_BAD("folded")},

	/* Host */
	{ROW_TEXT(GET HOST HOST END), IS_BAD("two Host")},
	{ROW_TEXT(GET HOST "HOST: b\r\n" END), IS_BAD("two Host")},
	{ROW_TEXT("GET / HTTP/1.0\r\n" HOST HOST END), IS_BAD("two Host")},
	{ROW_TEXT(GET "Host:\r\n" END), IS_OK},
	{ROW_TEXT(GET "Hosts: a\r\n" END), IS_BAD("no Host")},
	{ROW_TEXT(GET "Hos: a\r\n" END), IS_BAD("no Host")},
	{ROW_TEXT(GET "Horst: a\r\n" END), IS_BAD("no Host")},
	{ROW_TEXT(GET "Most: a\r\n" END), IS_BAD("no Host")},

	/* Content-Length */
	{ROW_TEXT(POST "Content-Length: 5\r\n" END), IS_LENGTH(5)},
	{ROW_TEXT(POST "content-length:5\r\n" END), IS_LENGTH(5)},
	{ROW_TEXT(POST "CONTENT-LENGTH: \t5\t \r\n" END), IS_LENGTH(5)},
	{ROW_TEXT(POST "Content-Length: 0\r\n" END), IS_OK},
	{ROW_TEXT(POST "Content-Length: 007\r\n" END), IS_LENGTH(7)},
	{ROW_TEXT(POST "Content-Length: 5368709120\r\n" END),
	 IS_LENGTH(5368709120)},
	{ROW_TEXT(POST "Content-Length: 9223372036854775799\r\n" END),
	 IS_LENGTH(9223372036854775799)},
	{ROW_TEXT(POST "Content-Length: 9223372036854775808\r\n" END),
	 BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: 18446744073709551616\r\n" END),
	 BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: 18446744073709551621\r\n" END),
	 BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: 99999999999999999999999\r\n" END),
	 BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length:\r\n" END), BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: -1\r\n" END), BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: +5\r\n" END), BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: 0x5\r\n" END), BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: 5 5\r\n" END), BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: 5, 5\r\n" END), BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: 5, 6\r\n" END), BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: 5,\r\n" END), BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: 5;\r\n" END), BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: \"5\"\r\n" END), BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: 5.0\r\n" END), BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: 1e1\r\n" END), BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: \xd9\xa5\r\n" END), BAD_LENGTH},
	{ROW_TEXT(POST "Content-Length: 5\r\nContent-Length: 6\r\n" END),
	 IS_BAD("two Content-Length")},
	{ROW_TEXT(POST "Content-Length: 5\r\nContent-Length: 5\r\n" END),
	 IS_BAD("two Content-Length")},
	{ROW_TEXT(POST "Content-Length: 0\r\ncontent-length: 5\r\n" END),
	 IS_BAD("two Content-Length")},
	{ROW_TEXT(POST "Content-Length : 5\r\n" END),
	 IS_BAD("before the colon")},
	{ROW_TEXT(POST "Content_Length: 5\r\n" END), IS_OK},

	/* Transfer-Encoding */
	{ROW_TEXT(POST "Transfer-Encoding: chunked\r\n" END), IS_CHUNKED},
	{ROW_TEXT(POST "Transfer-Encoding: CHUNKED\r\n" END), IS_CHUNKED},
	{ROW_TEXT(POST "TRANSFER-ENCODING: Chunked\r\n" END), IS_CHUNKED},
	{ROW_TEXT(POST "Transfer-Encoding:chunked \r\n" END), IS_CHUNKED},
	{ROW_TEXT(POST "Transfer-Encoding:\tchunked\t\r\n" END), IS_CHUNKED},
	{ROW_TEXT(POST "Transfer-Encoding: xchunked\r\n" END), BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding: chunkedx\r\n" END), BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding: chunke\r\n" END), BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding: chunked, chunked\r\n" END),
	 BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding: chunked,\r\n" END), BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding: ,chunked\r\n" END), BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding: gzip, chunked\r\n" END), BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding: chunked, gzip\r\n" END), BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding: chunked, identity\r\n" END),
	 BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding: identity\r\n" END), BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding: gzip\r\n" END), BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding: chunked;q=1\r\n" END), BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding: \"chunked\"\r\n" END), BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding: chun ked\r\n" END), BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding:\r\n" END), BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding: \xc2\xa0"
		       "chunked\r\n" END),
	 BAD_CODING},
	{ROW_TEXT(POST "Transfer-Encoding: \x0b"
		       "chunked\r\n" END),
	 BAD_END},
	{ROW_TEXT(POST "Transfer-Encoding : chunked\r\n" END),
	 IS_BAD("before the colon")},
	{ROW_TEXT(POST "Transfer-Encoding: chunked\r\n"
		       "Transfer-Encoding: chunked\r\n" END),
	 IS_BAD("two Transfer-Encoding")},
	{ROW_TEXT(POST "Transfer-Encoding: chunked\r\n"
		       "Transfer-encoding: identity\r\n" END),
	 IS_BAD("two Transfer-Encoding")},
	{ROW_TEXT(POST "Transfer-Encoding: x\r\n"
		       "Transfer-Encoding: chunked\r\n" END),
	 BAD_CODING},
	{ROW_TEXT(POST "Content-Length: 5\r\n"
		       "Transfer-Encoding: chunked\r\n" END),
	 IS_BAD("both Content-Length and")},
	{ROW_TEXT(POST "Transfer-Encoding: chunked\r\n"
		       "Content-Length: 5\r\n" END),
	 IS_BAD("both Content-Length and")},
	{ROW_TEXT(POST "Transfer-Encoding: chunked\r\n"
		       "Content-Length: 0\r\n" END),
	 IS_BAD("both Content-Length and")},
	{ROW_TEXT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" END),
	 IS_BAD("in HTTP/1.0")},
	{ROW_TEXT(POST "Transfer_Encoding: chunked\r\n" END), IS_OK},
	{ROW_TEXT(POST "X-Transfer-Encoding: chunked\r\n" END), IS_OK},

	/* CONNECT has no body */
	{ROW_TEXT("CONNECT a:1 HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END),
	 IS_BAD("CONNECT with a body")},
	{ROW_TEXT("CONNECT a:1 HTTP/1.1\r\n" HOST "Content-Length: 0\r\n" END),
	 IS_BAD("CONNECT with a body")},
	{ROW_TEXT("CONNECT a:1 HTTP/1.1\r\n" HOST
		  "Transfer-Encoding: chunked\r\n" END),
	 IS_BAD("CONNECT with a body")},
};

/* What a caller does with the bytes that it has: find the end, then parse. */
static enum http1_status read_request(const char *text, size_t len,
				      struct http1_request *r,
				      const char **error)
{
	size_t scanned = 0;
	size_t head_len = 0;
	enum http1_status status;

	status = http1_find_end(text, len, &scanned, &head_len);
	if (status != HTTP1_OK)
		return status;
	assert_int_equal(head_len, len);
	return http1_parse_request(text, head_len, r, error);
}

static void test_every_request_head_gets_its_verdict(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(requests); i++) {
		const struct request_row *r = &requests[i];
		struct http1_request got = {.minor = 9};
		const char *error = text_error_unset;
		enum http1_status status =
			read_request(r->text, r->len, &got, &error);

		row_check(status == r->status, i, r->text, r->len, error);
		if (status == HTTP1_BAD)
			row_check(strstr(error, r->error) != NULL, i, r->text,
				  r->len, error);
		if (status != HTTP1_OK)
			continue;
		row_check(got.body == r->body, i, r->text, r->len, "body");
		row_check(got.content_length == r->content_length, i, r->text,
			  r->len, "length");
		row_check(http1_parse_request(r->text, r->len, &got, NULL) ==
				  HTTP1_OK,
			  i, r->text, r->len, "without an error pointer");
	}
	assert_int_equal(http1_parse_request(ROW_TEXT("x"), NULL, NULL),
			 HTTP1_BAD);
}

/* The end is found wherever the head is cut, and the verdict is the same. */
static void test_end_of_head_is_found_byte_by_byte(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(requests); i++) {
		const struct request_row *r = &requests[i];
		enum http1_status whole;
		enum http1_status status = HTTP1_MORE;
		size_t scanned = 0;
		size_t head_len = 0;
		size_t n;

		whole = http1_find_end(r->text, r->len, &scanned, &head_len);
		scanned = 0;
		for (n = 1; n <= r->len && status == HTTP1_MORE; n++)
			status =
				http1_find_end(r->text, n, &scanned, &head_len);
		row_check(status == whole, i, r->text, r->len, "verdict");
		if (status == HTTP1_OK)
			row_check(head_len == n - 1, i, r->text, r->len, "end");
	}
}

static void test_head_ends_in_front_of_what_follows(void **state)
{
	static const char text[] = GET HOST END GET HOST END;
	size_t scanned = 0;
	size_t head_len = 0;

	(void)state;
	assert_int_equal(
		http1_find_end(text, sizeof(text) - 1, &scanned, &head_len),
		HTTP1_OK);
	assert_int_equal(head_len, (sizeof(text) - 1) / 2);
	/* A head cut short or with bytes behind is not one. */
	assert_int_equal(http1_parse_request(text, head_len - 2,
					     &(struct http1_request){0}, NULL),
			 HTTP1_BAD);
	assert_int_equal(http1_parse_request(text, head_len + 1,
					     &(struct http1_request){0}, NULL),
			 HTTP1_BAD);
}

static void test_crlf_before_a_request_is_counted(void **state)
{
	(void)state;
	assert_int_equal(http1_skip_crlf(ROW_TEXT("")), 0);
	assert_int_equal(http1_skip_crlf(ROW_TEXT("GET")), 0);
	assert_int_equal(http1_skip_crlf(ROW_TEXT("\r")), 0);
	assert_int_equal(http1_skip_crlf(ROW_TEXT("\n\n")), 0);
	assert_int_equal(http1_skip_crlf(ROW_TEXT("\r\n")), 2);
	assert_int_equal(http1_skip_crlf(ROW_TEXT("\r\nGET")), 2);
	assert_int_equal(http1_skip_crlf(ROW_TEXT("\r\n\r\nGET")), 4);
	assert_int_equal(http1_skip_crlf(ROW_TEXT("\r\n\r\n\r\nGET")), 4);
}

static void assert_span(struct http1_span s, const char *want)
{
	assert_int_equal(s.len, strlen(want));
	assert_memory_equal(s.at, want, s.len);
}

static struct http1_request request(const char *text)
{
	struct http1_request r;
	const char *error = text_error_unset;

	if (read_request(text, strlen(text), &r, &error) != HTTP1_OK)
		fail_msg("%s: %s", error, text);
	return r;
}

static void test_parts_of_a_request_are_told_apart(void **state)
{
	struct http1_span name;
	struct http1_span value;
	struct http1_request r =
		request("PATCH http://b/c?d HTTP/1.0\r\n"
			"host:\t b:80 \r\nX:\r\nY: a b\t\r\n\r\n");

	(void)state;
	assert_span(r.method, "PATCH");
	assert_span(r.target, "http://b/c?d");
	assert_span(r.host, "b:80");
	assert_int_equal(r.minor, 0);
	assert_int_equal(r.options.count, 0);
	assert_true(http1_next_field(&r.fields, &name, &value));
	assert_span(name, "host");
	assert_span(value, "b:80");
	assert_true(http1_next_field(&r.fields, &name, &value));
	assert_span(name, "X");
	assert_span(value, "");
	assert_true(http1_next_field(&r.fields, &name, &value));
	assert_span(name, "Y");
	assert_span(value, "a b");
	assert_false(http1_next_field(&r.fields, &name, &value));
	assert_null(request("GET / HTTP/1.0\r\n\r\n").host.at);

	/* Never parsed before: the walk ends instead of running away. */
	name = (struct http1_span){ROW_TEXT("no colon\r\n")};
	assert_false(http1_next_field(&name, &name, &value));
}

struct flag_row {
	const char *text;
	bool keep_alive, expect, websocket, problem, has_length;
};

static const struct flag_row flags[] = {
	{GET HOST END, 1, 0, 0, 0, 0},
	{GET HOST "Connection: close\r\n" END, 0, 0, 0, 0, 0},
	{GET HOST "connection: CLOSE\r\n" END, 0, 0, 0, 0, 0},
	{GET HOST "Connection: x , close,y\r\n" END, 0, 0, 0, 0, 0},
	{GET HOST "Connection: x\r\nConnection: close\r\n" END, 0, 0, 0, 0, 0},
	{GET HOST "Connection: close, keep-alive\r\n" END, 0, 0, 0, 0, 0},
	{GET HOST "Connection: closed\r\n" END, 1, 0, 0, 0, 0},
	{GET HOST "Connection: clos\r\n" END, 1, 0, 0, 0, 0},
	{GET HOST "Connection:\r\n" END, 1, 0, 0, 0, 0},
	{GET HOST "Proxy-Connection: close\r\n" END, 1, 0, 0, 0, 0},
	{"GET / HTTP/1.0\r\n" END, 0, 0, 0, 0, 0},
	{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n" END, 1, 0, 0, 0, 0},
	{"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n" END, 0, 0, 0, 0,
	 0},
	{GET HOST "Expect: 100-continue\r\n" END, 1, 1, 0, 0, 0},
	{GET HOST "expect: 100-Continue\r\n" END, 1, 1, 0, 0, 0},
	{GET HOST "Expect: 101-continue\r\n" END, 1, 0, 0, 0, 0},
	{"GET / HTTP/1.0\r\nExpect: 100-continue\r\n" END, 0, 0, 0, 0, 0},
	{GET HOST "Connection: Upgrade\r\nUpgrade: WebSocket\r\n" END, 1, 0, 1,
	 0, 0},
	{GET HOST "Upgrade: websocket\r\nConnection: a, upgrade\r\n" END, 1, 0,
	 1, 0, 0},
	{GET HOST "Upgrade: websocket\r\n" END, 1, 0, 0, 0, 0},
	{GET HOST "Connection: upgrade\r\n" END, 1, 0, 0, 0, 0},
	{GET HOST "Connection: upgrade\r\nUpgrade: h2c\r\n" END, 1, 0, 0, 0, 0},
	{GET HOST "Connection: upgrade\r\nUpgrade: h2c, websocket\r\n" END, 1,
	 0, 1, 0, 0},
	{GET HOST "Connection: upgrade\r\nUpgrade: h2c\r\n"
		  "Upgrade: websocket\r\n" END,
	 1, 0, 0, 0, 0},
	{"GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" END,
	 0, 0, 0, 0, 0},
	{GET HOST "Accept: application/problem+json\r\n" END, 1, 0, 0, 1, 0},
	{GET HOST "Accept: text/html, Application/Problem+JSON;q=0.5\r\n" END,
	 1, 0, 0, 1, 0},
	{GET HOST "Accept: application/problem+json ; q=1, */*\r\n" END, 1, 0,
	 0, 1, 0},
	{GET HOST "Accept: , application/json, */*\r\n" END, 1, 0, 0, 0, 0},
	{GET HOST "Accept: application/problem+jso\r\n" END, 1, 0, 0, 0, 0},
	{GET HOST "Content-Length: 0\r\n" END, 1, 0, 0, 0, 1},
};

static void test_fields_say_what_the_connection_does(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(flags); i++) {
		const struct flag_row *f = &flags[i];
		struct http1_request r = request(f->text);
		size_t len = strlen(f->text);

		row_check(r.keep_alive == f->keep_alive, i, f->text, len,
			  "keep_alive");
		row_check(r.expect_continue == f->expect, i, f->text, len,
			  "expect_continue");
		row_check(r.upgrade_websocket == f->websocket, i, f->text, len,
			  "upgrade_websocket");
		row_check(r.accepts_problem == f->problem, i, f->text, len,
			  "accepts_problem");
		row_check(r.has_length == f->has_length, i, f->text, len,
			  "has_length");
	}
}

static void test_hop_by_hop_fields_are_known(void **state)
{
	static const char *const hop[] = {
		"Connection",
		"Keep-Alive",
		"Proxy-Connection",
		"Proxy-Authenticate",
		"TE",
		"Proxy-Authorization",
		"Trailer",
		"Transfer-Encoding",
		"Upgrade",
		"x-one",
		"X-Two",
		"X-THREE",
	};
	static const char *const end_to_end[] = {
		"Host",   "Content-Length", "Accept",   "Cookie",
		"X-Four", "X-On",           "X-Ones",   "Trailers",
		"T",      "X-Tw",           "Keepalive"};
	struct http1_request r = request(
		GET HOST "A: b\r\nConnection: X-One,, x-two ,host\r\n"
			 "Content-Length: 1\r\nAccepted: x-four\r\n"
			 "connection: x-three,content-length\r\nC: d\r\n" END);
	size_t i;

	(void)state;
	assert_int_equal(r.options.count, 5);
	for (i = 0; i < ROW_COUNT(hop); i++) {
		struct http1_span name = {hop[i], strlen(hop[i])};

		row_check(http1_is_hop_by_hop(name, &r.options), i, hop[i],
			  name.len, "not hop-by-hop");
	}
	for (i = 0; i < ROW_COUNT(end_to_end); i++) {
		struct http1_span name = {end_to_end[i], strlen(end_to_end[i])};

		row_check(!http1_is_hop_by_hop(name, &r.options), i,
			  end_to_end[i], name.len, "hop-by-hop");
	}
}

/* @count fields behind Host, the first and the last a Connection, together of
 * @tokens tokens */
static enum http1_status request_of(size_t count, size_t tokens)
{
	static char head[65536];
	size_t n = (size_t)sprintf(head, "%s", GET HOST "Connection: a");
	struct http1_request r;
	size_t i;

	for (i = 2; i < tokens; i++)
		n += (size_t)sprintf(head + n, ",a");
	n += (size_t)sprintf(head + n, ", close, ,\r\n");
	for (i = 2; i < count; i++)
		n += (size_t)sprintf(head + n, "x: y\r\n");
	n += (size_t)sprintf(head + n, "Connection: a\r\n\r\n");
	return http1_parse_request(head, n, &r, NULL);
}

static void test_work_for_one_head_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(request_of(10000, 2), HTTP1_OK);
	assert_int_equal(request_of(2, HTTP1_MAX_OPTIONS), HTTP1_OK);
	assert_int_equal(request_of(2, HTTP1_MAX_OPTIONS + 1), HTTP1_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_request_head_gets_its_verdict),
		cmocka_unit_test(test_end_of_head_is_found_byte_by_byte),
		cmocka_unit_test(test_head_ends_in_front_of_what_follows),
		cmocka_unit_test(test_crlf_before_a_request_is_counted),
		cmocka_unit_test(test_parts_of_a_request_are_told_apart),
		cmocka_unit_test(test_fields_say_what_the_connection_does),
		cmocka_unit_test(test_hop_by_hop_fields_are_known),
		cmocka_unit_test(test_work_for_one_head_is_bounded),
	};

	return cmocka_run_group_tests_name("http1", tests, NULL, NULL);
}
