/* SPDX-License-Identifier: MIT */
/* test_name.c - host names and ports: every spelling and its verdict */
#include "proxy/name.h"

#include "row.h"

#define L63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"
#define N253 L63 "." L63 "." L63 "." L61
#define L61 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy"

struct host_row {
	const char *text;
	size_t len;
	enum name_status status;
	const char *canonical; /* for NAME_OK */
};

static const struct host_row hosts[] = {
	/* names */
	{ROW_TEXT("example.org"), NAME_OK, "example.org"},
	{ROW_TEXT("EXAMPLE.Org"), NAME_OK, "example.org"},
	{ROW_TEXT("example.org."), NAME_OK, "example.org"},
	{ROW_TEXT("EXAMPLE.ORG."), NAME_OK, "example.org"},
	{ROW_TEXT("localhost"), NAME_OK, "localhost"},
	{ROW_TEXT("LOCALHOST."), NAME_OK, "localhost"},
	{ROW_TEXT("a"), NAME_OK, "a"},
	{ROW_TEXT("a."), NAME_OK, "a"},
	{ROW_TEXT("_dmarc.example.org"), NAME_OK, "_dmarc.example.org"},
	{ROW_TEXT("a_b.example.org"), NAME_OK, "a_b.example.org"},
	{ROW_TEXT("-a.example.org"), NAME_OK, "-a.example.org"},
	{ROW_TEXT("a-.example.org"), NAME_OK, "a-.example.org"},
	{ROW_TEXT("a--b.example.org"), NAME_OK, "a--b.example.org"},
	{ROW_TEXT("xn--bcher-kva.example"), NAME_OK, "xn--bcher-kva.example"},
	{ROW_TEXT("XN--BCHER-KVA.example"), NAME_OK, "xn--bcher-kva.example"},
	{ROW_TEXT("1.2.3.4.example"), NAME_OK, "1.2.3.4.example"},
	{ROW_TEXT("127.0.0.1.nip.io"), NAME_OK, "127.0.0.1.nip.io"},
	{ROW_TEXT("3com.com"), NAME_OK, "3com.com"},
	{ROW_TEXT("163.com"), NAME_OK, "163.com"},
	{ROW_TEXT("0x7f.example"), NAME_OK, "0x7f.example"},
	{ROW_TEXT("a.0b"), NAME_OK, "a.0b"},
	{ROW_TEXT("a.1a"), NAME_OK, "a.1a"},
	{ROW_TEXT("a.0xg"), NAME_OK, "a.0xg"},
	{ROW_TEXT("a.x0"), NAME_OK, "a.x0"},
	{ROW_TEXT("a.0-1"), NAME_OK, "a.0-1"},
	{ROW_TEXT("a._1"), NAME_OK, "a._1"},
	{ROW_TEXT("1e9"), NAME_OK, "1e9"},
	{ROW_TEXT("deadbeef"), NAME_OK, "deadbeef"},
	{ROW_TEXT(L63), NAME_OK, L63},
	{ROW_TEXT(L63 ".org"), NAME_OK, L63 ".org"},
	{ROW_TEXT("a." L63), NAME_OK, "a." L63},
	{ROW_TEXT(N253), NAME_OK, N253},
	{ROW_TEXT(N253 "."), NAME_OK, N253},

	/* ends in a number: an address or nothing, in every spelling */
	{ROW_TEXT("127.0.0.1"), NAME_NUMERIC, NULL},
	{ROW_TEXT("127.0.0.1."), NAME_NUMERIC, NULL},
	{ROW_TEXT("10.0.0.5"), NAME_NUMERIC, NULL},
	{ROW_TEXT("127.1"), NAME_NUMERIC, NULL},
	{ROW_TEXT("127.0.1"), NAME_NUMERIC, NULL},
	{ROW_TEXT("1.2.3.4.5"), NAME_NUMERIC, NULL},
	{ROW_TEXT("2130706433"), NAME_NUMERIC, NULL},
	{ROW_TEXT("017700000001"), NAME_NUMERIC, NULL},
	{ROW_TEXT("0177.0.0.1"), NAME_NUMERIC, NULL},
	{ROW_TEXT("0177.0.0.01"), NAME_NUMERIC, NULL},
	{ROW_TEXT("0x7f000001"), NAME_NUMERIC, NULL},
	{ROW_TEXT("0X7F000001"), NAME_NUMERIC, NULL},
	{ROW_TEXT("0x7f.1"), NAME_NUMERIC, NULL},
	{ROW_TEXT("0x7f.0.0.0x1"), NAME_NUMERIC, NULL},
	{ROW_TEXT("0x7f.0x0.0x0.0x1"), NAME_NUMERIC, NULL},
	{ROW_TEXT("127.0.0.0x1"), NAME_NUMERIC, NULL},
	{ROW_TEXT("127.0.0.0X1"), NAME_NUMERIC, NULL},
	{ROW_TEXT("127.0.0.0x"), NAME_NUMERIC, NULL},
	{ROW_TEXT("0x"), NAME_NUMERIC, NULL},
	{ROW_TEXT("0"), NAME_NUMERIC, NULL},
	{ROW_TEXT("0.0.0.0"), NAME_NUMERIC, NULL},
	{ROW_TEXT("256.256.256.256"), NAME_NUMERIC, NULL},
	{ROW_TEXT("999"), NAME_NUMERIC, NULL},
	{ROW_TEXT("099"), NAME_NUMERIC, NULL},
	{ROW_TEXT("example.1"), NAME_NUMERIC, NULL},
	{ROW_TEXT("example.0xdead"), NAME_NUMERIC, NULL},
	{ROW_TEXT("4294967296"), NAME_NUMERIC, NULL},
	{ROW_TEXT("340282366920938463463374607431768211456"), NAME_NUMERIC,
	 NULL},

	/* dots and lengths */
	{ROW_TEXT(""), NAME_BAD, NULL},
	{ROW_TEXT("."), NAME_BAD, NULL},
	{ROW_TEXT(".."), NAME_BAD, NULL},
	{ROW_TEXT(".example.org"), NAME_BAD, NULL},
	{ROW_TEXT("example..org"), NAME_BAD, NULL},
	{ROW_TEXT("example.org.."), NAME_BAD, NULL},
	{ROW_TEXT("127.0.0.1.."), NAME_BAD, NULL},
	{ROW_TEXT("a..1"), NAME_BAD, NULL},
	{ROW_TEXT(L63 "x"), NAME_BAD, NULL},
	{ROW_TEXT(L63 "x.org"), NAME_BAD, NULL},
	{ROW_TEXT("a." L63 "x"), NAME_BAD, NULL},
	{ROW_TEXT(N253 "x"), NAME_BAD, NULL},
	{ROW_TEXT(N253 ".."), NAME_BAD, NULL},
	{ROW_TEXT(N253 "." N253), NAME_BAD, NULL},

	/* bytes */
	{ROW_TEXT("evil.example\0.example.org"), NAME_BAD, NULL},
	{ROW_TEXT("example.org\0"), NAME_BAD, NULL},
	{ROW_TEXT("\0"), NAME_BAD, NULL},
	{ROW_TEXT("example.org\r\n"), NAME_BAD, NULL},
	{ROW_TEXT("exa\rmple.org"), NAME_BAD, NULL},
	{ROW_TEXT("exa\nmple.org"), NAME_BAD, NULL},
	{ROW_TEXT("exa\tmple.org"), NAME_BAD, NULL},
	{ROW_TEXT(" example.org"), NAME_BAD, NULL},
	{ROW_TEXT("example.org "), NAME_BAD, NULL},
	{ROW_TEXT("exa mple.org"), NAME_BAD, NULL},
	{ROW_TEXT("example%00.org"), NAME_BAD, NULL},
	{ROW_TEXT("example%2eorg"), NAME_BAD, NULL},
	{ROW_TEXT("user@example.org"), NAME_BAD, NULL},
	{ROW_TEXT("user:pw@example.org"), NAME_BAD, NULL},
	{ROW_TEXT("example.org\\"), NAME_BAD, NULL},
	{ROW_TEXT("example.org/"), NAME_BAD, NULL},
	{ROW_TEXT("example.org?"), NAME_BAD, NULL},
	{ROW_TEXT("example.org#"), NAME_BAD, NULL},
	{ROW_TEXT("example.org:"), NAME_BAD, NULL},
	{ROW_TEXT("*.example.org"), NAME_BAD, NULL},
	{ROW_TEXT("*"), NAME_BAD, NULL},
	{ROW_TEXT("example,org"), NAME_BAD, NULL},
	{ROW_TEXT("example.org;"), NAME_BAD, NULL},
	{ROW_TEXT("[example.org]"), NAME_BAD, NULL},
	{ROW_TEXT("[::1]"), NAME_BAD, NULL},
	{ROW_TEXT("::1"), NAME_BAD, NULL},
	{ROW_TEXT("::1%lo0"), NAME_BAD, NULL},
	{ROW_TEXT("::ffff:127.0.0.1"), NAME_BAD, NULL},
	{ROW_TEXT("ex`ample.org"), NAME_BAD, NULL},
	{ROW_TEXT("ex{ample.org"), NAME_BAD, NULL},
	{ROW_TEXT("ex@mple.org"), NAME_BAD, NULL},
	{ROW_TEXT("ex+ample.org"), NAME_BAD, NULL},
	{ROW_TEXT("ex\x7f"
		  "ample.org"),
	 NAME_BAD, NULL},
	{ROW_TEXT("\x01"), NAME_BAD, NULL},

	/* outside ASCII: U-label, fullwidth dot and letter, ideographic dot,
	 * zero-width space, soft hyphen, BOM, Kelvin sign, bad UTF-8 */
	{ROW_TEXT("b\xc3\xbc"
		  "cher.example"),
	 NAME_BAD, NULL},
	{ROW_TEXT("example\xef\xbc\x8eorg"), NAME_BAD, NULL},
	{ROW_TEXT("\xef\xbd\x85xample.org"), NAME_BAD, NULL},
	{ROW_TEXT("example\xe3\x80\x82org"), NAME_BAD, NULL},
	{ROW_TEXT("exa\xe2\x80\x8bmple.org"), NAME_BAD, NULL},
	{ROW_TEXT("exa\xc2\xadmple.org"), NAME_BAD, NULL},
	{ROW_TEXT("\xef\xbb\xbf"
		  "example.org"),
	 NAME_BAD, NULL},
	{ROW_TEXT("\xe2\x84\xaa.example"), NAME_BAD, NULL},
	{ROW_TEXT("\xff.example"), NAME_BAD, NULL},
	{ROW_TEXT("127.0.0.\xef\xbc\x91"), NAME_BAD, NULL},
};

