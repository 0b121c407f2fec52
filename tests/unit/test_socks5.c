/* SPDX-License-Identifier: MIT */
/* test_socks5.c - SOCKS5 greetings, requests and replies */
#include "proxy/socks5.h"

#include "row.h"

#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

struct greeting_row {
	const uint8_t *bytes;
	size_t len;
	enum socks5_status status;
	size_t used;
};

static const struct greeting_row greetings[] = {
	{BYTES("\x05\x01\x00"), SOCKS5_OK, 3},
	{BYTES("\x05\x02\x02\x00"), SOCKS5_OK, 4},
	{BYTES("\x05\x03\x00\x01\x02"), SOCKS5_OK, 5},
	{BYTES("\x05\x01\x00\x05\x01"), SOCKS5_OK, 3},
	{BYTES(""), SOCKS5_MORE, 0},
	{BYTES("\x05"), SOCKS5_MORE, 0},
	{BYTES("\x05\x01"), SOCKS5_MORE, 0},
	{BYTES("\x05\x02\x00"), SOCKS5_MORE, 0},
	{BYTES("\x05\x00"), SOCKS5_NO_METHOD, 2},
	{BYTES("\x05\x01\x01"), SOCKS5_NO_METHOD, 3},     /* GSSAPI */
	{BYTES("\x05\x01\x02"), SOCKS5_NO_METHOD, 3},     /* password */
	{BYTES("\x05\x01\xff"), SOCKS5_NO_METHOD, 3},     /* none at all */
	{BYTES("\x05\x01\x02\x00"), SOCKS5_NO_METHOD, 3}, /* 00 is behind it */
	{BYTES("\x04"), SOCKS5_BAD, 0},
	{BYTES("\x04\x01\x00\x50\x7f\x00\x00\x01\x00"), SOCKS5_BAD, 0},
	{BYTES("\x00"), SOCKS5_BAD, 0},
	{BYTES("GET / HTTP/1.1\r\n"), SOCKS5_BAD, 0},
};

static void test_every_greeting_gets_its_verdict(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(greetings); i++) {
		const struct greeting_row *r = &greetings[i];
		const char *text = (const char *)r->bytes;
		size_t used = 0;

		row_check(socks5_parse_greeting(r->bytes, r->len, &used) ==
				  r->status,
			  i, text, r->len, "verdict");
		row_check(used == r->used, i, text, r->len, "used");
	}
}

struct request_row {
	const uint8_t *bytes;
	size_t len;
	enum socks5_status status;
	uint16_t used;
	uint8_t command, atyp;
	const char *host; /* the name, or the text of the address */
	uint16_t port;
};

#define IS_MORE SOCKS5_MORE, 0, 0, 0, NULL, 0
#define IS_BAD SOCKS5_BAD, 0, 0, 0, NULL, 0

static const struct request_row requests[] = {
	{BYTES("\x05\x01\x00\x01\x7f\x00\x00\x01\x01\xbb"), SOCKS5_OK, 10, 1, 1,
	 "127.0.0.1", 443},
	{BYTES("\x05\x01\x00\x03\x01x\x00\x50"), SOCKS5_OK, 8, 1, 3, "x", 80},
	{BYTES("\x05\x01\x00\x03\x0b"
	       "example.org\xff\xff rest"),
	 SOCKS5_OK, 18, 1, 3, "example.org", 65535},
	{BYTES("\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0"
	       "\0"),
	 SOCKS5_OK, 22, 1, 4, "2001:db8::1", 0},
	{BYTES("\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01\0"
	       "\x01"),
	 SOCKS5_OK, 22, 1, 4, "127.0.0.1", 1},
	/* to be refused by the caller, with a reply */
	{BYTES("\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00"), SOCKS5_OK, 10, 2, 1,
	 "0.0.0.0", 0},
	{BYTES("\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00"), SOCKS5_OK, 10, 3, 1,
	 "0.0.0.0", 0},
	{BYTES("\x05\xf0\x00\x03\x01x\x00\x50"), SOCKS5_OK, 8, 0xf0, 3, "x",
	 80},
	{BYTES("\x05\x01\x00\x03\x00\x00\x50"), SOCKS5_OK, 7, 1, 3, "", 80},
	{BYTES("\x05\x01\x00\x02\x00"), SOCKS5_OK, 4, 1, 2, NULL, 0},
	{BYTES("\x05\x01\x00\x00"), SOCKS5_OK, 4, 1, 0, NULL, 0},
	{BYTES("\x05\x01\x00\xff\x00"), SOCKS5_OK, 4, 1, 255, NULL, 0},
	/* incomplete */
	{BYTES(""), IS_MORE},
	{BYTES("\x05"), IS_MORE},
	{BYTES("\x05\x01\x00"), IS_MORE},
	{BYTES("\x05\x01\x00\x01"), IS_MORE},
	{BYTES("\x05\x01\x00\x03"), IS_MORE},
	{BYTES("\x05\x01\x00\x01\x7f\x00\x00\x01\x01"), IS_MORE},
	{BYTES("\x05\x01\x00\x03\x02x\x00\x50"), IS_MORE},
	{BYTES("\x05\x01\x00\x03\x00\x00"), IS_MORE},
	{BYTES("\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0"),
	 IS_MORE},
	/* malformed */
	{BYTES("\x04"), IS_BAD},
	{BYTES("\x01\x01\x00"), IS_BAD},
	{BYTES("\x05\x01\x01"), IS_BAD},
	{BYTES("\x05\x01\xff\x01\x7f\x00\x00\x01\x01\xbb"), IS_BAD},
};

