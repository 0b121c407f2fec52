/* SPDX-License-Identifier: MIT */
/* test_dnsmsg.c - DNS queries, and the bytes of their answers */
#include "proxy/dnsmsg.h"

#include "row.h"

#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

/* id 0x1234, RD, one question */
#define HEAD "\x12\x34\x01\x00\0\x01\0\0\0\0\0\0"
#define HEAD_OPT "\x12\x34\x01\x00\0\x01\0\0\0\0\0\x01"
#define NAME   \
	"\x07" \
	"example\x03org\0"
#define A_IN "\0\x01\0\x01"
#define AAAA_IN "\0\x1c\0\x01"
#define OPT "\0\0\x29\x04\xd0\0\0\0\0\0\0" /* size 1232, version 0 */
#define L63    \
	"\x3f" \
	"012345678901234567890123456789012345678901234567890123456789012"
#define L61    \
	"\x3d" \
	"0123456789012345678901234567890123456789012345678901234567890"
#define L62    \
	"\x3e" \
	"01234567890123456789012345678901234567890123456789012345678901"

struct query_row {
	const char *what;
	const uint8_t *bytes;
	size_t len;
	enum dnsmsg_status status;
	const char *name; /* NULL where name_ok is false */
	uint16_t type, question_len, udp_size;
};

#define NO_QUESTION NULL, 0, 0, 512

