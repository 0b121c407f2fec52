/* SPDX-License-Identifier: MIT */
/* test_hello.c - ClientHellos of every shape, cut in every way */
#include "proxy/hello.h"

#include "hello_samples.h"
#include "row.h"

#define SUITES 0x13, 0x01
#define HANDSHAKE 22
#define RECORD_MAX 16384

/* Bytes under construction; long enough for the longest hello in records. */
struct bytes {
	uint8_t at[HELLO_MAX * 7];
	size_t len;
};

static void put(struct bytes *b, const void *data, size_t len)
{
	assert_true(len <= sizeof(b->at) - b->len);
	if (len > 0)
		memcpy(b->at + b->len, data, len);
	b->len += len;
}

static void put_number(struct bytes *b, size_t value, unsigned int width)
{
	while (width-- > 0) {
		uint8_t byte = (uint8_t)(value >> 8 * width);

		put(b, &byte, 1);
	}
}

static void put_zeros(struct bytes *b, size_t len)
{
	while (len-- > 0)
		put_number(b, 0, 1);
}

/* An extension, or any other vector behind a 2-byte type */
static void put_ext(struct bytes *b, unsigned int type, const void *data,
		    size_t len)
{
	put_number(b, type, 2);
	put_number(b, len, 2);
	put(b, data, len);
}

static void put_name(struct bytes *b, unsigned int type, const char *name,
		     size_t len)
{
	put_number(b, type, 1);
	put_number(b, len, 2);
	put(b, name, len);
}

static void put_sni(struct bytes *b, const char *name, size_t len)
{
	put_number(b, 0, 2);
	put_number(b, len + 5, 2);
	put_number(b, len + 3, 2);
	put_name(b, 0, name, len);
}

/* A ClientHello, without records, around @exts; no list at all if NULL */
static void put_hello(struct bytes *b, const struct bytes *exts)
{
	static const uint8_t suites[] = {SUITES, 0x0a, 0x0a};
	size_t len = 2 + 32 + 1 + 32 + 2 + sizeof(suites) + 1 + 1;

	put_number(b, 1, 1);
	put_number(b, len + (exts ? 2 + exts->len : 0), 3);
	put_number(b, 0x0303, 2);
	put_zeros(b, 32);
	put_number(b, 32, 1);
	put_zeros(b, 32);
	put_number(b, sizeof(suites), 2);
	put(b, suites, sizeof(suites));
	put_number(b, 1, 1);
	put_zeros(b, 1);
	if (!exts)
		return;
	put_number(b, exts->len, 2);
	put(b, exts->at, exts->len);
}

static void put_record(struct bytes *b, unsigned int type, const void *data,
		       size_t len)
{
	put_number(b, type, 1);
	put_number(b, 0x0301, 2);
	put_number(b, len, 2);
	put(b, data, len);
}

/* Handshake records of @max bytes each, the last one shorter */
static void put_records(struct bytes *b, const struct bytes *hello, size_t max)
{
	size_t done = 0;

	while (done < hello->len) {
		size_t n = hello->len - done < max ? hello->len - done : max;

		put_record(b, HANDSHAKE, hello->at + done, n);
		done += n;
	}
}

/* Scratch, as three of these are too much for a stack */
static struct bytes exts_of;
static struct bytes hello_of;
static struct bytes wire;

/* The extensions in exts_of, in records of @max bytes, to wire */
static void build(size_t max)
{
	hello_of.len = 0;
	wire.len = 0;
	put_hello(&hello_of, &exts_of);
	put_records(&wire, &hello_of, max);
}

static void build_named(const char *name, size_t len)
{
	exts_of.len = 0;
	put_sni(&exts_of, name, len);
	build(RECORD_MAX);
}

/*
 * The verdict on @len bytes: the same in one piece, byte by byte, and cut
 * once anywhere (cut in a few places, where the stream is long).
 */
static enum hello_status judge(const uint8_t *data, size_t len, struct hello *h)
{
	size_t step = len < 2048 ? 1 : len / 61;
	enum hello_status want;
	enum hello_status got = HELLO_MORE;
	struct hello cut = {.sni_len = 0};
	size_t i;

