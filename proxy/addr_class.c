/* SPDX-License-Identifier: MIT */
/* addr_class.c - what an IP address is for, by the IANA registries */
#include "addr.h"

#include <string.h>

/* One registered block; in a table the first one that matches counts. */
struct addr_block_v4 {
	uint32_t base;
	uint8_t bits;
	enum addr_class class;
};

#define V4(a, b, c, d)                                                    \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | \
	 (uint32_t)(d))

/*
 * In the order of their first bytes.
 *
 * What the IANA IPv4 Special-Purpose Address Registry does not call globally
 * reachable, with the reachable addresses inside in front of their block.
 * Multicast and 240/4 are from the IPv4 Address Space Registry.  The rest are
 * metadata services by their providers' documentation: Azure's and Oracle's
 * lie in public space or outside 169.254/16.
 */
static const struct addr_block_v4 addr_blocks_v4[] = {
	{V4(0, 0, 0, 0), 32, ADDR_UNSPECIFIED},
	{V4(0, 0, 0, 0), 8, ADDR_SPECIAL},
	{V4(10, 0, 0, 0), 8, ADDR_PRIVATE},
	{V4(100, 100, 100, 200), 32, ADDR_METADATA}, /* Alibaba */
	{V4(100, 64, 0, 0), 10, ADDR_SHARED},
	{V4(127, 0, 0, 0), 8, ADDR_LOOPBACK},
	{V4(168, 63, 129, 16), 32, ADDR_METADATA},   /* Azure */
	{V4(169, 254, 169, 254), 32, ADDR_METADATA}, /* most of them */
	{V4(169, 254, 170, 2), 32, ADDR_METADATA},   /* AWS ECS */
	{V4(169, 254, 170, 23), 32, ADDR_METADATA},  /* AWS EKS */
	{V4(169, 254, 42, 42), 32, ADDR_METADATA},   /* Scaleway */
	{V4(169, 254, 0, 23), 32, ADDR_METADATA},    /* Tencent */
	{V4(169, 254, 0, 0), 16, ADDR_LINK_LOCAL},
	{V4(172, 16, 0, 0), 12, ADDR_PRIVATE},
	{V4(192, 0, 0, 9), 32, ADDR_GLOBAL},     /* RFC 7723, PCP */
	{V4(192, 0, 0, 10), 32, ADDR_GLOBAL},    /* RFC 8155, TURN */
	{V4(192, 0, 0, 192), 32, ADDR_METADATA}, /* Oracle */
	{V4(192, 0, 0, 0), 24, ADDR_SPECIAL},
	{V4(192, 0, 2, 0), 24, ADDR_SPECIAL},   /* RFC 5737 */
	{V4(192, 88, 99, 0), 24, ADDR_SPECIAL}, /* RFC 7526, deprecated */
	{V4(192, 168, 0, 0), 16, ADDR_PRIVATE},
	{V4(198, 18, 0, 0), 15, ADDR_SPECIAL},   /* RFC 2544 */
	{V4(198, 51, 100, 0), 24, ADDR_SPECIAL}, /* RFC 5737 */
	{V4(203, 0, 113, 0), 24, ADDR_SPECIAL},  /* RFC 5737 */
	{V4(224, 0, 0, 0), 4, ADDR_MULTICAST},
	{V4(240, 0, 0, 0), 4, ADDR_SPECIAL},
};

static enum addr_class addr_classify_v4(const uint8_t b[4])
{
	uint32_t value = V4(b[0], b[1], b[2], b[3]);
	size_t i;

	for (i = 0; i < sizeof(addr_blocks_v4) / sizeof(addr_blocks_v4[0]);
	     i++) {
		const struct addr_block_v4 *block = &addr_blocks_v4[i];

		if (block->base >> 24 > b[0])
			break;
		if ((value ^ block->base) >> (32 - block->bits) == 0)
			return block->class;
	}
	return ADDR_GLOBAL;
}

struct addr_block_v6 {
	struct cidr range;
	enum addr_class class;
};

