/* SPDX-License-Identifier: MIT */
/* test_http1_response.c - response heads, how long their bodies are, URLs */
#include "proxy/http1.h"

#include "row.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define END "\r\n"
#define LEN5 "Content-Length: 5\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

struct response_row {
	const char *text;
	size_t len;
	enum http1_status status;
	uint16_t code;
	enum http1_body body;
	bool keep_alive;
};

#define IS_BAD HTTP1_BAD, 0, HTTP1_BODY_NONE, false

static const struct response_row responses[] = {
	/* how the body ends */
	{ROW_TEXT(OK END), HTTP1_OK, 200, HTTP1_BODY_CLOSE, false},
	{ROW_TEXT(OK LEN5 END), HTTP1_OK, 200, HTTP1_BODY_LENGTH, true},
	{ROW_TEXT(OK "Content-Length: 0\r\n" END), HTTP1_OK, 200,
	 HTTP1_BODY_NONE, true},
	{ROW_TEXT(OK CHUNKED END), HTTP1_OK, 200, HTTP1_BODY_CHUNKED, true},
	{ROW_TEXT("HTTP/1.0 200 OK\r\n" END), HTTP1_OK, 200, HTTP1_BODY_CLOSE,
	 false},
	{ROW_TEXT("HTTP/1.0 200 OK\r\n" LEN5 END), HTTP1_OK, 200,
	 HTTP1_BODY_LENGTH, false},
	{ROW_TEXT("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" LEN5 END),
	 HTTP1_OK, 200, HTTP1_BODY_LENGTH, true},
	{ROW_TEXT("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" END),
	 HTTP1_OK, 200, HTTP1_BODY_CLOSE, false},
	{ROW_TEXT(OK "Connection: close\r\n" LEN5 END), HTTP1_OK, 200,
	 HTTP1_BODY_LENGTH, false},

	/* responses without a body, whatever their fields say */
	{ROW_TEXT("HTTP/1.1 100 Continue\r\n" END), HTTP1_OK, 100,
	 HTTP1_BODY_NONE, true},
	{ROW_TEXT("HTTP/1.1 103 Early Hints\r\nLink: x\r\n" END), HTTP1_OK, 103,
	 HTTP1_BODY_NONE, true},
	{ROW_TEXT("HTTP/1.1 199 x\r\n" LEN5 END), HTTP1_OK, 199,
	 HTTP1_BODY_NONE, true},
	{ROW_TEXT("HTTP/1.1 204 No Content\r\n" END), HTTP1_OK, 204,
	 HTTP1_BODY_NONE, true},
	{ROW_TEXT("HTTP/1.1 204 No Content\r\n" CHUNKED END), HTTP1_OK, 204,
	 HTTP1_BODY_NONE, true},
	{ROW_TEXT("HTTP/1.1 304 Not Modified\r\n" LEN5 END), HTTP1_OK, 304,
	 HTTP1_BODY_NONE, true},
	{ROW_TEXT("HTTP/1.1 205 Reset\r\n" LEN5 END), HTTP1_OK, 205,
	 HTTP1_BODY_LENGTH, true},

	/* status lines */
	{ROW_TEXT("HTTP/1.1 200 \r\n" LEN5 END), HTTP1_OK, 200,
	 HTTP1_BODY_LENGTH, true},
	{ROW_TEXT("HTTP/1.1 200\r\n" LEN5 END), HTTP1_OK, 200,
	 HTTP1_BODY_LENGTH, true},
	{ROW_TEXT("HTTP/1.1 599 a\tb\xe9\r\n" LEN5 END), HTTP1_OK, 599,
	 HTTP1_BODY_LENGTH, true},
	{ROW_TEXT("HTTP/1.1 099 x\r\n" LEN5 END), IS_BAD},
	{ROW_TEXT("HTTP/1.1 600 x\r\n" LEN5 END), IS_BAD},
	{ROW_TEXT("HTTP/1.1 20 x\r\n" LEN5 END), IS_BAD},
	{ROW_TEXT("HTTP/1.1 2000 x\r\n" LEN5 END), IS_BAD},
	{ROW_TEXT("HTTP/1.1 2x0 x\r\n" LEN5 END), IS_BAD},
	{ROW_TEXT("HTTP/1.1  200 x\r\n" LEN5 END), IS_BAD},
	{ROW_TEXT("HTTP/1.1\t200 x\r\n" LEN5 END), IS_BAD},
	{ROW_TEXT("HTTP/1.1 -20 x\r\n" LEN5 END), IS_BAD},
	{ROW_TEXT("HTTP/1.1 200\tx\r\n" LEN5 END), IS_BAD},
	{ROW_TEXT("HTTP/1.1 200"), IS_BAD},
	{ROW_TEXT("HTTP/1.1 20"), IS_BAD},
	{ROW_TEXT("HTTP/1.1\r\n" END), IS_BAD},
	{ROW_TEXT("HTTP/1.2 200 OK\r\n" LEN5 END), IS_BAD},
	{ROW_TEXT("HTTP/2.0 200 OK\r\n" LEN5 END), IS_BAD},
	{ROW_TEXT("http/1.1 200 OK\r\n" LEN5 END), IS_BAD},
	{ROW_TEXT("ICY 200 OK\r\n" END), IS_BAD},
	{ROW_TEXT("SSH-2.0-OpenSSH\r\n" END), IS_BAD},
	{ROW_TEXT(""), IS_BAD},
	{ROW_TEXT("HTTP/1.1 200 O\rK\r\n" LEN5 END), IS_BAD},
	{ROW_TEXT("HTTP/1.1 200 O\0K\r\n" LEN5 END), IS_BAD},

	{ROW_TEXT("HTTP/1.1 200 O\rKX: y\r\n" END), IS_BAD},
	{ROW_TEXT("HTTP/1.1 200 O\x01\nX: y\r\n" END), IS_BAD},

	/* the same strictness as for requests */
	{ROW_TEXT(OK LEN5 CHUNKED END), IS_BAD},
	{ROW_TEXT(OK CHUNKED LEN5 END), IS_BAD},
	{ROW_TEXT(OK LEN5 LEN5 END), IS_BAD},
	{ROW_TEXT(OK LEN5 "Content-Length: 6\r\n" END), IS_BAD},
	{ROW_TEXT(OK "Content-Length: 5, 5\r\n" END), IS_BAD},
	{ROW_TEXT(OK "Content-Length: -5\r\n" END), IS_BAD},
	{ROW_TEXT(OK CHUNKED CHUNKED END), IS_BAD},
	{ROW_TEXT(OK "Transfer-Encoding: gzip, chunked\r\n" END), IS_BAD},
	{ROW_TEXT(OK "Transfer-Encoding: identity\r\n" END), IS_BAD},
	{ROW_TEXT("HTTP/1.0 200 OK\r\n" CHUNKED END), IS_BAD},
	{ROW_TEXT(OK "X : y\r\n" END), IS_BAD},
	{ROW_TEXT(OK "X: y\r\n z\r\n" END), IS_BAD},
	{ROW_TEXT(OK "X\r\n" END), IS_BAD},
	{ROW_TEXT(OK "X: y\n" END), IS_BAD},
	{ROW_TEXT(OK "X: y\rAB: c\r\n" END), IS_BAD},
	{ROW_TEXT(OK "X: y\x01\nB: c\r\n" END), IS_BAD},
	{ROW_TEXT(OK "X: y\r\n"), IS_BAD},
};