	memset(h, 0, sizeof(*h));
	want = hello_feed(h, data, len);
	assert_int_equal(hello_feed(h, data, 0), want);
	if (want != HELLO_MORE)
		assert_int_equal(hello_feed(h, data, len), want);
	for (i = 0; i < len; i++)
		got = hello_feed(&cut, data + i, 1);
	assert_int_equal(got, want);
	for (i = 0; i <= len; i += step) {
		memset(&cut, 0, sizeof(cut));
		hello_feed(&cut, data, i);
		assert_int_equal(hello_feed(&cut, data + i, len - i), want);
		if (want == HELLO_NAME)
			assert_string_equal(cut.sni, h->sni);
		if (want == HELLO_NAME || want == HELLO_NO_NAME)
			assert_int_equal(cut.ech, h->ech);
	}
	return want;
}

static void assert_verdict(enum hello_status want)
{
	struct hello h;

	assert_int_equal(judge(wire.at, wire.len, &h), want);
}

static void assert_named(const char *name)
{
	struct hello h;

	assert_int_equal(judge(wire.at, wire.len, &h), HELLO_NAME);
	assert_string_equal(h.sni, name);
	assert_int_equal(h.sni_len, strlen(name));
}

static void test_hellos_of_real_clients(void **state)
{
	struct hello h;

	(void)state;
	assert_int_equal(judge(sample_openssl, sizeof(sample_openssl), &h),
			 HELLO_NAME);
	assert_string_equal(h.sni, "openssl.example");
	assert_false(h.ech);
	assert_int_equal(judge(sample_curl, sizeof(sample_curl), &h),
			 HELLO_NAME);
	assert_string_equal(h.sni, "curl.example");
	assert_int_equal(judge(sample_openssl_no_name,
			       sizeof(sample_openssl_no_name), &h),
			 HELLO_NO_NAME);
	/* Up to its last byte a hello could still turn out malformed. */
	assert_int_equal(judge(sample_curl, sizeof(sample_curl) - 1, &h),
			 HELLO_MORE);
	assert_int_equal(judge(sample_curl, 0, &h), HELLO_MORE);
}

static void test_name_is_given_as_it_was_sent(void **state)
{
	char longest[HELLO_SNI_MAX + 2];

	(void)state;
	build_named(ROW_TEXT("example.org"));
	assert_named("example.org");
	build_named(ROW_TEXT("EXAMPLE.Org."));
	assert_named("EXAMPLE.Org.");
	build_named(ROW_TEXT("192.0.2.1"));
	assert_named("192.0.2.1");
	build_named(ROW_TEXT("[::1] \r\n\xff"));
	assert_named("[::1] \r\n\xff");
	build_named(ROW_TEXT("x"));
	assert_named("x");
	memset(longest, 'x', sizeof(longest));
	build_named(longest, HELLO_SNI_MAX + 1);
	assert_verdict(HELLO_BAD);
	longest[HELLO_SNI_MAX] = '\0';
	build_named(longest, HELLO_SNI_MAX);
	assert_named(longest);
}

static void test_names_with_a_nul_are_refused(void **state)
{
	(void)state;
	build_named(ROW_TEXT("evil.example\0.example.org"));
	assert_verdict(HELLO_BAD);
	build_named(ROW_TEXT("example.org\0"));
	assert_verdict(HELLO_BAD);
	build_named(ROW_TEXT("\0"));
	assert_verdict(HELLO_BAD);
}

static void test_a_hello_may_have_no_name(void **state)
{
	(void)state;
	exts_of.len = 0;
	put_ext(&exts_of, 43, "\x02\x03\x04", 3);
	build(RECORD_MAX);
	assert_verdict(HELLO_NO_NAME);
	exts_of.len = 0;
	build(RECORD_MAX);
	assert_verdict(HELLO_NO_NAME);
	hello_of.len = 0;
	wire.len = 0;
	put_hello(&hello_of, NULL);
	put_records(&wire, &hello_of, RECORD_MAX);
	assert_verdict(HELLO_NO_NAME);
}

/* One server_name extension around the entries in @list */
static void build_list(const struct bytes *list)
{
	exts_of.len = 0;
	put_number(&exts_of, 0, 2);
	put_number(&exts_of, list->len + 2, 2);
	put_number(&exts_of, list->len, 2);
	put(&exts_of, list->at, list->len);
	build(RECORD_MAX);
}

