/* SPDX-License-Identifier: MIT */
/* test_addr.c - addresses and ranges: spellings, texts, socket addresses */
#include "proxy/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "row.h"

struct text_row {
	const char *text;
	size_t len;
	const char *canonical; /* NULL where it is refused */
};

static const struct text_row texts[] = {
	/* IPv4: four plain decimal numbers */
	{ROW_TEXT("0.0.0.0"), "0.0.0.0"},
	{ROW_TEXT("127.0.0.1"), "127.0.0.1"},
	{ROW_TEXT("255.255.255.255"), "255.255.255.255"},
	{ROW_TEXT("10.20.30.40"), "10.20.30.40"},
	{ROW_TEXT("1.2.3.4"), "1.2.3.4"},
	{ROW_TEXT("9.10.99.100"), "9.10.99.100"},
	{ROW_TEXT("1.2.3"), NULL},
	{ROW_TEXT("1.2"), NULL},
	{ROW_TEXT("127.1"), NULL},
	{ROW_TEXT("2130706433"), NULL},
	{ROW_TEXT("1.2.3.4.5"), NULL},
	{ROW_TEXT("1.2.3.4."), NULL},
	{ROW_TEXT(".1.2.3.4"), NULL},
	{ROW_TEXT("1..3.4"), NULL},
	{ROW_TEXT("1.2.3."), NULL},
	{ROW_TEXT("256.1.1.1"), NULL},
	{ROW_TEXT("1.1.1.256"), NULL},
	{ROW_TEXT("1.1.1.1000"), NULL},
	{ROW_TEXT("4294967297.1.1.1"), NULL},
	{ROW_TEXT("01.2.3.4"), NULL},
	{ROW_TEXT("1.2.3.04"), NULL},
	{ROW_TEXT("00.0.0.0"), NULL},
	{ROW_TEXT("0177.0.0.1"), NULL},
	{ROW_TEXT("0x7f.0.0.1"), NULL},
	{ROW_TEXT("0x7f000001"), NULL},
	{ROW_TEXT("1.2.3.a"), NULL},
	{ROW_TEXT("1.2.3.4a"), NULL},
	{ROW_TEXT("+1.2.3.4"), NULL},
	{ROW_TEXT("-1.2.3.4"), NULL},
	{ROW_TEXT(" 1.2.3.4"), NULL},
	{ROW_TEXT("1.2.3.4 "), NULL},
	{ROW_TEXT("1.2. 3.4"), NULL},
	{ROW_TEXT("1.2.3.4\0"), NULL},
	{ROW_TEXT("1.2.3.4\n"), NULL},
	{ROW_TEXT("1.2.3.4/32"), NULL},
	{ROW_TEXT("1.2.3.4:80"), NULL},
	{ROW_TEXT("[1.2.3.4]"), NULL},
	{ROW_TEXT("1,2,3,4"), NULL},
	{ROW_TEXT(""), NULL},

	/* IPv6: any spelling in, RFC 5952 out */
	{ROW_TEXT("::"), "::"},
	{ROW_TEXT("::1"), "::1"},
	{ROW_TEXT("1::"), "1::"},
	{ROW_TEXT("0:0:0:0:0:0:0:0"), "::"},
	{ROW_TEXT("0000:0000:0000:0000:0000:0000:0000:0001"), "::1"},
	{ROW_TEXT("2001:db8::1"), "2001:db8::1"},
	{ROW_TEXT("2001:DB8::AbCd"), "2001:db8::abcd"},
	{ROW_TEXT("2001:0db8:0:0:0:0:0:1"), "2001:db8::1"},
	{ROW_TEXT("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1"},
	{ROW_TEXT("2001:db8::1:1:1:1:1"), "2001:db8:0:1:1:1:1:1"},
	{ROW_TEXT("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1"},
	{ROW_TEXT("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1"},
	{ROW_TEXT("1:2:3:4:5:6:7:8"), "1:2:3:4:5:6:7:8"},
	{ROW_TEXT("1:2:3:4:5:6:7::"), "1:2:3:4:5:6:7:0"},
	{ROW_TEXT("::2:3:4:5:6:7:8"), "0:2:3:4:5:6:7:8"},
	{ROW_TEXT("1:2:3:4:5:6::"), "1:2:3:4:5:6::"},
	{ROW_TEXT("1::8"), "1::8"},
	{ROW_TEXT("0:0:1::"), "0:0:1::"},
	{ROW_TEXT("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
	 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	{ROW_TEXT("fe80::1"), "fe80::1"},
	{ROW_TEXT("64:ff9b::7f00:1"), "64:ff9b::7f00:1"},
	{ROW_TEXT("64:ff9b::127.0.0.1"), "64:ff9b::7f00:1"},
	{ROW_TEXT("2002:7f00:1::"), "2002:7f00:1::"},
	{ROW_TEXT("::127.0.0.1"), "::7f00:1"},
	{ROW_TEXT("1:2:3:4:5:6:1.2.3.4"), "1:2:3:4:5:6:102:304"},
	{ROW_TEXT("::1:2:3:4:5:1.2.3.4"), "0:1:2:3:4:5:102:304"},
	{ROW_TEXT("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"),
	 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},

	/* an IPv4-mapped address is its IPv4 address */
	{ROW_TEXT("::ffff:127.0.0.1"), "127.0.0.1"},
	{ROW_TEXT("::FFFF:127.0.0.1"), "127.0.0.1"},
	{ROW_TEXT("::ffff:7f00:1"), "127.0.0.1"},
	{ROW_TEXT("0:0:0:0:0:ffff:7f00:0001"), "127.0.0.1"},
	{ROW_TEXT("0:0:0:0:0:ffff:10.0.0.5"), "10.0.0.5"},
	{ROW_TEXT("::ffff:0:0"), "0.0.0.0"},
	{ROW_TEXT("::ffff:0:127.0.0.1"), "::ffff:0:7f00:1"},
	{ROW_TEXT("::fffe:7f00:1"), "::fffe:7f00:1"},
	{ROW_TEXT("1::ffff:7f00:1"), "1::ffff:7f00:1"},

	/* not IPv6 */
	{ROW_TEXT(":"), NULL},
	{ROW_TEXT(":::"), NULL},
	{ROW_TEXT("::::"), NULL},
	{ROW_TEXT(":1"), NULL},
	{ROW_TEXT("1:"), NULL},
	{ROW_TEXT("1"), NULL},
	{ROW_TEXT("1:2"), NULL},
	{ROW_TEXT("1::2::3"), NULL},
	{ROW_TEXT("::1::"), NULL},
	{ROW_TEXT("1:::2"), NULL},
	{ROW_TEXT("1::2:"), NULL},
	{ROW_TEXT(":1::2"), NULL},
	{ROW_TEXT("1:2:3:4:5:6:7"), NULL},
	{ROW_TEXT("1:2:3:4:5:6:7:"), NULL},
	{ROW_TEXT("1:2:3:4:5:6:7:8:"), NULL},
	{ROW_TEXT("1:2:3:4:5:6:7:8:9"), NULL},
	{ROW_TEXT("1:2:3:4:5:6:7:8::"), NULL},
	{ROW_TEXT("::1:2:3:4:5:6:7:8"), NULL},
	{ROW_TEXT("1:2:3:4::5:6:7:8"), NULL},
	{ROW_TEXT("12345::"), NULL},
	{ROW_TEXT("::00001"), NULL},
	{ROW_TEXT("::g"), NULL},
	{ROW_TEXT("::G"), NULL},
	{ROW_TEXT("::1%lo0"), NULL},
	{ROW_TEXT("fe80::1%eth0"), NULL},
	{ROW_TEXT("fe80::1%"), NULL},
	{ROW_TEXT("[::1]"), NULL},
	{ROW_TEXT("::1/128"), NULL},
	{ROW_TEXT("::1 "), NULL},
	{ROW_TEXT(" ::1"), NULL},
	{ROW_TEXT("::1\0"), NULL},
	{ROW_TEXT("::1.2.3"), NULL},
	{ROW_TEXT("::1.2.3.4.5"), NULL},
	{ROW_TEXT("::1.2.3.256"), NULL},
	{ROW_TEXT("::01.2.3.4"), NULL},
	{ROW_TEXT("::a.2.3.4"), NULL},
	{ROW_TEXT("::1.2.3.4:5"), NULL},
	{ROW_TEXT("1.2.3.4::"), NULL},
	{ROW_TEXT("1:2:3:4:5:6:7:1.2.3.4"), NULL},
	{ROW_TEXT("1:2:3:4:5:6:7:8:1.2.3.4"), NULL},
	{ROW_TEXT("1:2:3:4:5:1.2.3.4"), NULL},
	{ROW_TEXT("1:2:3:4:5:6::1.2.3.4"), NULL},
	{ROW_TEXT("::ffff:127.1"), NULL},
	{ROW_TEXT("::ffff:0177.0.0.1"), NULL},
	{ROW_TEXT("::ffff:0x7f.0.0.1"), NULL},
	{ROW_TEXT("example.org"), NULL},
	{ROW_TEXT("\xef\xbc\x91.1.1.1"), NULL},
};

static void test_every_address_spelling_gets_its_verdict(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(texts); i++) {
		const struct text_row *r = &texts[i];
		char out[ADDR_TEXT_MAX];
		struct addr again;
		struct addr a;
		bool ok = addr_parse(r->text, r->len, &a);

		row_check(ok == !!r->canonical, i, r->text, r->len, "verdict");
		if (!ok)
			continue;
		row_check(addr_format(&a, out) == strlen(r->canonical), i,
			  r->text, r->len, "length");
		row_check(strcmp(out, r->canonical) == 0, i, r->text, r->len,
			  out);
		row_check(addr_parse(out, strlen(out), &again) &&
				  memcmp(&a, &again, sizeof(a)) == 0,
			  i, r->text, r->len, "not the same when read again");
	}
}

struct cidr_row {
	const char *text;
	size_t len;
	const char *base; /* NULL where it is refused */
	uint8_t bits;
};

static const struct cidr_row cidrs[] = {
	{ROW_TEXT("10.0.0.0/8"), "10.0.0.0", 8},
	{ROW_TEXT("10.0.0.0"), "10.0.0.0", 32},
	{ROW_TEXT("10.0.0.1/32"), "10.0.0.1", 32},
	{ROW_TEXT("0.0.0.0/0"), "0.0.0.0", 0},
	{ROW_TEXT("128.0.0.0/1"), "128.0.0.0", 1},
	{ROW_TEXT("192.168.128.0/17"), "192.168.128.0", 17},
	{ROW_TEXT("192.168.0.254/31"), "192.168.0.254", 31},
	{ROW_TEXT("::/0"), "::", 0},
	{ROW_TEXT("fc00::/7"), "fc00::", 7},
	{ROW_TEXT("2001:db8::/32"), "2001:db8::", 32},
	{ROW_TEXT("2001:db8::1/128"), "2001:db8::1", 128},
	{ROW_TEXT("2001:db8::1"), "2001:db8::1", 128},
	{ROW_TEXT("2001:db8::8000:0/97"), "2001:db8::8000:0", 97},
	{ROW_TEXT("::ffff:10.0.0.0/104"), "10.0.0.0", 8},
	{ROW_TEXT("::ffff:0:0/96"), "0.0.0.0", 0},
	{ROW_TEXT("::ffff:10.0.0.1/128"), "10.0.0.1", 32},
	{ROW_TEXT("::ffff:10.0.0.1"), "10.0.0.1", 32},
	{ROW_TEXT("10.0.0.1/8"), NULL, 0},
	{ROW_TEXT("10.0.0.1/31"), NULL, 0},
	{ROW_TEXT("10.0.0.0/6"), NULL, 0},
	{ROW_TEXT("0.0.0.1/0"), NULL, 0},
	{ROW_TEXT("192.168.64.0/17"), NULL, 0},
	{ROW_TEXT("2001:db8::1/32"), NULL, 0},
	{ROW_TEXT("2001:db8::1/127"), NULL, 0},
	{ROW_TEXT("::1/0"), NULL, 0},
	{ROW_TEXT("::ffff:10.0.0.1/104"), NULL, 0},
	{ROW_TEXT("::ffff:0:0/95"), NULL, 0},
	{ROW_TEXT("::ffff:0:0/32"), NULL, 0},
	{ROW_TEXT("::ffff:0:0/129"), NULL, 0},
	{ROW_TEXT("10.0.0.0/33"), NULL, 0},
	{ROW_TEXT("10.0.0.0/264"), NULL, 0},
	{ROW_TEXT("10.0.0.0/128"), NULL, 0},
	{ROW_TEXT("::/129"), NULL, 0},
	{ROW_TEXT("10.0.0.0/"), NULL, 0},
	{ROW_TEXT("10.0.0.0/08"), NULL, 0},
	{ROW_TEXT("10.0.0.0/00"), NULL, 0},
	{ROW_TEXT("10.0.0.0/0008"), NULL, 0},
	{ROW_TEXT("10.0.0.0/+8"), NULL, 0},
	{ROW_TEXT("10.0.0.0/-8"), NULL, 0},
	{ROW_TEXT("10.0.0.0/ 8"), NULL, 0},
	{ROW_TEXT("10.0.0.0/8 "), NULL, 0},
	{ROW_TEXT("10.0.0.0 /8"), NULL, 0},
	{ROW_TEXT("10.0.0.0/8/8"), NULL, 0},
	{ROW_TEXT("10.0.0.0/255.0.0.0"), NULL, 0},
	{ROW_TEXT("10/8"), NULL, 0},
	{ROW_TEXT("10.0.0/8"), NULL, 0},
	{ROW_TEXT("/8"), NULL, 0},
	{ROW_TEXT("/"), NULL, 0},
	{ROW_TEXT(""), NULL, 0},
	{ROW_TEXT("[::]/0"), NULL, 0},
	{ROW_TEXT("example.org/8"), NULL, 0},
};

static void test_every_range_spelling_gets_its_verdict(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(cidrs); i++) {
		const struct cidr_row *r = &cidrs[i];
		char out[ADDR_TEXT_MAX];
		struct cidr c;
		const char *error = cidr_parse(r->text, r->len, &c);

		row_check(!error == !!r->base, i, r->text, r->len, "verdict");
		if (error)
			continue;
		addr_format(&c.base, out);
		row_check(strcmp(out, r->base) == 0, i, r->text, r->len, out);
		row_check(c.bits == r->bits, i, r->text, r->len, "bits");
	}
}

static struct addr parse(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, strlen(text), &a));
	return a;
}

static void test_each_range_fault_is_named(void **state)
{
	struct cidr c;

	(void)state;
	assert_string_equal(cidr_parse(ROW_TEXT("10.0.0.1/8"), &c),
			    "host bits are set");
	assert_string_equal(cidr_parse(ROW_TEXT("10.0.0.0/33"), &c),
			    "the prefix is longer than the address");
	assert_string_equal(cidr_parse(ROW_TEXT("::ffff:0:0/129"), &c),
			    "the prefix is longer than the address");
	assert_string_equal(cidr_parse(ROW_TEXT("10.0.0.0/x"), &c),
			    "the prefix length is not a number");
	assert_string_equal(cidr_parse(ROW_TEXT("x/8"), &c),
			    "not an IP address");
}

struct contains_row {
	const char *range;
	const char *addr;
	bool inside;
};

static const struct contains_row contains[] = {
	{"10.0.0.0/8", "10.0.0.0", true},
	{"10.0.0.0/8", "10.255.255.255", true},
	{"10.0.0.0/8", "11.0.0.0", false},
	{"10.0.0.0/8", "9.255.255.255", false},
	{"100.64.0.0/10", "100.63.255.255", false},
	{"100.64.0.0/10", "100.64.0.0", true},
	{"100.64.0.0/10", "100.127.255.255", true},
	{"100.64.0.0/10", "100.128.0.0", false},
	{"0.0.0.0/0", "255.255.255.255", true},
	{"128.0.0.0/1", "255.255.255.255", true},
	{"128.0.0.0/1", "127.255.255.255", false},
	{"255.255.255.255/32", "255.255.255.255", true},
	{"255.255.255.255/32", "255.255.255.254", false},
	{"0.0.0.0/0", "::", false},
	{"::/0", "0.0.0.0", false},
	{"::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
	{"::/0", "::ffff:10.0.0.1", false}, /* that is an IPv4 address */
	{"10.0.0.0/8", "::ffff:10.0.0.1", true},
	{"fe80::/10", "fe7f:ffff::", false},
	{"fe80::/10", "fe80::", true},
	{"fe80::/10", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
	{"fe80::/10", "fec0::", false},
	{"2001:db8::1/128", "2001:db8::1", true},
	{"2001:db8::1/128", "2001:db8::2", false},
	{"2001:db8::/127", "2001:db8::1", true},
	{"2001:db8::/127", "2001:db8::2", false},
};

static void test_ranges_hold_exactly_their_addresses(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(contains); i++) {
		const struct contains_row *r = &contains[i];
		struct addr a = parse(r->addr);
		struct cidr c;

		assert_null(cidr_parse(r->range, strlen(r->range), &c));
		row_check(cidr_contains(&c, &a) == r->inside, i, r->addr,
			  strlen(r->addr), r->range);
	}
}

static void test_socket_addresses_are_taken_and_built(void **state)
{
	struct sockaddr_storage ss;
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
				   .sin6_port = htons(53)};
	struct sockaddr other = {.sa_family = AF_UNIX};
	struct addr want = parse("192.0.2.1");
	struct addr got;
	uint16_t port;

	(void)state;
	assert_int_equal(addr_to_sockaddr(&want, 443, &ss),
			 sizeof(struct sockaddr_in));
	assert_int_equal(ss.ss_family, AF_INET);
	assert_true(addr_from_sockaddr((struct sockaddr *)&ss, &got, &port));
	assert_memory_equal(&got, &want, sizeof(got));
	assert_int_equal(port, 443);

	want = parse("2001:db8::1");
	assert_int_equal(addr_to_sockaddr(&want, 65535, &ss),
			 sizeof(struct sockaddr_in6));
	assert_int_equal(ss.ss_family, AF_INET6);
	assert_true(addr_from_sockaddr((struct sockaddr *)&ss, &got, &port));
	assert_memory_equal(&got, &want, sizeof(got));
	assert_int_equal(port, 65535);

	/* What a dual-stack listener reports is the IPv4 address. */
	assert_int_equal(
		inet_pton(AF_INET6, "::ffff:192.0.2.1", &in6.sin6_addr), 1);
	want = parse("192.0.2.1");
	assert_true(addr_from_sockaddr((struct sockaddr *)&in6, &got, NULL));
	assert_memory_equal(&got, &want, sizeof(got));

	assert_false(addr_from_sockaddr(&other, &got, &port));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_address_spelling_gets_its_verdict),
		cmocka_unit_test(test_every_range_spelling_gets_its_verdict),
		cmocka_unit_test(test_each_range_fault_is_named),
		cmocka_unit_test(test_ranges_hold_exactly_their_addresses),
		cmocka_unit_test(test_socket_addresses_are_taken_and_built),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