static void test_every_response_head_gets_its_verdict(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(responses); i++) {
		const struct response_row *r = &responses[i];
		struct http1_response got = {.minor = 9};
		const char *error = "none";
		enum http1_status status = http1_parse_response(
			r->text, r->len, false, &got, &error);

		row_check(status == r->status, i, r->text, r->len, error);
		if (status != HTTP1_OK)
			continue;
		row_check(got.status == r->code, i, r->text, r->len, "status");
		row_check(got.body == r->body, i, r->text, r->len, "body");
		row_check(got.keep_alive == r->keep_alive, i, r->text, r->len,
			  "keep_alive");
	}
}

static struct http1_response response(const char *text, bool head_request)
{
	struct http1_response r;

	assert_int_equal(http1_parse_response(text, strlen(text), head_request,
					      &r, NULL),
			 HTTP1_OK);
	return r;
}

static void test_response_to_head_has_no_body(void **state)
{
	struct http1_response r = response(OK LEN5 END, true);

	(void)state;
	assert_int_equal(r.body, HTTP1_BODY_NONE);
	assert_true(r.has_length);
	assert_int_equal(r.content_length, 5);
	assert_true(r.keep_alive);
	assert_int_equal(response(OK CHUNKED END, true).body, HTTP1_BODY_NONE);
	r = response(OK END, true);
	assert_int_equal(r.body, HTTP1_BODY_NONE);
	assert_false(r.has_length);
	assert_true(r.keep_alive);
}

static void test_only_websocket_counts_as_upgraded(void **state)
{
#define SWITCH "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
	(void)state;
	assert_true(
		response(SWITCH "Upgrade: WebSocket\r\n" END, false).upgraded);
	assert_false(response(SWITCH "Upgrade: h2c\r\n" END, false).upgraded);
	assert_false(response(SWITCH END, false).upgraded);
	assert_false(
		response(OK "Upgrade: websocket\r\n" LEN5 END, false).upgraded);
}

static void test_parts_of_a_response_are_told_apart(void **state)
{
	struct http1_response r =
		response("HTTP/1.0 404 Not  Found \r\nA: b\r\n"
			 "Connection: x\r\n" END,
			 false);
	struct http1_span name;
	struct http1_span value;

	(void)state;
	assert_int_equal(r.minor, 0);
	assert_int_equal(r.reason.len, 11);
	assert_memory_equal(r.reason.at, "Not  Found ", 11);
	assert_int_equal(r.options.count, 1);
	assert_true(http1_is(r.options.at[0], "x"));
	assert_true(http1_next_field(&r.fields, &name, &value));
	assert_true(http1_is(name, "a"));
	assert_true(http1_is(value, "b"));
	assert_int_equal(response("HTTP/1.1 200\r\n" END, false).reason.len, 0);
}

