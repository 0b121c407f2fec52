/* SPDX-License-Identifier: MIT */
/* test_jail_options.c - values of the command line, and whole lines of it */
#include "jail/options.h"

#include <stdlib.h>

#include "row.h"

struct number_row {
	const char *text;
	bool good;
	uint64_t value;
};

static void check_numbers(const struct number_row *rows, size_t count,
			  bool (*read)(const char *text, uint64_t *value))
{
	size_t i;

	for (i = 0; i < count; i++) {
		uint64_t value = 0;
		bool good = read(rows[i].text, &value);

		row_check(good == rows[i].good, i, rows[i].text,
			  strlen(rows[i].text), "verdict");
		row_check(!good || value == rows[i].value, i, rows[i].text,
			  strlen(rows[i].text), "value");
	}
}

static void test_durations(void **state)
{
	static const struct number_row rows[] = {
		{"500ms", true, 500},
		{"1ms", true, 1},
		{"5s", true, 5000},
		{"2m", true, 120000},
		{"1h", true, 3600000},
		{"87840h", true, 316224000000},
		{"87841h", false, 0},
		{"5", false, 0},
		{"0s", false, 0},
		{"", false, 0},
		{"s", false, 0},
		{"-1s", false, 0},
		{"+1s", false, 0},
		{" 1s", false, 0},
		{"1s ", false, 0},
		{"1.5s", false, 0},
		{"1d", false, 0},
		{"1S", false, 0},
		{"99999999999999999999s", false, 0},
		{"18446744073709551616ms", false, 0},
	};

	(void)state;
	check_numbers(rows, ROW_COUNT(rows), options_read_duration);
}

static void test_sizes(void **state)
{
	static const struct number_row rows[] = {
		{"1", true, 1},
		{"1k", true, 1024},
		{"512m", true, 512u << 20},
		{"4g", true, UINT64_C(4) << 30},
		{"1073741824g", true, UINT64_C(1) << 60},
		{"1073741825g", false, 0},
		{"1152921504606846977", false, 0},
		{"0", false, 0},
		{"0m", false, 0},
		{"", false, 0},
		{"m", false, 0},
		{"1M", false, 0},
		{"1mb", false, 0},
		{"-1m", false, 0},
		{"1.5g", false, 0},
	};

	(void)state;
	check_numbers(rows, ROW_COUNT(rows), options_read_size);
}

static void test_cpus(void **state)
{
	static const struct number_row rows[] = {
		{"1", true, 1000},       {"0.5", true, 500},
		{"1.25", true, 1250},    {"2.001", true, 2001},
		{"1024", true, 1024000}, {"1024.001", false, 0},
		{"1025", false, 0},      {"0", false, 0},
		{"0.0", false, 0},       {".5", false, 0},
		{"1.", false, 0},        {"1.2345", false, 0},
		{"1,5", false, 0},       {"-1", false, 0},
		{"", false, 0},          {"1x", false, 0},
	};

	(void)state;
	check_numbers(rows, ROW_COUNT(rows), options_read_cpus);
}

static void test_mounts(void **state)
{
	static const struct {
		const char *text;
		bool good;
		const char *source;
		const char *target;
		bool readonly;
	} rows[] = {
		{"/a:/b", true, "/a", "/b", false},
		{"a/b:/c", true, "a/b", "/c", false},
		{"/a:/b:ro", true, "/a", "/b", true},
		{"/a:/b:rw", true, "/a", "/b", false},
		{"/a:/b:rx", false, NULL, NULL, false},
		{"/a:/b:", false, NULL, NULL, false},
		{"/a:/b:ro:", false, NULL, NULL, false},
		{"/a:b", false, NULL, NULL, false},
		{"/a:", false, NULL, NULL, false},
		{":/b", false, NULL, NULL, false},
		{"/a", false, NULL, NULL, false},
		{"", false, NULL, NULL, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(rows); i++) {
		struct options_mount mount = {NULL, NULL, false};
		bool good = options_read_mount(rows[i].text, &mount);
		size_t len = strlen(rows[i].text);

		row_check(good == rows[i].good, i, rows[i].text, len,
			  "verdict");
		if (!good)
			continue;
		row_check(strcmp(mount.source, rows[i].source) == 0, i,
			  rows[i].text, len, "source");
		row_check(strcmp(mount.target, rows[i].target) == 0, i,
			  rows[i].text, len, "target");
		row_check(mount.readonly == rows[i].readonly, i, rows[i].text,
			  len, "readonly");
		free(mount.source);
		free(mount.target);
	}
}

static void test_env(void **state)
{
	(void)state;
	assert_true(options_is_env("A=1"));
	assert_true(options_is_env("_a9="));
	assert_true(options_is_env("A=b=c"));
	assert_false(options_is_env("A"));
	assert_false(options_is_env("=1"));
	assert_false(options_is_env("1A=1"));
	assert_false(options_is_env("A-B=1"));
	assert_false(options_is_env("A B=1"));
	assert_false(options_is_env(""));
}

static int parse(enum options_command command, struct options *options,
		 const char *const *words, size_t count)
{
	static char *argv[16];
	size_t i;

	for (i = 0; i < count; i++)
		argv[i] = (char *)(uintptr_t)words[i];
	argv[count] = NULL;
	return options_parse(options, command, (int)count, argv);
}

static void test_line(void **state)
{
	static const char *const words[] = {
		"run", "--timeout", "5s", "-e", "A=1",      "--no-network",
		"-w",  "/x",        "--", "ls", "--timeout"};
	static struct options options;

	(void)state;
	assert_int_equal(parse(OPTIONS_RUN, &options, words, ROW_COUNT(words)),
			 0);
	assert_int_equal(options.timeout_ms, 5000);
	assert_int_equal(options.env_count, 1);
	assert_true(options.no_network);
	assert_string_equal(options.workdir, "/x");
	assert_int_equal(options.argc, 2);
	assert_string_equal(options.argv[0], "ls");
	assert_string_equal(options.argv[1], "--timeout");
	assert_null(options.argv[2]);
	options_fini(&options);
}

static void test_line_stops_at_the_command(void **state)
{
	static const char *const words[] = {"run", "ls", "--json", "-e"};
	static struct options options;

	(void)state;
	assert_int_equal(parse(OPTIONS_RUN, &options, words, ROW_COUNT(words)),
			 0);
	assert_int_equal(options.argc, 3);
	options_fini(&options);
}

static void test_too_many_mounts(void **state)
{
	static char *argv[2 * OPTIONS_MOUNT_MAX + 8];
	static struct options options;
	static char run[] = "run", option[] = "--mount", mount[] = "/a:/b";
	int count = 0;

	(void)state;
	argv[count++] = run;
	while (count < 2 * OPTIONS_MOUNT_MAX + 3) {
		argv[count++] = option;
		argv[count++] = mount;
	}
	argv[count] = NULL;
	assert_int_equal(options_parse(&options, OPTIONS_RUN, count, argv), -1);
	options_fini(&options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_env),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_line_stops_at_the_command),
		cmocka_unit_test(test_too_many_mounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
