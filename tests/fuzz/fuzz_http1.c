/* SPDX-License-Identifier: MIT */
/* fuzz_http1.c - requests, responses, chunks and URLs, by the first byte */
#include "proxy/http1.h"

#include <string.h>

#include "fuzz.h"

/* A part of the input, or nothing at all */
static void fuzz_inside(struct http1_span s, const char *in, size_t len)
{
	if (s.at)
		FUZZ_CHECK(s.at >= in && s.len <= len &&
			   (size_t)(s.at - in) <= len - s.len);
}

/* The fields can be walked over to their end, and no field lies outside. */
static void fuzz_fields(struct http1_span fields,
			const struct http1_options *options, const char *in,
			size_t len)
{
	struct http1_span rest = fields;
	struct http1_span value;
	struct http1_span name;

	fuzz_inside(fields, in, len);
	FUZZ_CHECK(options->count <= HTTP1_MAX_OPTIONS);
	for (size_t i = 0; i < options->count; i++) {
		fuzz_inside(options->at[i], fields.at, fields.len);
		FUZZ_CHECK(options->at[i].len > 0);
	}
	while (http1_next_field(&rest, &name, &value)) {
		FUZZ_CHECK(name.len > 0);
		fuzz_inside(name, fields.at, fields.len);
		fuzz_inside(value, fields.at, fields.len);
		FUZZ_CHECK(!memchr(value.at, '\r', value.len) &&
			   !memchr(value.at, '\n', value.len) &&
			   !memchr(value.at, '\0', value.len));
		(void)http1_is_hop_by_hop(name, options);
	}
	FUZZ_CHECK(rest.len == 0);
}

static void fuzz_request(const char *in, size_t len)
{
	const char *error = NULL;
	struct http1_request r;

	if (http1_parse_request(in, len, &r, &error) != HTTP1_OK) {
		FUZZ_CHECK(error);
		return;
	}
	fuzz_inside(r.method, in, len);
	fuzz_inside(r.target, in, len);
	fuzz_inside(r.host, in, len);
	fuzz_fields(r.fields, &r.options, in, len);
	FUZZ_CHECK(r.method.len > 0 && r.target.len > 0 && r.minor <= 1);
	FUZZ_CHECK(r.minor == 0 || r.host.at);
	FUZZ_CHECK(r.body != HTTP1_BODY_CLOSE);
	FUZZ_CHECK(r.body != HTTP1_BODY_CHUNKED ||
		   (!r.has_length && r.minor == 1));
	FUZZ_CHECK((r.body == HTTP1_BODY_LENGTH) == (r.content_length > 0));
}

static void fuzz_response(const char *in, size_t len)
{
	const char *error = NULL;
	struct http1_response head;
	struct http1_response r;

	if (http1_parse_response(in, len, false, &r, &error) != HTTP1_OK) {
		FUZZ_CHECK(error);
		return;
	}
	fuzz_inside(r.reason, in, len);
	fuzz_fields(r.fields, &r.options, in, len);
	FUZZ_CHECK(r.status >= 100 && r.status <= 599);
	FUZZ_CHECK(r.body != HTTP1_BODY_CLOSE || !r.keep_alive);
	FUZZ_CHECK(r.body != HTTP1_BODY_CHUNKED || !r.has_length);
	FUZZ_CHECK(http1_parse_response(in, len, true, &head, NULL) ==
		   HTTP1_OK);
	FUZZ_CHECK(head.body == HTTP1_BODY_NONE);
}

/* Found in one go or byte by byte, the end is the same. */
static void fuzz_head(const char *in, size_t len, uint32_t seed,
		      void (*parse)(const char *in, size_t len))
{
	enum http1_status whole;
	enum http1_status status = HTTP1_MORE;
	size_t skip = http1_skip_crlf(in, len);
	size_t head_len = 0;
	size_t cut_len = 0;
	size_t scanned = 0;
	size_t n = 0;

	FUZZ_CHECK(skip <= len && skip <= 4 && skip % 2 == 0);
	parse(in, len);
	in += skip;
	len -= skip;
	whole = http1_find_end(in, len, &scanned, &head_len);
	FUZZ_CHECK(scanned <= len);
	scanned = 0;
	while (n < len && status == HTTP1_MORE) {
		n += fuzz_cut(&seed, len - n);
		status = http1_find_end(in, n, &scanned, &cut_len);
	}
	FUZZ_CHECK(status == whole);
	if (whole != HTTP1_OK)
		return;
	FUZZ_CHECK(head_len == cut_len && head_len <= len);
	FUZZ_CHECK(memcmp(in + head_len - 4, "\r\n\r\n", 4) == 0);
	parse(in, head_len);
}

/* A body is followed alike however it is cut, and ends in a CRLF. */
static void fuzz_chunks(const char *in, size_t len, uint32_t seed)
{
	struct http1_chunks whole = {.payload = 0};
	struct http1_chunks cut = {.payload = 0};
	enum http1_status status = HTTP1_MORE;
	enum http1_status want;
	size_t want_used = 0;
	size_t total = 0;
	size_t used = 0;
	size_t n;

	want = http1_chunks_feed(&whole, in, len, &want_used);
	for (n = 0; n < len && status == HTTP1_MORE;) {
		size_t piece = fuzz_cut(&seed, len - n);

		status = http1_chunks_feed(&cut, in + n, piece, &used);
		FUZZ_CHECK(used <= piece);
		FUZZ_CHECK(status == HTTP1_OK || used == piece);
		n += piece;
		total += used;
	}
	FUZZ_CHECK(status == want);
	FUZZ_CHECK(cut.payload == whole.payload && cut.payload <= len);
	if (want != HTTP1_OK)
		return;
	FUZZ_CHECK(total == want_used && total >= 5);
	FUZZ_CHECK(memcmp(in + total - 2, "\r\n", 2) == 0);
}

static void fuzz_url(const char *in, size_t len)
{
	struct http1_span target = {in, len};
	struct http1_url url;

	if (http1_parse_url(target, &url) != HTTP1_OK)
		return;
	fuzz_inside(url.authority, in, len);
	fuzz_inside(url.path, in, len);
	FUZZ_CHECK(url.authority.len > 0);
	FUZZ_CHECK(!memchr(url.authority.at, '@', url.authority.len));
	FUZZ_CHECK(7 + url.authority.len + url.path.len == len);
	FUZZ_CHECK(url.path.len == 0 || url.path.at[0] == '/' ||
		   url.path.at[0] == '?');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data + 1;

	if (size == 0)
		return 0;
	switch (data[0]) {
	case 'q':
		fuzz_head(in, size - 1, (uint32_t)size, fuzz_request);
		break;
	case 'r':
		fuzz_head(in, size - 1, (uint32_t)size, fuzz_response);
		break;
	case 'c':
		fuzz_chunks(in, size - 1, (uint32_t)size);
		break;
	case 'u':
		fuzz_url(in, size - 1);
		break;
	default:
		break;
	}
	return 0;
}
