/* SPDX-License-Identifier: MIT */
/* fuzz_name.c - host names and ports: canonical text is a fixed point */
#include "proxy/name.h"

#include <string.h>

#include "fuzz.h"

static void fuzz_host(const char *in, size_t len)
{
	char out[NAME_MAX_LEN + 1];
	char again[NAME_MAX_LEN + 1];
	const char *parent;
	size_t out_len;

	if (name_canonical(in, len, out) != NAME_OK)
		return;
	out_len = strlen(out);
	FUZZ_CHECK(out_len == len || out_len + 1 == len);
	FUZZ_CHECK(strspn(out, "abcdefghijklmnopqrstuvwxyz0123456789-_.") ==
		   out_len);
	FUZZ_CHECK(name_canonical(out, out_len, again) == NAME_OK);
	FUZZ_CHECK(strcmp(out, again) == 0);
	for (parent = out; parent; parent = name_parent(parent)) {
		FUZZ_CHECK(name_canonical(parent, strlen(parent), again) ==
			   NAME_OK);
		FUZZ_CHECK(strcmp(parent, again) == 0);
	}
}

static void fuzz_port(const char *in, size_t len)
{
	char text[8];
	uint16_t port;
	int n;

	if (!name_parse_port(in, len, &port))
		return;
	n = snprintf(text, sizeof(text), "%u", port);
	FUZZ_CHECK(port > 0 && (size_t)n == len && !memcmp(text, in, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data;
	size_t port_off;
	size_t host_len;

	fuzz_host(in, size);
	fuzz_port(in, size);
	if (!name_split_port(in, size, &host_len, &port_off))
		return 0;
	FUZZ_CHECK(host_len <= size);
	fuzz_host(in, host_len);
	if (port_off == 0) {
		FUZZ_CHECK(host_len == size);
		return 0;
	}
	FUZZ_CHECK(port_off == host_len + 1 && in[host_len] == ':');
	fuzz_port(in + port_off, size - port_off);
	return 0;
}