static void test_every_host_spelling_gets_its_verdict(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(hosts); i++) {
		const struct host_row *r = &hosts[i];
		char out[NAME_MAX_LEN + 1] = "untouched";
		enum name_status got = name_canonical(r->text, r->len, out);
		const char *want = r->canonical ? r->canonical : "untouched";

		row_check(got == r->status, i, r->text, r->len, "verdict");
		row_check(strcmp(out, want) == 0, i, r->text, r->len, out);
	}
}

struct take_row {
	const char *text;
	size_t taken;
	const char *canonical; /* NULL where it is refused */
};

static const struct take_row takes[] = {
	{"Host-1.example:443\n", 14, "host-1.example"},
	{"a.:1", 2, "a"},
	{"a. b", 2, "a"},
	{"a/b", 1, "a"},
	{"a.-_.b\x80", 6, "a.-_.b"},
	{":1", 0, NULL},
	{"a..b:1", 0, NULL},
	{".a:1", 0, NULL},
	{"1.2:3", 0, NULL},
	{"@x", 0, NULL},
};

static void test_a_name_is_taken_from_the_start_of_a_text(void **state)
{
	char text[NAME_MAX_LEN + 3], out[NAME_MAX_LEN + 1];
	size_t i, taken;

	(void)state;
	for (i = 0; i < ROW_COUNT(takes); i++) {
		const struct take_row *r = &takes[i];
		size_t len = strlen(r->text);
		bool good = name_take(r->text, len, out, &taken) == NAME_OK;

		row_check(good == (r->canonical != NULL), i, r->text, len,
			  "verdict");
		row_check(!good || (taken == r->taken &&
				    strcmp(out, r->canonical) == 0),
			  i, r->text, len, out);
	}
	/* The longest name, a dot behind it, and more behind that. */
	for (i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? '.' : 'a';
	for (i = NAME_MAX_LEN; i <= sizeof(text); i++) {
		assert_int_equal(name_take(text, i, out, &taken), NAME_OK);
		assert_int_equal(taken, NAME_MAX_LEN + (i > NAME_MAX_LEN));
		assert_int_equal(strlen(out), NAME_MAX_LEN);
	}
	text[NAME_MAX_LEN] = 'a';
	assert_int_equal(name_take(text, sizeof(text), out, &taken), NAME_BAD);
}

static void test_every_byte_alone_is_judged(void **state)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
	int c;

	(void)state;
	for (c = 0; c < 256; c++) {
		char in = (char)c;
		char out[NAME_MAX_LEN + 1];
		enum name_status want = NAME_BAD;

		if (c && strchr(good, c))
			want = NAME_OK;
		if (c >= '0' && c <= '9')
			want = NAME_NUMERIC;
		row_check(name_canonical(&in, 1, out) == want, (size_t)c, &in,
			  1, "verdict");
	}
}

