/* SPDX-License-Identifier: MIT */
/* fuzz_hello.c - a ClientHello has one verdict, however it is cut */
#include "proxy/hello.h"

#include <string.h>

#include "fuzz.h"

static void fuzz_same(const struct hello *h, enum hello_status status,
		      const struct hello *want, enum hello_status want_status)
{
	FUZZ_CHECK(status == want_status);
	if (status != HELLO_NAME && status != HELLO_NO_NAME)
		return;
	FUZZ_CHECK(h->ech == want->ech);
	FUZZ_CHECK(h->sni_len == want->sni_len);
	FUZZ_CHECK(strcmp(h->sni, want->sni) == 0);
	FUZZ_CHECK(strlen(h->sni) == h->sni_len);
	FUZZ_CHECK((h->sni_len > 0) == (status == HELLO_NAME));
}

/* Feed in pieces: of random lengths, or of one byte if @seed is 0. */
static void fuzz_pieces(const uint8_t *data, size_t size, uint32_t seed,
			const struct hello *want, enum hello_status want_status)
{
	struct hello h = {.sni_len = 0};
	enum hello_status status = HELLO_MORE;
	size_t done = 0;

	while (done < size && status == HELLO_MORE) {
		size_t n = seed ? fuzz_cut(&seed, size - done) : 1;

		status = hello_feed(&h, data + done, n);
		done += n;
	}
	fuzz_same(&h, status, want, want_status);
	/* A verdict stays, whatever comes behind it. */
	if (status != HELLO_MORE)
		fuzz_same(&h, hello_feed(&h, data, size), want, want_status);
}

/* The same message in records of @max bytes: @data is one record. */
static void fuzz_records(const uint8_t *data, size_t size, size_t max,
			 const struct hello *want,
			 enum hello_status want_status)
{
	uint8_t header[5] = {22, 3, 1, 0, 0};
	struct hello h = {.sni_len = 0};
	enum hello_status status = HELLO_MORE;
	size_t end = 5 + (size_t)(data[3] << 8 | data[4]);
	size_t done = 5;

	if (end > size)
		end = size;
	while (done < end) {
		size_t n = end - done < max ? end - done : max;

		header[4] = (uint8_t)n;
		status = hello_feed(&h, header, sizeof(header));
		FUZZ_CHECK(status == HELLO_MORE || done > 5);
		status = hello_feed(&h, data + done, n);
		done += n;
	}
	fuzz_same(&h, status, want, want_status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hello h = {.sni_len = 0};
	enum hello_status status = hello_feed(&h, data, size);

	fuzz_same(&h, status, &h, status);
	fuzz_pieces(data, size, 0, &h, status);
	fuzz_pieces(data, size, (uint32_t)size + 1, &h, status);
	FUZZ_CHECK((status == HELLO_NOT_TLS) ==
		   (size > 0 && (data[0] < 20 || data[0] > 23 ||
				 (size > 1 && data[1] != 3))));
	if (status == HELLO_NAME || status == HELLO_NO_NAME) {
		size_t record = (size_t)(data[3] << 8 | data[4]);

		/* Only where the hello lies in its first record whole */
		if (record >=
		    4 + (size_t)(data[6] << 16 | data[7] << 8 | data[8])) {
			fuzz_records(data, size, 1, &h, status);
			fuzz_records(data, size, size % 255 + 1, &h, status);
		}
	}
	return 0;
}
