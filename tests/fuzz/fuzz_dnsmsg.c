/* SPDX-License-Identifier: MIT */
/* fuzz_dnsmsg.c - every query but a dropped one has an answer that parses */
#include "proxy/dnsmsg.h"

#include <string.h>

#include "fuzz.h"

/*
 * Read the answer back as if it was a query, with its answer record counted
 * among the additional ones: the parser then walks over all of it.
 */
static void fuzz_answer(const uint8_t *query, const struct dnsmsg_query *q,
			enum dnsmsg_rcode rcode, const struct addr *addr,
			int ede)
{
	uint8_t out[DNSMSG_MAX];
	struct dnsmsg_query again;
	enum dnsmsg_status status;
	size_t len = dnsmsg_write_answer(query, q, rcode, addr, 60, ede, out);

	FUZZ_CHECK(len >= 12 && len <= DNSMSG_MAX);
	FUZZ_CHECK(out[2] & 0x80);
	FUZZ_CHECK(dnsmsg_parse_query(out, len, &again) == DNSMSG_DROP);
	FUZZ_CHECK(memcmp(out + 12, query + 12, q->question_len) == 0);
	out[2] = 0;
	out[11] = (uint8_t)(out[11] + out[7]);
	out[7] = 0;
	status = dnsmsg_parse_query(out, len, &again);
	FUZZ_CHECK(again.id == q->id);
	if (q->question_len == 0) {
		FUZZ_CHECK(status == DNSMSG_FORMERR);
		return;
	}
	FUZZ_CHECK(status == DNSMSG_OK);
	FUZZ_CHECK(again.question_len == q->question_len);
	FUZZ_CHECK(again.type == q->type && again.class == q->class);
	FUZZ_CHECK(again.name_ok == q->name_ok);
	FUZZ_CHECK(strcmp(again.name, q->name) == 0);
	FUZZ_CHECK(again.edns == q->edns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct addr v4 = {4, {198, 18, 0, 1}};
	static const struct addr v6 = {6, {0xfd}};
	char again[NAME_MAX_LEN + 1];
	struct dnsmsg_query q;

	if (dnsmsg_parse_query(data, size, &q) == DNSMSG_DROP)
		return 0;
	FUZZ_CHECK(q.question_len <= 259 && q.question_len + 12u <= size);
	FUZZ_CHECK(q.udp_size >= 512);
	FUZZ_CHECK(q.name_ok == (q.name[0] != '\0'));
	if (q.name_ok) {
		FUZZ_CHECK(name_canonical(q.name, strlen(q.name), again) ==
			   NAME_OK);
		FUZZ_CHECK(strcmp(q.name, again) == 0);
	}
	fuzz_answer(data, &q, DNSMSG_NOERROR, &v4, -1);
	fuzz_answer(data, &q, DNSMSG_NOERROR, &v6, 15);
	fuzz_answer(data, &q, DNSMSG_NXDOMAIN, NULL, 15);
	return 0;
}