static const struct query_row queries[] = {
	{"A", BYTES(HEAD NAME A_IN), DNSMSG_OK, "example.org", 1, 17, 512},
	{"AAAA", BYTES(HEAD NAME AAAA_IN), DNSMSG_OK, "example.org", 28, 17,
	 512},
	{"type 65, class CH", BYTES(HEAD NAME "\0\x41\0\x03"), DNSMSG_OK,
	 "example.org", 65, 17, 512},
	{"letters of both cases",
	 BYTES(HEAD "\x07"
		    "eXaMpLe\x03"
		    "ORG\0" A_IN),
	 DNSMSG_OK, "example.org", 1, 17, 512},
	{"one label",
	 BYTES(HEAD "\x01"
		    "a\0" A_IN),
	 DNSMSG_OK, "a", 1, 7, 512},
	{"bytes behind the message", BYTES(HEAD NAME A_IN "rest"), DNSMSG_OK,
	 "example.org", 1, 17, 512},

	/* names that no host has */
	{"the root", BYTES(HEAD "\0" A_IN), DNSMSG_OK, NULL, 1, 5, 512},
	{"a number",
	 BYTES(HEAD "\x03"
		    "127\x01"
		    "1\0" A_IN),
	 DNSMSG_OK, NULL, 1, 11, 512},
	{"a NUL in a label",
	 BYTES(HEAD "\x03"
		    "a\0b\x03org\0" A_IN),
	 DNSMSG_OK, NULL, 1, 13, 512},
	{"a dot in a label",
	 BYTES(HEAD "\x03"
		    "a.b\x03org\0" A_IN),
	 DNSMSG_OK, NULL, 1, 13, 512},
	{"a space in a label",
	 BYTES(HEAD "\x03"
		    "a b\x03org\0" A_IN),
	 DNSMSG_OK, NULL, 1, 13, 512},
	{"a dot at the end of the last label",
	 BYTES(HEAD "\x01"
		    "a\x04org.\0" A_IN),
	 DNSMSG_OK, NULL, 1, 12, 512},

	/* lengths */
	{"a name of 255 octets", BYTES(HEAD L63 L63 L63 L61 "\0" A_IN),
	 DNSMSG_OK, NULL, 1, 259, 512},
	{"a name of 256 octets", BYTES(HEAD L63 L63 L63 L62 "\0" A_IN),
	 DNSMSG_FORMERR, NO_QUESTION},
	{"a label of 64",
	 BYTES(HEAD "\x40"
		    "0123456789012345678901234567890123"
		    "456789012345678901234567890123\0" A_IN),
	 DNSMSG_FORMERR, NO_QUESTION},
	{"a pointer", BYTES(HEAD "\xc0\x0c" A_IN), DNSMSG_FORMERR, NO_QUESTION},
	{"a pointer behind a label",
	 BYTES(HEAD "\x01"
		    "a\xc0\x0c" A_IN),
	 DNSMSG_FORMERR, NO_QUESTION},
	{"no end of the name",
	 BYTES(HEAD "\x07"
		    "example"),
	 DNSMSG_FORMERR, NO_QUESTION},
	{"a label over the end",
	 BYTES(HEAD "\x07"
		    "exampl"),
	 DNSMSG_FORMERR, NO_QUESTION},
	{"no name", BYTES(HEAD), DNSMSG_FORMERR, NO_QUESTION},
	{"no type", BYTES(HEAD NAME), DNSMSG_FORMERR, "example.org", 0, 0, 512},
	{"half a class", BYTES(HEAD NAME "\0\x01\0"), DNSMSG_FORMERR,
	 "example.org", 0, 0, 512},

	/* headers */
	{"nothing", BYTES(""), DNSMSG_DROP, NO_QUESTION},
	{"eleven bytes", BYTES("\x12\x34\x01\x00\0\x01\0\0\0\0\0"), DNSMSG_DROP,
	 NO_QUESTION},
	{"a response", BYTES("\x12\x34\x81\x00\0\x01\0\0\0\0\0\0" NAME A_IN),
	 DNSMSG_DROP, NO_QUESTION},
	{"an update", BYTES("\x12\x34\x28\x00\0\x01\0\0\0\0\0\0" NAME A_IN),
	 DNSMSG_NOTIMP, NO_QUESTION},
	{"no question", BYTES("\x12\x34\x01\x00\0\0\0\0\0\0\0\0"),
	 DNSMSG_FORMERR, NO_QUESTION},
	{"two questions",
	 BYTES("\x12\x34\x01\x00\0\x02\0\0\0\0\0\0" NAME A_IN NAME A_IN),
	 DNSMSG_FORMERR, NO_QUESTION},
	{"257 questions",
	 BYTES("\x12\x34\x01\x00\x01\x01\0\0\0\0\0\0" NAME A_IN),
	 DNSMSG_FORMERR, NO_QUESTION},
	{"an answer", BYTES("\x12\x34\x01\x00\0\x01\0\x01\0\0\0\0" NAME A_IN),
	 DNSMSG_FORMERR, NO_QUESTION},
	{"an authority", BYTES("\x12\x34\x01\0\0\x01\0\0\0\x01\0\0" NAME A_IN),
	 DNSMSG_FORMERR, NO_QUESTION},

	/* additional records */
	{"EDNS", BYTES(HEAD_OPT NAME A_IN OPT), DNSMSG_OK, "example.org", 1, 17,
	 1232},
	{"EDNS with a small size",
	 BYTES(HEAD_OPT NAME A_IN "\0\0\x29\0\x64\0\0\0\0\0\0"), DNSMSG_OK,
	 "example.org", 1, 17, 512},
	{"EDNS with an option",
	 BYTES(HEAD_OPT NAME A_IN "\0\0\x29\x10\0\0\0\0\0\0\x0c\0\x0a\0\x08"
				  "cookie!!"),
	 DNSMSG_OK, "example.org", 1, 17, 4096},
	{"EDNS behind a record with a pointer",
	 BYTES("\x12\x34\x01\x00\0\x01\0\0\0\0\0\x02" NAME A_IN
	       "\xc0\x0c\0\xfa\0\xff\0\0\0\0\0\x01x" OPT),
	 DNSMSG_OK, "example.org", 1, 17, 1232},
	{"a record with a whole name",
	 BYTES(HEAD_OPT NAME A_IN NAME "\0\xfa\0\xff\0\0\0\0\0\0"), DNSMSG_OK,
	 "example.org", 1, 17, 512},
	{"EDNS twice",
	 BYTES("\x12\x34\x01\x00\0\x01\0\0\0\0\0\x02" NAME A_IN OPT OPT),
	 DNSMSG_FORMERR, "example.org", 1, 17, 1232},
	{"EDNS with a name",
	 BYTES(HEAD_OPT NAME A_IN "\x01"
				  "a\0\0\x29\x04\xd0\0\0\0\0\0\0"),
	 DNSMSG_FORMERR, "example.org", 1, 17, 512},
	{"EDNS announced, not there", BYTES(HEAD_OPT NAME A_IN), DNSMSG_FORMERR,
	 "example.org", 1, 17, 512},
	{"EDNS cut short",
	 BYTES(HEAD_OPT NAME A_IN "\0\0\x29\x04\xd0\0\0\0\0\0"), DNSMSG_FORMERR,
	 "example.org", 1, 17, 512},
	{"EDNS with options over the end",
	 BYTES(HEAD_OPT NAME A_IN "\0\0\x29\x04\xd0\0\0\0\0\0\x01"),
	 DNSMSG_FORMERR, "example.org", 1, 17, 512},
	{"a record whose name has no end",
	 BYTES(HEAD_OPT NAME A_IN "\x01"
				  "a"),
	 DNSMSG_FORMERR, "example.org", 1, 17, 512},
	{"a record whose label is cut",
	 BYTES(HEAD_OPT NAME A_IN "\x05"
				  "a"),
	 DNSMSG_FORMERR, "example.org", 1, 17, 512},
	{"a record with half a pointer", BYTES(HEAD_OPT NAME A_IN "\xc0"),
	 DNSMSG_FORMERR, "example.org", 1, 17, 512},
	{"a record with a label of type 01",
	 BYTES(HEAD_OPT NAME A_IN "\x41"
				  "a"),
	 DNSMSG_FORMERR, "example.org", 1, 17, 512},
};

