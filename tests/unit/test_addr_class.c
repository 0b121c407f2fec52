/* SPDX-License-Identifier: MIT */
/* test_addr_class.c - every special block at both ends, and every disguise */
#include "proxy/addr.h"

#include "row.h"

struct class_row {
	const char *addr;
	enum addr_class class;
};

static const struct class_row classes[] = {
	/* IPv4: the last address in front, both ends, the first one behind */
	{"0.0.0.0", ADDR_UNSPECIFIED},
	{"0.0.0.1", ADDR_SPECIAL},
	{"0.255.255.255", ADDR_SPECIAL},
	{"1.0.0.0", ADDR_GLOBAL},
	{"9.255.255.255", ADDR_GLOBAL},
	{"10.0.0.0", ADDR_PRIVATE},
	{"10.255.255.255", ADDR_PRIVATE},
	{"11.0.0.0", ADDR_GLOBAL},
	{"100.63.255.255", ADDR_GLOBAL},
	{"100.64.0.0", ADDR_SHARED},
	{"100.127.255.255", ADDR_SHARED},
	{"100.128.0.0", ADDR_GLOBAL},
	{"126.255.255.255", ADDR_GLOBAL},
	{"127.0.0.0", ADDR_LOOPBACK},
	{"127.0.0.1", ADDR_LOOPBACK},
	{"127.255.255.255", ADDR_LOOPBACK},
	{"128.0.0.0", ADDR_GLOBAL},
	{"169.253.255.255", ADDR_GLOBAL},
	{"169.254.0.0", ADDR_LINK_LOCAL},
	{"169.254.255.255", ADDR_LINK_LOCAL},
	{"169.255.0.0", ADDR_GLOBAL},
	{"172.15.255.255", ADDR_GLOBAL},
	{"172.16.0.0", ADDR_PRIVATE},
	{"172.31.255.255", ADDR_PRIVATE},
	{"172.32.0.0", ADDR_GLOBAL},
	{"191.255.255.255", ADDR_GLOBAL},
	{"192.0.0.0", ADDR_SPECIAL},
	{"192.0.0.7", ADDR_SPECIAL},
	{"192.0.0.8", ADDR_SPECIAL},
	{"192.0.0.9", ADDR_GLOBAL},
	{"192.0.0.10", ADDR_GLOBAL},
	{"192.0.0.11", ADDR_SPECIAL},
	{"192.0.0.170", ADDR_SPECIAL},
	{"192.0.0.171", ADDR_SPECIAL},
	{"192.0.0.255", ADDR_SPECIAL},
	{"192.0.1.0", ADDR_GLOBAL},
	{"192.0.1.255", ADDR_GLOBAL},
	{"192.0.2.0", ADDR_SPECIAL},
	{"192.0.2.255", ADDR_SPECIAL},
	{"192.0.3.0", ADDR_GLOBAL},
	{"192.31.195.255", ADDR_GLOBAL},
	{"192.31.196.0", ADDR_GLOBAL},
	{"192.31.196.255", ADDR_GLOBAL},
	{"192.31.197.0", ADDR_GLOBAL},
	{"192.52.193.0", ADDR_GLOBAL},
	{"192.52.193.255", ADDR_GLOBAL},
	{"192.88.98.255", ADDR_GLOBAL},
	{"192.88.99.0", ADDR_SPECIAL},
	{"192.88.99.2", ADDR_SPECIAL},
	{"192.88.99.255", ADDR_SPECIAL},
	{"192.88.100.0", ADDR_GLOBAL},
	{"192.167.255.255", ADDR_GLOBAL},
	{"192.168.0.0", ADDR_PRIVATE},
	{"192.168.255.255", ADDR_PRIVATE},
	{"192.169.0.0", ADDR_GLOBAL},
	{"192.175.48.0", ADDR_GLOBAL},
	{"192.175.48.255", ADDR_GLOBAL},
	{"198.17.255.255", ADDR_GLOBAL},
	{"198.18.0.0", ADDR_SPECIAL},
	{"198.19.255.255", ADDR_SPECIAL},
	{"198.20.0.0", ADDR_GLOBAL},
	{"198.51.99.255", ADDR_GLOBAL},
	{"198.51.100.0", ADDR_SPECIAL},
	{"198.51.100.255", ADDR_SPECIAL},
	{"198.51.101.0", ADDR_GLOBAL},
	{"203.0.112.255", ADDR_GLOBAL},
	{"203.0.113.0", ADDR_SPECIAL},
	{"203.0.113.255", ADDR_SPECIAL},
	{"203.0.114.0", ADDR_GLOBAL},
	{"223.255.255.255", ADDR_GLOBAL},
	{"224.0.0.0", ADDR_MULTICAST},
	{"239.255.255.255", ADDR_MULTICAST},
	{"240.0.0.0", ADDR_SPECIAL},
	{"255.255.255.254", ADDR_SPECIAL},
	{"255.255.255.255", ADDR_SPECIAL},
	{"8.8.8.8", ADDR_GLOBAL},

	/* metadata services */
	{"169.254.169.254", ADDR_METADATA},
	{"169.254.169.253", ADDR_LINK_LOCAL},
	{"169.254.170.2", ADDR_METADATA},
	{"169.254.170.23", ADDR_METADATA},
	{"169.254.42.42", ADDR_METADATA},
	{"169.254.0.23", ADDR_METADATA},
	{"100.100.100.200", ADDR_METADATA},
	{"100.100.100.199", ADDR_SHARED},
	{"168.63.129.16", ADDR_METADATA},
	{"168.63.129.15", ADDR_GLOBAL},
	{"168.63.129.17", ADDR_GLOBAL},
	{"192.0.0.192", ADDR_METADATA},
	{"fd00:ec2::254", ADDR_METADATA},
	{"fd00:ec2::23", ADDR_METADATA},
	{"fd20:ce::254", ADDR_METADATA},
	{"fd20:ce::253", ADDR_PRIVATE},
	{"fd00:42::42", ADDR_METADATA},
	{"::ffff:169.254.169.254", ADDR_METADATA},
	{"64:ff9b::169.254.169.254", ADDR_METADATA},
	{"2002:a9fe:a9fe::1", ADDR_METADATA},

	/* IPv6: the same, block by block */
	{"::", ADDR_UNSPECIFIED},
	{"::1", ADDR_LOOPBACK},
	{"64:ff9b:0:ffff:ffff:ffff:ffff:ffff", ADDR_GLOBAL},
	{"64:ff9b:1::", ADDR_SPECIAL},
	{"64:ff9b:1::8.8.8.8", ADDR_SPECIAL},
	{"64:ff9b:1:ffff:ffff:ffff:ffff:ffff", ADDR_SPECIAL},
	{"64:ff9b:2::", ADDR_GLOBAL},
	{"ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_GLOBAL},
	{"100::", ADDR_SPECIAL},
	{"100::ffff:ffff:ffff:ffff", ADDR_SPECIAL},
	{"100:0:0:1::", ADDR_SPECIAL},
	{"100:0:0:1:ffff:ffff:ffff:ffff", ADDR_SPECIAL},
	{"100:0:0:2::", ADDR_GLOBAL},
	{"2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_GLOBAL},
	{"2001:1::", ADDR_SPECIAL},
	{"2001:1::1", ADDR_GLOBAL},
	{"2001:1::2", ADDR_GLOBAL},
	{"2001:1::3", ADDR_GLOBAL},
	{"2001:1::4", ADDR_SPECIAL},
	{"2001:1:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_SPECIAL},
	{"2001:2::", ADDR_SPECIAL},
	{"2001:2:0:ffff:ffff:ffff:ffff:ffff", ADDR_SPECIAL},
	{"2001:2:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_SPECIAL},
	{"2001:3::", ADDR_GLOBAL},
	{"2001:3:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_GLOBAL},
	{"2001:4::", ADDR_SPECIAL},
	{"2001:4:111:ffff:ffff:ffff:ffff:ffff", ADDR_SPECIAL},
	{"2001:4:112::", ADDR_GLOBAL},
	{"2001:4:112:ffff:ffff:ffff:ffff:ffff", ADDR_GLOBAL},
	{"2001:4:113::", ADDR_SPECIAL},
	{"2001:f:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_SPECIAL},
	{"2001:10::", ADDR_SPECIAL},
	{"2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_SPECIAL},
	{"2001:20::", ADDR_GLOBAL},
	{"2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_GLOBAL},
	{"2001:30::", ADDR_GLOBAL},
	{"2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_GLOBAL},
	{"2001:40::", ADDR_SPECIAL},
	{"2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_SPECIAL},
	{"2001:200::", ADDR_GLOBAL},
	{"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_GLOBAL},
	{"2001:db8::", ADDR_SPECIAL},
	{"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_SPECIAL},
	{"2001:db9::", ADDR_GLOBAL},
	{"2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", ADDR_GLOBAL},
	{"2620:4f:8000::", ADDR_GLOBAL},
	{"2620:4f:8000:ffff:ffff:ffff:ffff:ffff", ADDR_GLOBAL},
	{"3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_GLOBAL},
	{"3fff::", ADDR_SPECIAL},
	{"3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_SPECIAL},
	{"3fff:1000::", ADDR_GLOBAL},
	{"5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_GLOBAL},
	{"5f00::", ADDR_SPECIAL},
	{"5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_SPECIAL},
	{"5f01::", ADDR_GLOBAL},
	{"fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_GLOBAL},
	{"fc00::", ADDR_PRIVATE},
	{"fd00:ec1:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_PRIVATE},
	{"fd00:ec3::", ADDR_PRIVATE},
	{"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_PRIVATE},
	{"fe00::", ADDR_GLOBAL},
	{"fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_GLOBAL},
	{"fe80::", ADDR_LINK_LOCAL},
	{"febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_LINK_LOCAL},
	{"fec0::", ADDR_PRIVATE},
	{"feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_PRIVATE},
	{"ff00::", ADDR_MULTICAST},
	{"ff02::1", ADDR_MULTICAST},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_MULTICAST},
	{"2606:4700:4700::1111", ADDR_GLOBAL},
	{"2a00:1450:4001::8a", ADDR_GLOBAL},

	/* IPv4-mapped: the IPv4 address itself */
	{"::ffff:127.0.0.1", ADDR_LOOPBACK},
	{"::ffff:7f00:1", ADDR_LOOPBACK},
	{"::ffff:10.0.0.1", ADDR_PRIVATE},
	{"::ffff:0.0.0.0", ADDR_UNSPECIFIED},
	{"::ffff:8.8.8.8", ADDR_GLOBAL},

	/* IPv4-compatible */
	{"::2", ADDR_SPECIAL},
	{"::127.0.0.1", ADDR_LOOPBACK},
	{"::10.0.0.1", ADDR_PRIVATE},
	{"::169.254.0.1", ADDR_LINK_LOCAL},
	{"::8.8.8.8", ADDR_GLOBAL},
	{"::1:127.0.0.1", ADDR_GLOBAL},

	/* translated */
	{"::ffff:0:127.0.0.1", ADDR_LOOPBACK},
	{"::ffff:0:192.168.1.1", ADDR_PRIVATE},
	{"::ffff:0:8.8.8.8", ADDR_GLOBAL},

	/* NAT64 */
	{"64:ff9b::127.0.0.1", ADDR_LOOPBACK},
	{"64:ff9b::7f00:1", ADDR_LOOPBACK},
	{"64:ff9b::10.255.255.255", ADDR_PRIVATE},
	{"64:ff9b::192.0.2.1", ADDR_SPECIAL},
	{"64:ff9b::224.0.0.1", ADDR_MULTICAST},
	{"64:ff9b::", ADDR_UNSPECIFIED},
	{"64:ff9b::8.8.8.8", ADDR_GLOBAL},
	{"64:ff9b::1:7f00:1", ADDR_GLOBAL},

	/* 6to4: behind the prefix */
	{"2002:7f00:1::", ADDR_LOOPBACK},
	{"2002:7f00:1:ffff::1", ADDR_LOOPBACK},
	{"2002:a00:1::1", ADDR_PRIVATE},
	{"2002:c0a8:101::1", ADDR_PRIVATE},
	{"2002:6440:1::1", ADDR_SHARED},
	{"2002::", ADDR_UNSPECIFIED},
	{"2002:808:808::1", ADDR_GLOBAL},
	{"2001:ffff:7f00:1::", ADDR_GLOBAL},
	{"2003:7f00:1::", ADDR_GLOBAL},

	/* Teredo: server in clear (8.8.8.8), client inverted */
	{"2001:0:808:808:0:0:f7f7:f7f7", ADDR_GLOBAL},
	{"2001:0:808:808:8000:63bf:80ff:fffe", ADDR_LOOPBACK},
	{"2001:0:808:808:8000:63bf:f5ff:fffe", ADDR_PRIVATE},
	{"2001:0:7f00:1:8000:63bf:f7f7:f7f7", ADDR_LOOPBACK},
	{"2001:0:a00:1:0:0:f7f7:f7f7", ADDR_PRIVATE},
	{"2001::", ADDR_UNSPECIFIED},

	/* ISATAP: behind any prefix, with the u bit or not */
	{"2606:4700::5efe:10.0.0.1", ADDR_PRIVATE},
	{"2606:4700::200:5efe:10.0.0.1", ADDR_PRIVATE},
	{"2606:4700::200:5efe:127.0.0.1", ADDR_LOOPBACK},
	{"2606:4700:1:2:0:5efe:169.254.169.254", ADDR_METADATA},
	{"2606:4700::5efe:8.8.8.8", ADDR_GLOBAL},
	{"2606:4700::100:5efe:10.0.0.1", ADDR_GLOBAL},
	{"2606:4700::5eff:10.0.0.1", ADDR_GLOBAL},
	{"fe80::5efe:8.8.8.8", ADDR_LINK_LOCAL},
	{"2002:808:808::5efe:10.0.0.1", ADDR_PRIVATE},
	{"2001:db8::5efe:8.8.8.8", ADDR_SPECIAL},
};

static void test_every_block_is_told_apart_at_its_ends(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(classes); i++) {
		const struct class_row *r = &classes[i];
		enum addr_class got;
		struct addr a;

		assert_true(addr_parse(r->addr, strlen(r->addr), &a));
		got = addr_classify(&a);
		row_check(got == r->class, i, r->addr, strlen(r->addr),
			  addr_class_name(got));
	}
}

static void test_every_class_has_a_name(void **state)
{
	enum addr_class c;

	(void)state;
	for (c = ADDR_GLOBAL; c < ADDR__CLASSES; c++)
		assert_true(strlen(addr_class_name(c)) > 0);
	assert_string_equal(addr_class_name(ADDR_LOOPBACK), "loopback");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_block_is_told_apart_at_its_ends),
		cmocka_unit_test(test_every_class_has_a_name),
	};

	return cmocka_run_group_tests_name("addr_class", tests, NULL, NULL);
}