struct port_row {
	const char *text;
	size_t len;
	uint16_t port; /* 0 where it is refused */
};

static const struct port_row ports[] = {
	{ROW_TEXT("1"), 1},          {ROW_TEXT("80"), 80},
	{ROW_TEXT("443"), 443},      {ROW_TEXT("8080"), 8080},
	{ROW_TEXT("9999"), 9999},    {ROW_TEXT("10000"), 10000},
	{ROW_TEXT("65534"), 65534},  {ROW_TEXT("65535"), 65535},
	{ROW_TEXT("65536"), 0},      {ROW_TEXT("65537"), 0},
	{ROW_TEXT("99999"), 0},      {ROW_TEXT("100000"), 0},
	{ROW_TEXT("65979"), 0}, /* 443 modulo 2^16 */
	{ROW_TEXT("4294967739"), 0}, {ROW_TEXT("0"), 0},
	{ROW_TEXT("00"), 0},         {ROW_TEXT("0443"), 0},
	{ROW_TEXT("00443"), 0},      {ROW_TEXT("0x1bb"), 0},
	{ROW_TEXT("0673"), 0},       {ROW_TEXT("+443"), 0},
	{ROW_TEXT("-443"), 0},       {ROW_TEXT(" 443"), 0},
	{ROW_TEXT("443 "), 0},       {ROW_TEXT("443\t"), 0},
	{ROW_TEXT("443\0"), 0},      {ROW_TEXT("4 43"), 0},
	{ROW_TEXT("4,43"), 0},       {ROW_TEXT("443."), 0},
	{ROW_TEXT("1e3"), 0},        {ROW_TEXT("https"), 0},
	{ROW_TEXT("443/"), 0},       {ROW_TEXT("443:"), 0},
	{ROW_TEXT("443\r\n"), 0},    {ROW_TEXT("\xef\xbc\x94\x34"), 0},
	{ROW_TEXT(""), 0},
};