static void test_only_one_host_name_is_taken(void **state)
{
	static struct bytes list;

	(void)state;
	list.len = 0;
	put_name(&list, 0, ROW_TEXT("a.example"));
	build_list(&list);
	assert_named("a.example");
	put_name(&list, 0, ROW_TEXT("b.example"));
	build_list(&list);
	assert_verdict(HELLO_BAD);
	list.len = 0;
	put_name(&list, 0, ROW_TEXT("a.example"));
	put_name(&list, 1, ROW_TEXT("b.example"));
	build_list(&list);
	assert_verdict(HELLO_BAD);
	list.len = 0;
	put_name(&list, 1, ROW_TEXT("a.example"));
	build_list(&list);
	assert_verdict(HELLO_BAD);
	put_name(&list, 0, ROW_TEXT("b.example"));
	build_list(&list);
	assert_verdict(HELLO_BAD);
	/* no entry, an empty name, an empty extension */
	list.len = 0;
	build_list(&list);
	assert_verdict(HELLO_BAD);
	put_name(&list, 0, "", 0);
	build_list(&list);
	assert_verdict(HELLO_BAD);
	exts_of.len = 0;
	put_ext(&exts_of, 0, "", 0);
	build(RECORD_MAX);
	assert_verdict(HELLO_BAD);
	/* the extension twice */
	exts_of.len = 0;
	put_sni(&exts_of, ROW_TEXT("a.example"));
	put_ext(&exts_of, 10, "\0\x02\0\x1d", 4);
	put_sni(&exts_of, ROW_TEXT("a.example"));
	build(RECORD_MAX);
	assert_verdict(HELLO_BAD);
}

static void test_grease_is_passed_over_and_ech_noted(void **state)
{
	struct hello h;

	(void)state;
	exts_of.len = 0;
	put_ext(&exts_of, 0x0a0a, "", 0);
	put_ext(&exts_of, 0xfe0d, "\0\0\x01\0\x01\x07", 6);
	put_sni(&exts_of, ROW_TEXT("outer.example"));
	put_ext(&exts_of, 0xfafa, "\0", 1);
	build(RECORD_MAX);
	assert_int_equal(judge(wire.at, wire.len, &h), HELLO_NAME);
	assert_string_equal(h.sni, "outer.example");
	assert_true(h.ech);
	exts_of.len = 0;
	put_ext(&exts_of, 0xfe0d, "", 0);
	build(RECORD_MAX);
	assert_int_equal(judge(wire.at, wire.len, &h), HELLO_NO_NAME);
	assert_true(h.ech);
	exts_of.len = 0;
	put_ext(&exts_of, 0xfe0c, "", 0);
	build(RECORD_MAX);
	judge(wire.at, wire.len, &h);
	assert_false(h.ech);
}

static void test_a_hello_may_lie_in_many_records(void **state)
{
	size_t max;

	(void)state;
	build_named(ROW_TEXT("example.org"));
	for (max = 1; max <= hello_of.len; max++) {
		wire.len = 0;
		put_records(&wire, &hello_of, max);
		assert_named("example.org");
	}
}

static void test_bytes_behind_a_hello_are_ignored(void **state)
{
	(void)state;
	build_named(ROW_TEXT("example.org"));
	put_record(&wire, 20, "\x01", 1);
	put_number(&wire, 0xffffff, 3);
	assert_named("example.org");
	/* in the same record, too */
	hello_of.len = 0;
	wire.len = 0;
	put_hello(&hello_of, &exts_of);
	put_hello(&hello_of, NULL);
	put_records(&wire, &hello_of, RECORD_MAX);
	assert_named("example.org");
}

/* A hello of @len bytes, its own header included, filled up by padding */
static void build_long(size_t len, size_t max)
{
	size_t head = 4 + 2 + 32 + 1 + 32 + 2 + 4 + 1 + 1 + 2;

	exts_of.len = 0;
	put_number(&exts_of, 21, 2);
	put_number(&exts_of, len - head - 4 - 20, 2);
	put_zeros(&exts_of, len - head - 4 - 20);
	put_sni(&exts_of, ROW_TEXT("example.org"));
	build(max);
	assert_int_equal(hello_of.len, len);
}

static void test_a_hello_may_have_64_kib_and_no_more(void **state)
{
	(void)state;
	build_long(HELLO_MAX, RECORD_MAX);
	assert_named("example.org");
	build_long(HELLO_MAX, 1);
	assert_named("example.org");
	build_long(HELLO_MAX + 1, RECORD_MAX);
	assert_verdict(HELLO_BAD);
	/* It is refused as soon as its length is known. */
	wire.len = 9;
	assert_verdict(HELLO_BAD);
	wire.len = 8;
	assert_verdict(HELLO_MORE);
}