static void test_every_query_gets_its_verdict(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(queries); i++) {
		const struct query_row *r = &queries[i];
		size_t what_len = strlen(r->what);
		struct dnsmsg_query q;
		enum dnsmsg_status status =
			dnsmsg_parse_query(r->bytes, r->len, &q);

		row_check(status == r->status, i, r->what, what_len, "verdict");
		row_check(q.name_ok == !!r->name, i, r->what, what_len,
			  "name_ok");
		row_check(strcmp(q.name, r->name ? r->name : "") == 0, i,
			  r->what, what_len, q.name);
		row_check(q.type == r->type, i, r->what, what_len, "type");
		row_check(q.question_len == r->question_len, i, r->what,
			  what_len, "question_len");
		row_check(q.udp_size == r->udp_size, i, r->what, what_len,
			  "udp_size");
		if (status != DNSMSG_DROP)
			row_check(q.id == 0x1234, i, r->what, what_len, "id");
	}
}

/* Parse @query, answer it, and compare the answer with @want. */
static void check_answer(const uint8_t *query, size_t len,
			 enum dnsmsg_rcode rcode, const char *addr, int ede,
			 const uint8_t *want, size_t want_len)
{
	uint8_t out[DNSMSG_MAX];
	struct dnsmsg_query q;
	struct addr a;
	size_t n;

	dnsmsg_parse_query(query, len, &q);
	if (addr)
		assert_true(addr_parse(addr, strlen(addr), &a));
	n = dnsmsg_write_answer(query, &q, rcode, addr ? &a : NULL, 60, ede,
				out);
	assert_int_equal(n, want_len);
	assert_memory_equal(out, want, n);
}

#define REPLY(rcode, answers, more) \
	"\x12\x34\x85" rcode "\0\x01\0" answers "\0\0\0" more

static void test_answers_hold_one_address(void **state)
{
	(void)state;
	check_answer(BYTES(HEAD NAME A_IN), DNSMSG_NOERROR, "198.18.0.1", -1,
		     BYTES(REPLY("\x80", "\x01", "\0") NAME A_IN
			   "\xc0\x0c" A_IN "\0\0\0\x3c\0\x04\xc6\x12\0\x01"));
	check_answer(BYTES(HEAD NAME AAAA_IN), DNSMSG_NOERROR, "fd00::1", -1,
		     BYTES(REPLY("\x80", "\x01", "\0") NAME AAAA_IN
			   "\xc0\x0c" AAAA_IN "\0\0\0\x3c\0\x10\xfd\0\0\0\0\0"
			   "\0\0\0\0\0\0\0\0\0\x01"));
	/* The spelling of the question is repeated as it was. */
	check_answer(BYTES(HEAD "\x03"
				"OrG\0" A_IN),
		     DNSMSG_NOERROR, "198.18.0.1", -1,
		     BYTES(REPLY("\x80", "\x01",
				 "\0") "\x03"
				       "OrG\0" A_IN "\xc0\x0c" A_IN
				       "\0\0\0\x3c\0\x04\xc6\x12\0\x01"));
}