struct url_row {
	const char *text;
	size_t len;
	const char *authority; /* NULL where it is refused */
	const char *path;
};

static const struct url_row urls[] = {
	{ROW_TEXT("http://a/"), "a", "/"},
	{ROW_TEXT("http://a"), "a", ""},
	{ROW_TEXT("HTTP://A/b"), "A", "/b"},
	{ROW_TEXT("hTTp://a:80/b?c"), "a:80", "/b?c"},
	{ROW_TEXT("http://a?c=/d"), "a", "?c=/d"},
	{ROW_TEXT("http://a:/"), "a:", "/"},
	{ROW_TEXT("http://[::1]:80/"), "[::1]:80", "/"},
	{ROW_TEXT("http://a//b"), "a", "//b"},
	{ROW_TEXT("http://a/b@c"), "a", "/b@c"},
	{ROW_TEXT("http://a/?u=http://b@c/"), "a", "/?u=http://b@c/"},
	{ROW_TEXT("http://a\\@b/"), NULL, NULL},
	{ROW_TEXT("http://a\\b/"), "a\\b", "/"}, /* name_canonical() refuses */
	{ROW_TEXT("http://a%2fb/"), "a%2fb", "/"}, /* so it does here */
	{ROW_TEXT("http://u@a/"), NULL, NULL},
	{ROW_TEXT("http://u:p@a/"), NULL, NULL},
	{ROW_TEXT("http://@a/"), NULL, NULL},
	{ROW_TEXT("http://a@/"), NULL, NULL},
	{ROW_TEXT("http://"), NULL, NULL},
	{ROW_TEXT("http:///b"), NULL, NULL},
	{ROW_TEXT("http://?b"), NULL, NULL},
	{ROW_TEXT("http:/a/"), NULL, NULL},
	{ROW_TEXT("http:a"), NULL, NULL},
	{ROW_TEXT("http"), NULL, NULL},
	{ROW_TEXT(""), NULL, NULL},
	{ROW_TEXT("https://a/"), NULL, NULL},
	{ROW_TEXT("HTTPS://a/"), NULL, NULL},
	{ROW_TEXT("ftp://a/"), NULL, NULL},
	{ROW_TEXT("ws://a/"), NULL, NULL},
	{ROW_TEXT("//a/"), NULL, NULL},
	{ROW_TEXT("/a"), NULL, NULL},
	{ROW_TEXT("*"), NULL, NULL},
	{ROW_TEXT("a:443"), NULL, NULL},
	{ROW_TEXT("http://a/#f"), NULL, NULL},
	{ROW_TEXT("http://a#f"), NULL, NULL},
	{ROW_TEXT("http://a#@b/"), NULL, NULL},
	{ROW_TEXT("http://a b/"), NULL, NULL},
	{ROW_TEXT("http://a/ b"), NULL, NULL},
	{ROW_TEXT("http://a\0b/"), NULL, NULL},
	{ROW_TEXT("http://a/\xe9"), NULL, NULL},
	{ROW_TEXT(" http://a/"), NULL, NULL},
};

static void test_every_absolute_target_gets_its_verdict(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(urls); i++) {
		const struct url_row *r = &urls[i];
		struct http1_span target = {r->text, r->len};
		struct http1_url url;
		bool ok = http1_parse_url(target, &url) == HTTP1_OK;

		row_check(ok == !!r->authority, i, r->text, r->len, "verdict");
		if (!ok || !r->authority)
			continue;
		row_check(url.authority.len == strlen(r->authority) &&
				  !memcmp(url.authority.at, r->authority,
					  url.authority.len),
			  i, r->text, r->len, "authority");
		row_check(url.path.len == strlen(r->path) &&
				  !memcmp(url.path.at, r->path, url.path.len),
			  i, r->text, r->len, "path");
	}
}

static void test_lists_are_searched_by_whole_items(void **state)
{
	struct http1_span list = {ROW_TEXT("Gzip ,\tdeflate,, br")};

	(void)state;
	assert_true(http1_list_has(list, "gzip"));
	assert_true(http1_list_has(list, "deflate"));
	assert_true(http1_list_has(list, "br"));
	assert_false(http1_list_has(list, "b"));
	assert_false(http1_list_has(list, "brr"));
	assert_false(http1_list_has(list, "gzip ,"));
	list.len = 0;
	assert_false(http1_list_has(list, "gzip"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_response_head_gets_its_verdict),
		cmocka_unit_test(test_response_to_head_has_no_body),
		cmocka_unit_test(test_only_websocket_counts_as_upgraded),
		cmocka_unit_test(test_parts_of_a_response_are_told_apart),
		cmocka_unit_test(test_every_absolute_target_gets_its_verdict),
		cmocka_unit_test(test_lists_are_searched_by_whole_items),
	};

	return cmocka_run_group_tests_name("http1_response", tests, NULL, NULL);
}