static void test_records_have_a_length_and_a_limit(void **state)
{
	(void)state;
	build_long(RECORD_MAX, RECORD_MAX);
	assert_named("example.org");
	build_long(RECORD_MAX + 1, RECORD_MAX + 1);
	assert_verdict(HELLO_BAD);
	build_long(RECORD_MAX + 2048, RECORD_MAX + 2048);
	assert_verdict(HELLO_BAD);
	build_long(RECORD_MAX + 2049, RECORD_MAX + 2049);
	assert_verdict(HELLO_BAD);
	/* An empty record: first, in between, or in an endless stream */
	wire.len = 0;
	put_record(&wire, HANDSHAKE, "", 0);
	assert_verdict(HELLO_BAD);
	build_named(ROW_TEXT("example.org"));
	wire.len = 0;
	put_record(&wire, HANDSHAKE, hello_of.at, 10);
	put_record(&wire, HANDSHAKE, "", 0);
	assert_verdict(HELLO_BAD);
}

struct start_row {
	const char *text;
	size_t len;
	enum hello_status status;
};

static const struct start_row starts[] = {
	{ROW_TEXT(""), HELLO_MORE},
	{ROW_TEXT("\x16"), HELLO_MORE},
	{ROW_TEXT("\x16\x03"), HELLO_MORE},
	{ROW_TEXT("\x16\x03\x01\x00\x05\x01\x00\x00\x29\x03"), HELLO_MORE},
	{ROW_TEXT("\x16\x03\xff\x00\x05\x01\x00\x00\x29\x03"), HELLO_MORE},

	/* a record of another type in front of a hello */
	{ROW_TEXT("\x14"), HELLO_MORE},
	{ROW_TEXT("\x14\x03\x03\x00\x01\x01"), HELLO_BAD},
	{ROW_TEXT("\x15\x03\x03\x00\x02\x01\x00"), HELLO_BAD},
	{ROW_TEXT("\x17\x03\x03\x00\x01x"), HELLO_BAD},
	{ROW_TEXT("\x14\x03"), HELLO_BAD},
	{ROW_TEXT("\x14\x02"), HELLO_NOT_TLS},
	{ROW_TEXT("\x18\x03\x03\x00\x01x"), HELLO_NOT_TLS},
	{ROW_TEXT("\x13\x03\x03\x00\x01x"), HELLO_NOT_TLS},

	/* or inside one: another type, another version */
	{ROW_TEXT("\x16\x03\x01\x00\x01\x01\x14"), HELLO_BAD},
	{ROW_TEXT("\x16\x03\x01\x00\x01\x01\x17\x03"), HELLO_BAD},
	{ROW_TEXT("\x16\x03\x01\x00\x01\x01G"), HELLO_BAD},
	{ROW_TEXT("\x16\x03\x01\x00\x01\x01\x16\x02"), HELLO_BAD},
	{ROW_TEXT("\x16\x03\x01\x00\x01\x01\x16\x03"), HELLO_MORE},

	/* not a ClientHello; too short for one; of another major version */
	{ROW_TEXT("\x16\x03\x01\x00\x04\x00\x00\x00\x00"), HELLO_BAD},
	{ROW_TEXT("\x16\x03\x01\x00\x04\x02\x00\x00\x00"), HELLO_BAD},
	{ROW_TEXT("\x16\x03\x01\x00\x04\x01\x00\x00\x00"), HELLO_BAD},
	{ROW_TEXT("\x16\x03\x01\x00\x04\x01\x00\x00\x01"), HELLO_BAD},
	{ROW_TEXT("\x16\x03\x01\x00\x06\x01\x00\x00\x21\x03\x03"), HELLO_BAD},
	{ROW_TEXT("\x16\x03\x01\x00\x06\x01\x00\x00\x29\x02\x00"), HELLO_BAD},
	{ROW_TEXT("\x16\x03\x01\x00\x06\x01\xff\xff\xff\x03\x03"), HELLO_BAD},

	/* other protocols */
	{ROW_TEXT("\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10"),
	 HELLO_NOT_TLS}, /* SSLv2 */
	{ROW_TEXT("\x16\x02\x00\x00\x01"), HELLO_NOT_TLS},
	{ROW_TEXT("\x16\xfe\xfd\x00\x00"), HELLO_NOT_TLS}, /* DTLS */
	{ROW_TEXT("GET / HTTP/1.1\r\n"), HELLO_NOT_TLS},
	{ROW_TEXT("SSH-2.0-OpenSSH_9.2\r\n"), HELLO_NOT_TLS},
	{ROW_TEXT("\0\0\0\x08\x04\xd2\x16\x2f"),
	 HELLO_NOT_TLS}, /* PostgreSQL */
	{ROW_TEXT("\xff"), HELLO_NOT_TLS},
};