/* The same from the IPv6 registries, plus the deprecated fec0::/10. */
static const struct addr_block_v6 addr_blocks_v6[] = {
	{{{6, {0}}, 128}, ADDR_UNSPECIFIED},
	{{{6, {[15] = 1}}, 128}, ADDR_LOOPBACK},
	/* 64:ff9b:1::/48, RFC 8215 */
	{{{6, {0x00, 0x64, 0xff, 0x9b, 0, 1}}, 48}, ADDR_SPECIAL},
	/* 100::/64, RFC 6666; 100:0:0:1::/64, RFC 9780 */
	{{{6, {0x01, 0x00}}, 64}, ADDR_SPECIAL},
	{{{6, {0x01, 0x00, [7] = 1}}, 64}, ADDR_SPECIAL},
	/* 2001:1::1 to ::3 are anycast services: PCP, TURN, DNS-SD SRP */
	{{{6, {0x20, 0x01, 0, 1, [15] = 1}}, 128}, ADDR_GLOBAL},
	{{{6, {0x20, 0x01, 0, 1, [15] = 2}}, 128}, ADDR_GLOBAL},
	{{{6, {0x20, 0x01, 0, 1, [15] = 3}}, 128}, ADDR_GLOBAL},
	/* 2001::/32 is Teredo: as good as the addresses that it carries */
	{{{6, {0x20, 0x01, 0, 0}}, 32}, ADDR_GLOBAL},
	/* 2001:3::/32 AMT; 2001:4:112::/48 AS112 */
	{{{6, {0x20, 0x01, 0, 3}}, 32}, ADDR_GLOBAL},
	{{{6, {0x20, 0x01, 0, 4, 0x01, 0x12}}, 48}, ADDR_GLOBAL},
	/* 2001:20::/28 ORCHIDv2; 2001:30::/28 drone identifiers */
	{{{6, {0x20, 0x01, 0, 0x20}}, 28}, ADDR_GLOBAL},
	{{{6, {0x20, 0x01, 0, 0x30}}, 28}, ADDR_GLOBAL},
	/* 2001::/23, the rest of the IETF protocol assignments */
	{{{6, {0x20, 0x01}}, 23}, ADDR_SPECIAL},
	/* 2001:db8::/32 and 3fff::/20 are documentation */
	{{{6, {0x20, 0x01, 0x0d, 0xb8}}, 32}, ADDR_SPECIAL},
	{{{6, {0x3f, 0xff}}, 20}, ADDR_SPECIAL},
	/* 5f00::/16, SRv6 SIDs, RFC 9602 */
	{{{6, {0x5f, 0x00}}, 16}, ADDR_SPECIAL},
	/* fd00:ec2::/32 AWS, fd20:ce::254 Google, fd00:42::42 Scaleway */
	{{{6, {0xfd, 0x00, 0x0e, 0xc2}}, 32}, ADDR_METADATA},
	{{{6, {0xfd, 0x20, 0, 0xce, [14] = 0x02, 0x54}}, 128}, ADDR_METADATA},
	{{{6, {0xfd, 0x00, 0, 0x42, [15] = 0x42}}, 128}, ADDR_METADATA},
	{{{6, {0xfc}}, 7}, ADDR_PRIVATE},
	{{{6, {0xfe, 0x80}}, 10}, ADDR_LINK_LOCAL},
	{{{6, {0xfe, 0xc0}}, 10}, ADDR_PRIVATE},
	{{{6, {0xff}}, 8}, ADDR_MULTICAST},
};

static enum addr_class addr_classify_teredo(const uint8_t b[16])
{
	/* RFC 4380 4: the server, and the client with every bit inverted */
	uint8_t client[4] = {(uint8_t)~b[12], (uint8_t)~b[13], (uint8_t)~b[14],
			     (uint8_t)~b[15]};
	enum addr_class class = addr_classify_v4(b + 4);

	return class == ADDR_GLOBAL ? addr_classify_v4(client) : class;
}

/* Judge an IPv6 address by the IPv4 address that it carries, if it does. */
static enum addr_class addr_classify_carried(const uint8_t b[16])
{
	static const uint8_t zero[12];
	static const uint8_t translated[12] = {[8] = 0xff, [9] = 0xff};
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

	/* RFC 4291 2.5.5.1 (compatible), RFC 2765 2.1, RFC 6052 2.1 */
	if (memcmp(b, zero, 12) == 0 || memcmp(b, translated, 12) == 0 ||
	    memcmp(b, nat64, 12) == 0)
		return addr_classify_v4(b + 12);
	/* RFC 3056 2 */
	if (b[0] == 0x20 && b[1] == 0x02) {
		enum addr_class class = addr_classify_v4(b + 2);

		if (class != ADDR_GLOBAL)
			return class;
	}
	if (b[0] == 0x20 && b[1] == 0x01 && b[2] == 0 && b[3] == 0)
		return addr_classify_teredo(b);
	/* RFC 5214 6.1: behind any prefix, with or without the u bit */
	if ((b[8] & 0xfd) == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe)
		return addr_classify_v4(b + 12);
	return ADDR_GLOBAL;
}

enum addr_class addr_classify(const struct addr *a)
{
	size_t i;

	if (a->family == 4)
		return addr_classify_v4(a->bytes);
	for (i = 0; i < sizeof(addr_blocks_v6) / sizeof(addr_blocks_v6[0]);
	     i++) {
		const struct addr_block_v6 *block = &addr_blocks_v6[i];

		if (!cidr_contains(&block->range, a))
			continue;
		if (block->class != ADDR_GLOBAL)
			return block->class;
		break;
	}
	return addr_classify_carried(a->bytes);
}

const char *addr_class_name(enum addr_class c)
{
	static const char *const names[] = {
		[ADDR_GLOBAL] = "global",
		[ADDR_UNSPECIFIED] = "unspecified",
		[ADDR_LOOPBACK] = "loopback",
		[ADDR_PRIVATE] = "private",
		[ADDR_SHARED] = "shared",
		[ADDR_LINK_LOCAL] = "link-local",
		[ADDR_METADATA] = "metadata",
		[ADDR_MULTICAST] = "multicast",
		[ADDR_SPECIAL] = "special-purpose",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == ADDR__CLASSES,
		       "every class has a name");
	return names[c];
}