static void check_request(size_t row, const struct request_row *r,
			  const struct socks5_request *got)
{
	const char *text = (const char *)r->bytes;
	char addr[ADDR_TEXT_MAX];

	row_check(got->command == r->command, row, text, r->len, "command");
	row_check(got->atyp == r->atyp, row, text, r->len, "atyp");
	row_check(got->port == r->port, row, text, r->len, "port");
	if (!r->host)
		return;
	if (r->atyp == 3) {
		row_check(got->name_len == strlen(r->host) &&
				  !memcmp(got->name, r->host, got->name_len),
			  row, text, r->len, "name");
		return;
	}
	addr_format(&got->addr, addr);
	row_check(strcmp(addr, r->host) == 0, row, text, r->len, addr);
}

static void test_every_request_gets_its_verdict(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(requests); i++) {
		const struct request_row *r = &requests[i];
		const char *text = (const char *)r->bytes;
		struct socks5_request got = {.command = 0};
		size_t used = 0;

		row_check(socks5_parse_request(r->bytes, r->len, &got, &used) ==
				  r->status,
			  i, text, r->len, "verdict");
		row_check(used == r->used, i, text, r->len, "used");
		if (r->status == SOCKS5_OK)
			check_request(i, r, &got);
	}
}

static void test_names_may_be_any_bytes_of_any_length(void **state)
{
	static const char evil[] = "evil.example\0.example.org";
	uint8_t buf[SOCKS5_REQUEST_MAX] = {5, 1, 0, 3};
	struct socks5_request got;
	size_t used = 0;
	size_t len;

	(void)state;
	buf[4] = sizeof(evil) - 1;
	memcpy(buf + 5, evil, sizeof(evil) - 1);
	assert_int_equal(socks5_parse_request(buf, sizeof(buf), &got, &used),
			 SOCKS5_OK);
	assert_int_equal(got.name_len, sizeof(evil) - 1);
	assert_memory_equal(got.name, evil, sizeof(evil) - 1);
	buf[4] = 255;
	for (len = 0; len < sizeof(buf); len++)
		assert_int_equal(socks5_parse_request(buf, len, &got, &used),
				 SOCKS5_MORE);
	assert_int_equal(socks5_parse_request(buf, len, &got, &used),
			 SOCKS5_OK);
	assert_int_equal(got.name_len, 255);
	assert_int_equal(used, SOCKS5_REQUEST_MAX);
}

static void test_replies_report_the_bound_address(void **state)
{
	uint8_t out[SOCKS5_REPLY_MAX];
	struct addr v4;
	struct addr v6;

	(void)state;
	assert_true(addr_parse(ROW_TEXT("192.0.2.1"), &v4));
	assert_true(addr_parse(ROW_TEXT("2001:db8::1"), &v6));
	assert_int_equal(socks5_write_reply(SOCKS5_SUCCEEDED, &v4, 443, out),
			 10);
	assert_memory_equal(out, "\x05\x00\x00\x01\xc0\x00\x02\x01\x01\xbb",
			    10);
	assert_int_equal(socks5_write_reply(SOCKS5_SUCCEEDED, &v6, 80, out),
			 22);
	assert_memory_equal(out,
			    "\x05\x00\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0"
			    "\0\0\0\x01\0\x50",
			    22);
	assert_int_equal(socks5_write_reply(SOCKS5_NOT_ALLOWED, NULL, 443, out),
			 10);
	assert_memory_equal(out, "\x05\x02\x00\x01\0\0\0\0\0\0", 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_greeting_gets_its_verdict),
		cmocka_unit_test(test_every_request_gets_its_verdict),
		cmocka_unit_test(test_names_may_be_any_bytes_of_any_length),
		cmocka_unit_test(test_replies_report_the_bound_address),
	};

	return cmocka_run_group_tests_name("socks5", tests, NULL, NULL);
}