static void test_first_bytes_tell_tls_from_the_rest(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(starts); i++) {
		const struct start_row *r = &starts[i];
		struct hello h;

		row_check(judge((const uint8_t *)r->text, r->len, &h) ==
				  r->status,
			  i, r->text, r->len, "verdict");
	}
}

/* Where the length fields of build_named("example.org") are in the stream */
static const struct {
	const char *what;
	size_t at;
	unsigned int width;
	enum hello_status one_less, one_more;
} lengths[] = {
	/* A longer record holds bytes behind the hello. */
	{"record", 3, 2, HELLO_BAD, HELLO_NAME},
	{"hello", 6, 3, HELLO_BAD, HELLO_BAD},
	{"session", 43, 1, HELLO_BAD, HELLO_BAD},
	{"suites", 76, 2, HELLO_BAD, HELLO_BAD},
	{"compression", 82, 1, HELLO_BAD, HELLO_BAD},
	{"extensions", 84, 2, HELLO_BAD, HELLO_BAD},
	{"extension", 88, 2, HELLO_BAD, HELLO_BAD},
	{"list", 90, 2, HELLO_BAD, HELLO_BAD},
	{"name", 93, 2, HELLO_BAD, HELLO_BAD},
};

static void test_every_length_must_be_right(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(lengths); i++) {
		size_t last = lengths[i].at + lengths[i].width - 1;
		const char *what = lengths[i].what;
		struct hello h;

		build_named(ROW_TEXT("example.org"));
		put_ext(&exts_of, 16, "\0\x03\x02h2", 5);
		build(RECORD_MAX);
		wire.at[last]--;
		row_check(judge(wire.at, wire.len, &h) == lengths[i].one_less,
			  i, what, strlen(what), "one less");
		wire.at[last] = (uint8_t)(wire.at[last] + 2);
		row_check(judge(wire.at, wire.len, &h) == lengths[i].one_more,
			  i, what, strlen(what), "one more");
		wire.at[last]--;
		assert_named("example.org");
	}
}

/* Inner lengths that point over the end of what is left of the message */
static void test_nothing_lies_outside_the_message(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {
		{43, 33},  {43, 255}, {76, 0xff}, {77, 3}, {77, 0}, {77, 1},
		{82, 0},   {82, 255}, {84, 1},    {88, 1}, {89, 0}, {89, 1},
		{89, 255}, {90, 1},   {91, 0},    {92, 1}, {93, 1}, {94, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(wrong); i++) {
		struct hello h;

		build_named(ROW_TEXT("example.org"));
		wire.at[wrong[i].at] = wrong[i].value;
		row_check(judge(wire.at, wire.len, &h) == HELLO_BAD, i, "", 0,
			  "verdict");
	}
	/* An extension needs four bytes. */
	for (i = 1; i < 4; i++) {
		exts_of.len = 0;
		put_zeros(&exts_of, i);
		build(RECORD_MAX);
		assert_verdict(HELLO_BAD);
	}
	/* So does the length of the list of extensions its two. */
	hello_of.len = 0;
	wire.len = 0;
	put_hello(&hello_of, NULL);
	put_zeros(&hello_of, 1);
	hello_of.at[3]++;
	put_records(&wire, &hello_of, RECORD_MAX);
	assert_verdict(HELLO_BAD);
}

static void test_alert_is_a_fatal_unrecognized_name(void **state)
{
	static const uint8_t want[] = {21, 3, 3, 0, 2, 2, 112};

	(void)state;
	assert_memory_equal(hello_alert_unrecognized_name, want, sizeof(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hellos_of_real_clients),
		cmocka_unit_test(test_name_is_given_as_it_was_sent),
		cmocka_unit_test(test_names_with_a_nul_are_refused),
		cmocka_unit_test(test_a_hello_may_have_no_name),
		cmocka_unit_test(test_only_one_host_name_is_taken),
		cmocka_unit_test(test_grease_is_passed_over_and_ech_noted),
		cmocka_unit_test(test_a_hello_may_lie_in_many_records),
		cmocka_unit_test(test_bytes_behind_a_hello_are_ignored),
		cmocka_unit_test(test_a_hello_may_have_64_kib_and_no_more),
		cmocka_unit_test(test_records_have_a_length_and_a_limit),
		cmocka_unit_test(test_first_bytes_tell_tls_from_the_rest),
		cmocka_unit_test(test_every_length_must_be_right),
		cmocka_unit_test(test_nothing_lies_outside_the_message),
		cmocka_unit_test(test_alert_is_a_fatal_unrecognized_name),
	};

	return cmocka_run_group_tests_name("hello", tests, NULL, NULL);
}
