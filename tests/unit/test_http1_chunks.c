/* SPDX-License-Identifier: MIT */
/* test_http1_chunks.c - chunked bodies, whole and cut anywhere */
#include "proxy/http1.h"

#include "row.h"

#define END "0\r\n\r\n"

struct chunks_row {
	const char *text;
	size_t len;
	enum http1_status status;
	size_t rest; /* bytes behind the body, on HTTP1_OK */
	uint64_t payload;
};

static const struct chunks_row bodies[] = {
	{ROW_TEXT("0\r\n\r\n"), HTTP1_OK, 0, 0},
	{ROW_TEXT("0\r\n\r\nGET / HTTP/1.1\r\n"), HTTP1_OK, 16, 0},
	{ROW_TEXT("000\r\n\r\n"), HTTP1_OK, 0, 0},
	{ROW_TEXT("5\r\nhello\r\n" END), HTTP1_OK, 0, 5},
	{ROW_TEXT("1\r\na\r\n2\r\nbc\r\n" END), HTTP1_OK, 0, 3},
	{ROW_TEXT("9\r\n012345678\r\n" END), HTTP1_OK, 0, 9},
	{ROW_TEXT("a\r\n0123456789\r\n" END), HTTP1_OK, 0, 10},
	{ROW_TEXT("A\r\n0123456789\r\n" END), HTTP1_OK, 0, 10},
	{ROW_TEXT("10\r\n0123456789abcdef\r\n" END), HTTP1_OK, 0, 16},
	{ROW_TEXT("000000000000005\r\nhello\r\n" END), HTTP1_OK, 0, 5},
	{ROW_TEXT("2\r\n\r\n\r\n" END), HTTP1_OK, 0, 2},
	{ROW_TEXT("5\r\n0\r\n\r\n\r\n" END), HTTP1_OK, 0, 5},
	{ROW_TEXT("4\r\n\0\r\n\x7f\r\n" END), HTTP1_OK, 0, 4},

	/* not at the end yet */
	{ROW_TEXT(""), HTTP1_MORE, 0, 0},
	{ROW_TEXT("0"), HTTP1_MORE, 0, 0},
	{ROW_TEXT("0\r"), HTTP1_MORE, 0, 0},
	{ROW_TEXT("0\r\n"), HTTP1_MORE, 0, 0},
	{ROW_TEXT("0\r\n\r"), HTTP1_MORE, 0, 0},
	{ROW_TEXT("5\r\nhel"), HTTP1_MORE, 0, 3},
	{ROW_TEXT("5\r\nhello"), HTTP1_MORE, 0, 5},
	{ROW_TEXT("5\r\nhello\r"), HTTP1_MORE, 0, 5},
	{ROW_TEXT("5\r\nhello\r\n"), HTTP1_MORE, 0, 5},
	{ROW_TEXT("5 "), HTTP1_MORE, 0, 0},
	{ROW_TEXT("5;a"), HTTP1_MORE, 0, 0},
	{ROW_TEXT("0\r\nA"), HTTP1_MORE, 0, 0},
	{ROW_TEXT("0\r\nA: b"), HTTP1_MORE, 0, 0},
	{ROW_TEXT("0\r\nA: b\r\n"), HTTP1_MORE, 0, 0},
	{ROW_TEXT("fffffffffffffff\r\nx"), HTTP1_MORE, 0, 1},

	/* sizes */
	{ROW_TEXT("\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("g\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5g\r\nhello\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("0x5\r\nhello\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("0X5\r\nhello\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("-5\r\nhello\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("+5\r\nhello\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("-1\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5_0\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5h\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5.0\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5,5\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("\"5\"\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("\0\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5\0\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("\xef\xbc\x95\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("0000000000000005\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("1000000000000000\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("ffffffffffffffff\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("10000000000000005\r\n"), HTTP1_BAD, 0, 0},

	/* blanks: only in front of an extension */
	{ROW_TEXT(" 5\r\nhello\r\n" END), HTTP1_BAD, 0, 0},
	{ROW_TEXT("\t5\r\nhello\r\n" END), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5 \r\nhello\r\n" END), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5\t\r\nhello\r\n" END), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5 5\r\nhello\r\n" END), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5 a\r\nhello\r\n" END), HTTP1_BAD, 0, 0},
	{ROW_TEXT("\v5\r\nhello\r\n" END), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5 \t;a\r\nhello\r\n" END), HTTP1_OK, 0, 5},

	/* extensions */
	{ROW_TEXT("5;a\r\nhello\r\n" END), HTTP1_OK, 0, 5},
	{ROW_TEXT("5;a=b;c=\"d \te\"\r\nhello\r\n" END), HTTP1_OK, 0, 5},
	{ROW_TEXT("0;a=b\r\n\r\n"), HTTP1_OK, 0, 0},
	{ROW_TEXT("5;\r\nhello\r\n" END), HTTP1_OK, 0, 5},
	{ROW_TEXT("5;\xe9\r\nhello\r\n" END), HTTP1_OK, 0, 5},
	{ROW_TEXT(";a\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5;a\nhello\r\n" END), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5;a\rb\r\nhello\r\n" END), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5;a\0b\r\nhello\r\n" END), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5;a\x7f\r\nhello\r\n" END), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5;a\x1b\r\nhello\r\n" END), HTTP1_BAD, 0, 0},

	/* line ends */
	{ROW_TEXT("5\nhello\r\n" END), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5\rhello\r\n" END), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5\r\r\nhello\r\n" END), HTTP1_BAD, 0, 0},
	{ROW_TEXT("5\r\nhello" END), HTTP1_BAD, 0, 5},
	{ROW_TEXT("5\r\nhelloxx" END), HTTP1_BAD, 0, 5},
	{ROW_TEXT("5\r\nhello\n" END), HTTP1_BAD, 0, 5},
	{ROW_TEXT("5\r\nhello\r" END), HTTP1_BAD, 0, 5},
	{ROW_TEXT("5\r\nhello!\r\n" END), HTTP1_BAD, 0, 5},
	{ROW_TEXT("6\r\nhello\r\n" END), HTTP1_BAD, 0, 6},
	{ROW_TEXT("5\r\nhello\r\n\r\n" END), HTTP1_BAD, 0, 5},
	{ROW_TEXT("0\r\n\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("0\n\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("0\r\n\rx"), HTTP1_BAD, 0, 0},

	/* trailers */
	{ROW_TEXT("0\r\nA: b\r\n\r\n"), HTTP1_OK, 0, 0},
	{ROW_TEXT("0\r\nA:\r\nB-c: \t\xe9\r\n\r\nx"), HTTP1_OK, 1, 0},
	{ROW_TEXT("0\r\nA\r\n\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("0\r\n: b\r\n\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("0\r\nA : b\r\n\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("0\r\nA: b\r\n c\r\n\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("0\r\n A: b\r\n\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("0\r\nA(: b\r\n\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("0\r\nA: b\nC: d\r\n\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("0\r\nA: b\rC: d\r\n\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("0\r\nA: b\0\r\n\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("0\r\nA: b\x7f\r\n\r\n"), HTTP1_BAD, 0, 0},
	{ROW_TEXT("0\r\nGET / HTTP/1.1\r\n\r\n"), HTTP1_BAD, 0, 0},
};

static void test_every_body_gets_its_verdict(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(bodies); i++) {
		const struct chunks_row *r = &bodies[i];
		struct http1_chunks c = {.payload = 0};
		size_t used = 99;
		enum http1_status status =
			http1_chunks_feed(&c, r->text, r->len, &used);

		row_check(status == r->status, i, r->text, r->len, "verdict");
		row_check(used == r->len - r->rest, i, r->text, r->len, "used");
		row_check(c.payload == r->payload, i, r->text, r->len,
			  "payload");
		/* The verdict stays: an ended body takes nothing more. */
		if (status == HTTP1_MORE)
			continue;
		row_check(http1_chunks_feed(&c, "5\r\n", 3, &used) == status, i,
			  r->text, r->len, "verdict the second time");
		row_check(used == (status == HTTP1_OK ? 0 : 3), i, r->text,
			  r->len, "used the second time");
	}
}

static void test_bodies_are_followed_in_any_two_pieces(void **state)
{
	size_t i;
	size_t cut;

	(void)state;
	for (i = 0; i < ROW_COUNT(bodies); i++) {
		const struct chunks_row *r = &bodies[i];

		for (cut = 0; cut <= r->len; cut++) {
			struct http1_chunks c = {.payload = 0};
			enum http1_status status;
			size_t first = 0;
			size_t second = 0;

			status = http1_chunks_feed(&c, r->text, cut, &first);
			if (status == HTTP1_MORE)
				status = http1_chunks_feed(&c, r->text + cut,
							   r->len - cut,
							   &second);
			row_check(status == r->status, i, r->text, r->len,
				  "verdict");
			row_check(c.payload == r->payload, i, r->text, r->len,
				  "payload");
			if (status == HTTP1_OK)
				row_check(first + second == r->len - r->rest, i,
					  r->text, r->len, "used");
		}
	}
}

/* Feed @head, then the byte @fill @count times. */
static enum http1_status feed_long(const char *head, char fill, size_t count)
{
	struct http1_chunks c = {.payload = 0};
	enum http1_status status;
	size_t used;

	status = http1_chunks_feed(&c, head, strlen(head), &used);
	while (count-- > 0 && status == HTTP1_MORE)
		status = http1_chunks_feed(&c, &fill, 1, &used);
	return status;
}

static void test_lines_and_trailers_are_bounded(void **state)
{
	(void)state;
	assert_int_equal(feed_long("5;", 'x', 4096 - 2), HTTP1_MORE);
	assert_int_equal(feed_long("5;", 'x', 4096 - 1), HTTP1_BAD);
	assert_int_equal(feed_long("5", ' ', 4096), HTTP1_BAD);
	/* Each chunk has a line of its own. */
	assert_int_equal(feed_long("1;y\r\na\r\n5;", 'x', 4096 - 2),
			 HTTP1_MORE);
	assert_int_equal(feed_long("0\r\nA:", 'x', 16384 - 2), HTTP1_MORE);
	assert_int_equal(feed_long("0\r\nA:", 'x', 16384 - 1), HTTP1_BAD);
	assert_int_equal(feed_long("0\r\n", 'x', 16384 + 1), HTTP1_BAD);
	/* All trailer fields share one limit. */
	assert_int_equal(feed_long("0\r\nA: b\r\nC:", 'x', 16384 - 8),
			 HTTP1_MORE);
	assert_int_equal(feed_long("0\r\nA: b\r\nC:", 'x', 16384 - 7),
			 HTTP1_BAD);
}

static void test_a_body_may_be_longer_than_32_bits_count(void **state)
{
	static char data[1 << 20];
	struct http1_chunks c = {.payload = 0};
	size_t used;
	int i;

	(void)state;
	/* 5 GiB in one chunk */
	assert_int_equal(http1_chunks_feed(&c, "140000000\r\n", 11, &used),
			 HTTP1_MORE);
	for (i = 0; i < 5120; i++)
		assert_int_equal(
			http1_chunks_feed(&c, data, sizeof(data), &used),
			HTTP1_MORE);
	assert_int_equal(http1_chunks_feed(&c, "\r\n0\r\n\r\nx", 8, &used),
			 HTTP1_OK);
	assert_int_equal(used, 7);
	assert_true(c.payload == UINT64_C(5) << 30);
}

/* Whatever the pieces: the data alone, in front of the piece; and what stands
 * behind the body untouched. */
static void test_decoding_leaves_the_data_alone(void **state)
{
	static const char sent[] = "3;x=y\r\nabc\r\n0A\r\ndefghijklm\r\n"
				   "0\r\nTrailer: t\r\n\r\nnext";
	const size_t len = sizeof(sent) - 1;

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		struct http1_chunks c = {.payload = 0};
		char first[sizeof(sent)], second[sizeof(sent)], got[32];
		size_t used, n, m;
		enum http1_status s;

		memcpy(first, sent, cut);
		memcpy(second, sent + cut, len - cut);
		s = http1_chunks_decode(&c, first, cut, &used, &n);
		memcpy(got, first, n);
		if (s == HTTP1_OK) {
			assert_memory_equal(first + used, "next", cut - used);
			m = 0;
		} else {
			assert_int_equal(s, HTTP1_MORE);
			assert_int_equal(http1_chunks_decode(&c, second,
							     len - cut, &used,
							     &m),
					 HTTP1_OK);
			memcpy(got + n, second, m);
			assert_memory_equal(second + used, "next", 4);
		}
		assert_int_equal(n + m, 13);
		assert_memory_equal(got, "abcdefghijklm", 13);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_body_gets_its_verdict),
		cmocka_unit_test(test_bodies_are_followed_in_any_two_pieces),
		cmocka_unit_test(test_lines_and_trailers_are_bounded),
		cmocka_unit_test(test_a_body_may_be_longer_than_32_bits_count),
		cmocka_unit_test(test_decoding_leaves_the_data_alone),
	};

	return cmocka_run_group_tests_name("http1_chunks", tests, NULL, NULL);
}
