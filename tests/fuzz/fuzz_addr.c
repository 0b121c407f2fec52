/* SPDX-License-Identifier: MIT */
/* fuzz_addr.c - addresses and ranges, held against those of libc */
#include "proxy/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "fuzz.h"

/* inet_pton(3) has the same grammar, but for texts with a NUL inside. */
static bool fuzz_pton(const char *in, size_t len, struct addr *out)
{
	char text[64];
	uint8_t bytes[16];

	if (len >= sizeof(text) || memchr(in, '\0', len))
		return false;
	memcpy(text, in, len);
	text[len] = '\0';
	if (inet_pton(AF_INET, text, bytes) == 1) {
		addr_from_v4(bytes, out);
		return true;
	}
	if (inet_pton(AF_INET6, text, bytes) != 1)
		return false;
	addr_from_v6(bytes, out);
	return true;
}

static void fuzz_text(const struct addr *a)
{
	char text[ADDR_TEXT_MAX];
	char libc[INET6_ADDRSTRLEN];
	struct addr again;
	size_t len = addr_format(a, text);

	FUZZ_CHECK(len == strlen(text) && len < ADDR_TEXT_MAX);
	FUZZ_CHECK(addr_parse(text, len, &again));
	FUZZ_CHECK(memcmp(a, &again, sizeof(again)) == 0);
	FUZZ_CHECK(inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->bytes,
			     libc, sizeof(libc)));
	/* libc writes ::/96 with a dotted tail. */
	if (a->family == 4 || !strchr(libc, '.'))
		FUZZ_CHECK(strcmp(text, libc) == 0);
}

static void fuzz_socket(const struct addr *a)
{
	struct sockaddr_storage ss;
	struct addr again;
	uint16_t port;

	FUZZ_CHECK(addr_to_sockaddr(a, 443, &ss) > 0);
	FUZZ_CHECK(addr_from_sockaddr((struct sockaddr *)&ss, &again, &port));
	FUZZ_CHECK(port == 443 && memcmp(a, &again, sizeof(again)) == 0);
}

static void fuzz_range(const char *in, size_t len)
{
	char text[ADDR_TEXT_MAX + 8];
	struct cidr again;
	struct cidr c;
	size_t n;

	if (cidr_parse(in, len, &c))
		return;
	FUZZ_CHECK(c.bits <= (c.base.family == 4 ? 32 : 128));
	FUZZ_CHECK(cidr_contains(&c, &c.base));
	n = addr_format(&c.base, text);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "/%u", c.bits);
	FUZZ_CHECK(!cidr_parse(text, n, &again));
	FUZZ_CHECK(memcmp(&c, &again, sizeof(c)) == 0);
}

/* Any 16 bytes are an address, too: texts alone would never meet most. */
static void fuzz_bytes(const uint8_t *data)
{
	struct addr a;

	addr_from_v6(data, &a);
	FUZZ_CHECK(addr_classify(&a) < ADDR__CLASSES);
	fuzz_text(&a);
	fuzz_socket(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data;
	struct addr want;
	struct addr a;
	bool ok = addr_parse(in, size, &a);

	FUZZ_CHECK(ok == fuzz_pton(in, size, &want));
	if (ok) {
		FUZZ_CHECK(memcmp(&a, &want, sizeof(a)) == 0);
		fuzz_text(&a);
		fuzz_socket(&a);
	}
	fuzz_range(in, size);
	if (size == 16)
		fuzz_bytes(data);
	return 0;
}
