/* SPDX-License-Identifier: MIT */
/* fuzz_socks5.c - greetings ('g' first) and requests (anything else) */
#include "proxy/socks5.h"

#include <string.h>

#include "fuzz.h"

/* Every prefix says MORE, until the verdict; then no byte changes it. */
static void fuzz_greeting(const uint8_t *in, size_t len)
{
	enum socks5_status want;
	size_t want_used = 0;
	size_t n;

	want = socks5_parse_greeting(in, len, &want_used);
	FUZZ_CHECK(want_used <= len);
	for (n = 0; n <= len; n++) {
		enum socks5_status status;
		size_t used = 0;

		status = socks5_parse_greeting(in, n, &used);
		FUZZ_CHECK(status == want || status == SOCKS5_MORE);
		FUZZ_CHECK(status != want || used == want_used);
		FUZZ_CHECK(want == SOCKS5_BAD || n < want_used ||
			   status == want);
	}
}

static void fuzz_reply(const struct socks5_request *r)
{
	uint8_t reply[SOCKS5_REPLY_MAX];
	struct socks5_request again;
	size_t used = 0;
	size_t len;

	/* A reply has the shape of a request. */
	len = socks5_write_reply(SOCKS5_SUCCEEDED, &r->addr, r->port, reply);
	FUZZ_CHECK(socks5_parse_request(reply, len, &again, &used) ==
		   SOCKS5_OK);
	FUZZ_CHECK(used == len && again.port == r->port);
	FUZZ_CHECK(memcmp(&again.addr, &r->addr, sizeof(r->addr)) == 0);
}

static void fuzz_request(const uint8_t *in, size_t len)
{
	struct socks5_request r;
	enum socks5_status want;
	size_t used = 0;
	size_t n;

	want = socks5_parse_request(in, len, &r, &used);
	FUZZ_CHECK(want != SOCKS5_NO_METHOD);
	if (want != SOCKS5_OK)
		return;
	FUZZ_CHECK(used <= len && used <= SOCKS5_REQUEST_MAX);
	for (n = 0; n < used; n++) {
		struct socks5_request cut;
		size_t cut_used = 0;

		FUZZ_CHECK(socks5_parse_request(in, n, &cut, &cut_used) ==
			   SOCKS5_MORE);
	}
	if (r.atyp == 3)
		FUZZ_CHECK(r.name == (const char *)in + 5 &&
			   used == 7 + (size_t)r.name_len);
	else if (r.atyp == 1 || r.atyp == 4)
		fuzz_reply(&r);
	else
		FUZZ_CHECK(used == 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'g')
		fuzz_greeting(data + 1, size - 1);
	else
		fuzz_request(data + 1, size - 1);
	return 0;
}