static void test_answers_without_data(void **state)
{
	(void)state;
	check_answer(BYTES(HEAD NAME A_IN), DNSMSG_NXDOMAIN, NULL, 15,
		     BYTES(REPLY("\x83", "\0", "\0") NAME A_IN));
	check_answer(BYTES(HEAD NAME A_IN), DNSMSG_NOERROR, NULL, -1,
		     BYTES(REPLY("\x80", "\0", "\0") NAME A_IN));
	/* An address of the other family, or beside an error, is left out. */
	check_answer(BYTES(HEAD NAME AAAA_IN), DNSMSG_NOERROR, "198.18.0.1", -1,
		     BYTES(REPLY("\x80", "\0", "\0") NAME AAAA_IN));
	check_answer(BYTES(HEAD NAME A_IN), DNSMSG_NOERROR, "fd00::1", -1,
		     BYTES(REPLY("\x80", "\0", "\0") NAME A_IN));
	check_answer(BYTES(HEAD NAME A_IN), DNSMSG_REFUSED, "198.18.0.1", -1,
		     BYTES(REPLY("\x85", "\0", "\0") NAME A_IN));
}

static void test_answers_to_malformed_queries_have_no_question(void **state)
{
	(void)state;
	check_answer(BYTES(HEAD "\xc0\x0c" A_IN), DNSMSG_RCODE_FORMERR, NULL,
		     -1, BYTES("\x12\x34\x85\x81\0\0\0\0\0\0\0\0"));
	/* The opcode is repeated, RD is as it was. */
	check_answer(BYTES("\x12\x34\x28\x00\0\x01\0\0\0\0\0\0" NAME A_IN),
		     DNSMSG_RCODE_NOTIMP, NULL, -1,
		     BYTES("\x12\x34\xac\x84\0\0\0\0\0\0\0\0"));
	check_answer(BYTES(HEAD "\xc0\x0c" A_IN), DNSMSG_NOERROR, "198.18.0.1",
		     -1, BYTES("\x12\x34\x85\x80\0\0\0\0\0\0\0\0"));
}

static void test_answers_speak_edns_where_the_client_does(void **state)
{
	(void)state;
	check_answer(BYTES(HEAD_OPT NAME A_IN OPT), DNSMSG_NXDOMAIN, NULL, 15,
		     BYTES(REPLY("\x83", "\0", "\x01") NAME A_IN
			   "\0\0\x29\x04\xd0\0\0\0\0\0\x06\0\x0f\0\x02\0\x0f"));
	check_answer(BYTES(HEAD_OPT NAME A_IN OPT), DNSMSG_NOERROR,
		     "198.18.0.1", -1,
		     BYTES(REPLY("\x80", "\x01", "\x01") NAME A_IN
			   "\xc0\x0c" A_IN "\0\0\0\x3c\0\x04\xc6\x12\0\x01"
			   "\0\0\x29\x04\xd0\0\0\0\0\0\0"));
	check_answer(BYTES(HEAD_OPT NAME A_IN OPT), DNSMSG_SERVFAIL, NULL, 0,
		     BYTES(REPLY("\x82", "\0", "\x01") NAME A_IN
			   "\0\0\x29\x04\xd0\0\0\0\0\0\x06\0\x0f\0\x02\0\0"));
	/* An unknown version: BADVERS (16), whatever was to be said. */
	check_answer(BYTES(HEAD_OPT NAME A_IN "\0\0\x29\x04\xd0\0\x01\0\0\0\0"),
		     DNSMSG_NXDOMAIN, "198.18.0.1", -1,
		     BYTES(REPLY("\x80", "\0", "\x01") NAME A_IN
			   "\0\0\x29\x04\xd0\x01\0\0\0\0\0"));
}

static void test_the_longest_answer_fits(void **state)
{
	static const char query[] = HEAD_OPT L63 L63 L63 L61 "\0" AAAA_IN OPT;
	uint8_t out[DNSMSG_MAX];
	struct dnsmsg_query q;
	struct addr a;

	(void)state;
	assert_true(addr_parse(ROW_TEXT("fd00::1"), &a));
	assert_int_equal(dnsmsg_parse_query(BYTES(query), &q), DNSMSG_OK);
	assert_int_equal(dnsmsg_write_answer((const uint8_t *)query, &q,
					     DNSMSG_NOERROR, &a, UINT32_MAX,
					     65535, out),
			 12 + 259 + 28 + 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_query_gets_its_verdict),
		cmocka_unit_test(test_answers_hold_one_address),
		cmocka_unit_test(test_answers_without_data),
		cmocka_unit_test(
			test_answers_to_malformed_queries_have_no_question),
		cmocka_unit_test(test_answers_speak_edns_where_the_client_does),
		cmocka_unit_test(test_the_longest_answer_fits),
	};

	return cmocka_run_group_tests_name("dnsmsg", tests, NULL, NULL);
}