static void test_every_port_spelling_gets_its_verdict(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(ports); i++) {
		const struct port_row *r = &ports[i];
		uint16_t port = 0;
		bool ok = name_parse_port(r->text, r->len, &port);

		row_check(ok == (r->port != 0), i, r->text, r->len, "verdict");
		row_check(port == r->port, i, r->text, r->len, "port");
	}
}

struct split_row {
	const char *text;
	size_t len;
	bool ok;
	size_t host_len, port_off;
};

static const struct split_row splits[] = {
	{ROW_TEXT("example.org:443"), true, 11, 12},
	{ROW_TEXT("example.org"), true, 11, 0},
	{ROW_TEXT("example.org:"), true, 11, 12},
	{ROW_TEXT(":443"), true, 0, 1},
	{ROW_TEXT(":"), true, 0, 1},
	{ROW_TEXT(""), true, 0, 0},
	{ROW_TEXT("127.0.0.1:80"), true, 9, 10},
	{ROW_TEXT("[::1]:443"), true, 5, 6},
	{ROW_TEXT("[::1]"), true, 5, 0},
	{ROW_TEXT("[::1]:"), true, 5, 6},
	{ROW_TEXT("[]:443"), true, 2, 3},
	{ROW_TEXT("[]"), true, 2, 0},
	{ROW_TEXT("[example.org]:443"), true, 13, 14},
	{ROW_TEXT("user@example.org:443"), true, 16, 17},
	{ROW_TEXT("example.org\0:443"), true, 12, 13},
	{ROW_TEXT("::1"), false, 0, 0},
	{ROW_TEXT("::1:443"), false, 0, 0},
	{ROW_TEXT("user:pw@example.org:443"), false, 0, 0},
	{ROW_TEXT("example.org:443:443"), false, 0, 0},
	{ROW_TEXT("example.org::443"), false, 0, 0},
	{ROW_TEXT("[::1"), false, 0, 0},
	{ROW_TEXT("["), false, 0, 0},
	{ROW_TEXT("]"), false, 0, 0},
	{ROW_TEXT("::1]"), false, 0, 0},
	{ROW_TEXT("[::1]443"), false, 0, 0},
	{ROW_TEXT("[::1]x:443"), false, 0, 0},
	{ROW_TEXT("[::1]]:443"), false, 0, 0},
	{ROW_TEXT("[[::1]]:443"), false, 0, 0},
	{ROW_TEXT("[::1]:443:1"), false, 0, 0},
	{ROW_TEXT("[::1]:[443]"), false, 0, 0},
	{ROW_TEXT("[::1]:443]"), false, 0, 0},
	{ROW_TEXT("a[::1]:443"), false, 0, 0},
	{ROW_TEXT("example.org[:443"), false, 0, 0},
	{ROW_TEXT("example.org]:443"), false, 0, 0},
	{ROW_TEXT("x[]:443"), false, 0, 0},
};

static void test_host_and_port_are_told_apart(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(splits); i++) {
		const struct split_row *r = &splits[i];
		size_t host_len = 0;
		size_t port_off = 0;
		bool ok =
			name_split_port(r->text, r->len, &host_len, &port_off);

		row_check(ok == r->ok, i, r->text, r->len, "verdict");
		row_check(host_len == r->host_len, i, r->text, r->len, "host");
		row_check(port_off == r->port_off, i, r->text, r->len, "port");
	}
}

static void test_parent_drops_the_first_label(void **state)
{
	const char *name = "a.bc.org";

	(void)state;
	name = name_parent(name);
	assert_string_equal(name, "bc.org");
	name = name_parent(name);
	assert_string_equal(name, "org");
	assert_null(name_parent(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_host_spelling_gets_its_verdict),
		cmocka_unit_test(test_a_name_is_taken_from_the_start_of_a_text),
		cmocka_unit_test(test_every_byte_alone_is_judged),
		cmocka_unit_test(test_every_port_spelling_gets_its_verdict),
		cmocka_unit_test(test_host_and_port_are_told_apart),
		cmocka_unit_test(test_parent_drops_the_first_label),
	};

	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
