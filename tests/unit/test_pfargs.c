/* SPDX-License-Identifier: MIT */
/* test_pfargs.c - the command line, names and the list of pen-pfctl */
#include "row.h"

#include <stdlib.h>

#include "pfwrap/pfwrap.h"

static void test_names(void **state)
{
	static const struct {
		const char *name;
		bool good;
		uint32_t uid;
	} rows[] = {
		{"pen-user-0-project-x", true, 0},
		{"pen-user-501-project-my-blog-a1b2c3", true, 501},
		{"pen-user-4294967294-project--", true, 4294967294},
		{"pen-user-4294967295-project-x", false, 0},
		{"pen-user-4294967296-project-x", false, 0},
		{"pen-user-00-project-x", false, 0},
		{"pen-user--project-x", false, 0},
		{"pen-user-1-project-", false, 0},
		{"pen-user-1-project", false, 0},
		{"pen-user-1-projectx", false, 0},
		{"pen-user-1x-project-x", false, 0},
		{"pen-user-1-project-x_y", false, 0},
		{"pen-user-1-project-X", false, 0},
		{"Pen-user-1-project-x", false, 0},
		{"pen-user-1-project-x ", false, 0},
		{"", false, 0},
		{"pen-user-", false, 0},
		{"pen-user-1-project-345678901234567890123456789012", true, 1},
		{"pen-user-1-project-3456789012345678901234567890123456789012",
		 false, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(rows); i++) {
		uint32_t uid = 0;
		bool good = args_name(rows[i].name, &uid);

		row_check(good == rows[i].good && (!good || uid == rows[i].uid),
			  i, rows[i].name, strlen(rows[i].name),
			  "judged wrong");
	}
}

static void test_lines(void **state)
{
	static const struct {
		const char *in;
		size_t len;
		size_t rules;
		size_t faults;
	} rows[] = {
		{ROW_TEXT(""), 0, 0},
		{ROW_TEXT("\n\n"), 0, 0},
		{ROW_TEXT("# 1.2.3.4:1"), 0, 0},
		{ROW_TEXT("1.2.3.4:1"), 2, 0},
		{ROW_TEXT("1.2.3.4:1/tcp#x\n 1.2.3.4:2/udp\r\n"), 2, 0},
		{ROW_TEXT("10.0.0.0/8:1/tcp"), 1, 0},
		{ROW_TEXT("10.0.0.0/32:1/tcp"), 1, 0},
		{ROW_TEXT("0.0.0.0/0:1/tcp"), 1, 0},
		{ROW_TEXT("[2001:db8::1]:65535/udp"), 1, 0},
		{ROW_TEXT("1.2.3.4:1\0"), 0, 1},
		{ROW_TEXT("10.0.0.1/8:1"), 0, 1},
		{ROW_TEXT("1.0.0.0/0:1"), 0, 1},
		{ROW_TEXT("0.0.0.0:1"), 0, 1},
		{ROW_TEXT("239.1.1.1:1"), 0, 1},
		{ROW_TEXT("[::ffff:1.2.3.4]:1"), 0, 1},
		{ROW_TEXT("[::1.2.3.4]:1"), 0, 1},
		{ROW_TEXT("[fe80::1%1]:1"), 0, 1},
		{ROW_TEXT("[1.2.3.4]:1"), 0, 1},
		{ROW_TEXT("1.2.3.4:1/TCP\n1.2.3.4\n1.2.3.4:1/tcp"), 1, 2},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(rows); i++) {
		struct rule rules[8];
		struct request r = {.rules = rules};
		char list[64] = "", *said = NULL;
		size_t faults, len, lines = 0;
		FILE *out = open_memstream(&said, &len);

		memcpy(list, rows[i].in, rows[i].len);
		faults = args_list(list, rows[i].len, &r, out);
		fclose(out);
		for (len = 0; said[len]; len++)
			lines += said[len] == '\n';
		/* The first one is the proxy's. */
		row_check(faults == rows[i].faults && faults == lines &&
				  r.rule_count == rows[i].rules + 1,
			  i, rows[i].in, rows[i].len, "judged wrong");
		free(said);
	}
}

static void test_interfaces(void **state)
{
	static const struct {
		const char *bridge;
		const char *member;
		bool good;
	} rows[] = {
		{"bridge100", "vmenet0", true},
		{"bridge999", "vmenet12", true},
		{"bridge1000", "vmenet0", true},
		{"bridge0", "vmenet0", false},
		{"bridge1", "vmenet0", false},
		{"bridge99", "vmenet0", false},
		{"bridge010", "vmenet0", false},
		{"bridge100x", "vmenet0", false},
		{"bridge100", "en0", false},
		{"bridge100", "vmenet", false},
		{"bridge100", "vmenet0x", false},
		{"bridge100", "", false},
		{"en0", "vmenet0", false},
		{"utun100", "vmenet0", false},
		{"", "vmenet0", false},
		{"bridge", "vmenet0", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(rows); i++)
		row_check(iface_is_vmnet(rows[i].bridge, rows[i].member) ==
				  rows[i].good,
			  i, rows[i].bridge, strlen(rows[i].bridge),
			  "judged wrong");
	assert_true(args_interface("br-0123456789ab"));
	assert_false(args_interface("br-0123456789abc"));
	assert_false(args_interface("pen*"));
	assert_false(args_interface(".."));
	assert_false(args_interface("-o"));
}

static void test_forms(void **state)
{
	static const char *const forms[] = {".$N $T\n", "*$L$6 $A$S $W$M $Q|",
					    "/$V:$W ", "6six", NULL};
	struct rule rules[] = {
		{.family = AF_INET, .addr = {10}, .len = 8, .port = 1},
		{.family = AF_INET, .addr = {10, 1}, .len = 32, .port = 2},
		{.family = AF_INET, .addr = {11}, .len = 8, .udp = true},
		{.family = AF_INET6, .addr = {0xfd}, .len = 128, .port = 4},
		{.family = AF_INET6, .addr = {0xfe}, .len = 128, .port = 5},
	};
	struct request r = {.set = {.name = "pen-a-b"},
			    .rules = rules,
			    .rule_count = ROW_COUNT(rules)};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	ruleset_write(out, forms, &r);
	fclose(out);
	assert_string_equal(text, "pen-a-b pen_a_b\n"
				  "tcp 10.0.0.0/8 8 & 255.0.0.0 1|"
				  "tcp 10.1.0.0 32 2|"
				  "udp 11.0.0.0/8 8 & 255.0.0.0 0|"
				  "tcp6 fd00:: 128 4|tcp6 fe00:: 128 5|"
				  "4:8 4:32 6:128 six");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
