/* SPDX-License-Identifier: MIT */
/* test_base.c - growing text, faults, times, numbers, files */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base.h"
#include "tests/unit/files.h"

static void sbuf_grows_and_stays_terminated(void **state)
{
	struct sbuf s = {0};
	size_t i;

	(void)state;
	for (i = 0; i < 1000; i++)
		sbuf_puts(&s, "0123456789");
	sbuf_printf(&s, "%s-%d", "end", 42);
	sbuf_add(&s, "", 0);
	assert_false(s.oom);
	assert_int_equal(s.len, 10000 + 6);
	assert_int_equal(strlen(s.data), s.len);
	assert_string_equal(s.data + 10000, "end-42");
	sbuf_free(&s);
	assert_null(s.data);
	assert_int_equal(s.len, 0);
}

static void sbuf_printf_needs_no_room_beforehand(void **state)
{
	(void)state;
	for (int width = 1; width < 600; width++) {
		struct sbuf s = {0};

		sbuf_puts(&s, "x");
		sbuf_printf(&s, "%*d", width, 7);
		assert_false(s.oom);
		assert_int_equal(s.len, 1 + width);
		assert_int_equal(strlen(s.data), s.len);
		assert_int_equal(s.data[s.len - 1], '7');
		sbuf_free(&s);
	}
}

static void numbers_are_formatted(void **state)
{
	static const uint64_t numbers[] = {0, 9, 10, 443,
					   18446744073709551615u};
	struct sbuf s = {0};

	(void)state;
	for (size_t i = 0; i < BASE_LEN(numbers); i++) {
		sbuf_uint(&s, numbers[i]);
		sbuf_puts(&s, " ");
	}
	assert_string_equal(s.data, "0 9 10 443 18446744073709551615 ");
	sbuf_free(&s);
}

static void sbuf_says_when_memory_is_out(void **state)
{
	struct sbuf s = {0};

	(void)state;
	sbuf_puts(&s, "kept");
	sbuf_add(&s, "x", SIZE_MAX / 2);
	assert_true(s.oom);
	sbuf_puts(&s, "more");
	sbuf_printf(&s, "%d", 1);
	assert_string_equal(s.data, "kept");
	sbuf_free(&s);
	assert_false(s.oom);
}

static void sbuf_json_escapes_every_other_byte(void **state)
{
	static const char in[] = "a\"b\\c\n\x7f\xc3\xa9\0z~ ";
	struct sbuf s = {0};

	(void)state;
	sbuf_json(&s, in, sizeof(in) - 1);
	assert_string_equal(s.data, "\"a\\\"b\\\\c\\u000a\\u007f\\u00c3\\u00a9"
				    "\\u0000z~ \"");
	sbuf_free(&s);
	sbuf_json(&s, NULL, 0);
	assert_string_equal(s.data, "\"\"");
	sbuf_free(&s);
}

static void faults_are_lines_and_warnings_do_not_count(void **state)
{
	struct faults f = {0};

	(void)state;
	faults_add(&f, "rules.txt", 3, "bad port '%s'", "0\x1b[2J\n");
	faults_add(&f, "rules.txt", 0, "cannot read it");
	faults_warn(&f, "rules.txt", 9, "covers %s", "all of com");
	assert_int_equal(f.count, 2);
	assert_string_equal(f.text.data,
			    "rules.txt:3: bad port '0?[2J?'\n"
			    "rules.txt: cannot read it\n"
			    "rules.txt:9: warning: covers all of com\n");
	assert_string_equal(f.kinds.data, "ffw");
	faults_free(&f);
	assert_int_equal(f.count, 0);
}

static void clocks_go_forward(void **state)
{
	uint64_t us = base_mono_us(), ms = base_mono_ms();
	/* 2020-01-01: any machine's clock that is set at all is later. */
	int64_t wall = base_wall_ms();

	(void)state;
	assert_true(us / 1000 <= ms);
	assert_true(base_mono_us() >= us);
	assert_true(wall > 1577836800000);
}

static void times_are_formatted(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{1, "1970-01-01T00:00:00.001Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{-1000, "1969-12-31T23:59:59.000Z"},
		{951782399999, "2000-02-28T23:59:59.999Z"},
		{951782400000, "2000-02-29T00:00:00.000Z"},
		{1767323045678, "2026-01-02T03:04:05.678Z"},
		{1767323045001, "2026-01-02T03:04:05.001Z"},
		{253402300799999, "9999-12-31T23:59:59.999Z"},
	};
	char out[BASE_TIME_LEN + 1];
	size_t i;

	(void)state;
	for (i = 0; i < BASE_LEN(cases); i++) {
		int64_t back;

		base_format_time(cases[i].ms, out);
		assert_string_equal(out, cases[i].text);
		assert_true(base_parse_time(out, BASE_TIME_LEN, &back));
		assert_int_equal(back, cases[i].ms);
	}
	base_format_time(INT64_MAX, out);
	assert_int_equal(strlen(out), BASE_TIME_LEN);
	base_format_time(INT64_MIN, out);
	assert_int_equal(strlen(out), BASE_TIME_LEN);
}

static void times_are_parsed(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{"2026-12-01T18:00Z", 1796148000000},
		{"2026-12-01t18:00z", 1796148000000},
		{"2026-12-01T18:00:07Z", 1796148007000},
		{"2026-12-01T18:00:07.5Z", 1796148007500},
		{"2026-12-01T18:00:07.123456789Z", 1796148007123},
		{"2026-12-01T20:00+02:00", 1796148000000},
		{"2026-12-01T12:30:00-05:30", 1796148000000},
		{"2016-12-31T23:59:60Z", 1483228800000},
		{"2024-02-29T00:00Z", 1709164800000},
	};
	static const char *const bad[] = {
		"",
		"2026-12-01",
		"2026-12-01T18:00",
		"2026-12-01 18:00Z",
		"2026-12-01T18Z",
		"2026-13-01T18:00Z",
		"2026-00-01T18:00Z",
		"2026-11-31T18:00Z",
		"2026-02-29T18:00Z",
		"2100-02-29T18:00Z",
		"2026-12-00T18:00Z",
		"2026-12-01T24:00Z",
		"2026-12-01T18:60Z",
		"2026-12-01T18:00:61Z",
		"2026-12-01T18:00:0Z",
		"2026-12-01T18:00.5Z",
		"2026-12-01T18:00:00.Z",
		"2026-12-01T18:00Zx",
		"2026-12-01T18:00+2:00",
		"2026-12-01T18:00+24:00",
		"2026-12-01T18:00+02:60",
		"2026-12-01T18:00+02:00Z",
		"2026\r12-01T18:00Z",
		"+026-12-01T18:00Z",
		"26-12-01T18:00Z",
	};
	int64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < BASE_LEN(good); i++) {
		if (!base_parse_time(good[i].text, strlen(good[i].text), &ms))
			fail_msg("%s", good[i].text);
		assert_int_equal(ms, good[i].ms);
	}
	for (i = 0; i < BASE_LEN(bad); i++) {
		if (base_parse_time(bad[i], strlen(bad[i]), &ms))
			fail_msg("%s", bad[i]);
	}
}

struct number_case {
	const char *text;
	uint64_t value;
};

static void check_numbers(bool (*parse)(const char *, size_t, uint64_t *),
			  const struct number_case *good, size_t good_count,
			  const char *const *bad, size_t bad_count)
{
	uint64_t value;
	size_t i;

	for (i = 0; i < good_count; i++) {
		if (!parse(good[i].text, strlen(good[i].text), &value))
			fail_msg("%s", good[i].text);
		assert_int_equal(value, good[i].value);
	}
	for (i = 0; i < bad_count; i++) {
		if (parse(bad[i], strlen(bad[i]), &value))
			fail_msg("%s", bad[i]);
	}
}

static bool parse_any_uint(const char *in, size_t len, uint64_t *out)
{
	return base_parse_uint(in, len, UINT64_MAX, out);
}

static void numbers_are_parsed(void **state)
{
	static const struct number_case good[] = {
		{"0", 0},
		{"1", 1},
		{"65535", 65535},
		{"18446744073709551615", UINT64_MAX},
	};
	static const char *const bad[] = {
		"",    "-1",  "+1",  " 1",
		"1 ",  "0x1", "1e3", "01",
		"00",  "1.",  "a",   "18446744073709551616",
		"1\n", "/",   ":",   "99999999999999999999999",
	};
	uint64_t value;

	(void)state;
	check_numbers(parse_any_uint, good, BASE_LEN(good), bad, BASE_LEN(bad));
	assert_true(base_parse_uint("10", 2, 10, &value));
	assert_false(base_parse_uint("11", 2, 10, &value));
}

static void durations_are_parsed(void **state)
{
	static const struct number_case good[] = {
		{"0", 0},
		{"1ms", 1},
		{"250ms", 250},
		{"2s", 2000},
		{"10m", 600000},
		{"3h", 10800000},
		{"0s", 0},
		{"8784h", 31622400000},
		{"31622400s", 31622400000},
	};
	static const char *const bad[] = {
		"",      "1",
		"ms",    "s",
		"m",     "1d",
		"1 s",   "1S",
		"-1s",   "1.5s",
		"8785h", "01s",
		"1sm",   "99999999999999999999h",
	};

	(void)state;
	check_numbers(base_parse_duration, good, BASE_LEN(good), bad,
		      BASE_LEN(bad));
}

static void sizes_are_parsed(void **state)
{
	static const struct number_case good[] = {
		{"0", 0},           {"1", 1},
		{"1k", 1024},       {"10m", 10485760},
		{"1g", 1073741824}, {"1048576g", (uint64_t)1 << 50},
	};
	static const char *const bad[] = {
		"", "k", "1K", "1kb", "1 k", "-1k", "1048577g", "1t", "0x1k",
	};

	(void)state;
	check_numbers(base_parse_size, good, BASE_LEN(good), bad,
		      BASE_LEN(bad));
}

static void lists_are_stepped_through(void **state)
{
	const char *list = " a, bc\t,,d e ", *item;
	static const char *const items[] = {"a", "bc", "", "d e"};
	size_t i, len;

	(void)state;
	for (i = 0; i < BASE_LEN(items); i++) {
		assert_true(base_next_item(&list, &item, &len));
		assert_int_equal(len, strlen(items[i]));
		assert_memory_equal(item, items[i], len);
	}
	assert_false(base_next_item(&list, &item, &len));
	list = "";
	assert_true(base_next_item(&list, &item, &len));
	assert_int_equal(len, 0);
	assert_null(list);
}

static void files_are_written_and_read_whole(void **state)
{
	struct sbuf big = {0};
	char *data;
	size_t i, len;
	struct stat st;

	(void)state;
	for (i = 0; i < 300000; i++)
		sbuf_printf(&big, "%zu\n", i);
	assert_int_equal(base_write_file("f", "old", 3, 0600), 0);
	assert_int_equal(base_write_file("f", big.data, big.len, 0640), 0);
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(base_read_file("f", big.len, &data, &len), 0);
	assert_int_equal(len, big.len);
	assert_memory_equal(data, big.data, len + 1);
	free(data);
	assert_int_equal(base_read_file("f", big.len - 1, &data, &len), -EFBIG);
	assert_null(data);
	assert_int_equal(base_write_file("f", "", 0, 0600), 0);
	assert_int_equal(base_read_file("f", 0, &data, &len), 0);
	assert_int_equal(len, 0);
	assert_string_equal(data, "");
	free(data);
	sbuf_free(&big);
	assert_int_equal(unlink("f"), 0);
}

static void only_regular_files_are_read(void **state)
{
	char *data;
	size_t len;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(base_read_file("fifo", 10, &data, &len), -EINVAL);
	assert_int_equal(base_read_file(".", 10, &data, &len), -EINVAL);
	assert_int_equal(base_read_file("/dev/null", 10, &data, &len), -EINVAL);
	assert_int_equal(base_read_file("none", 10, &data, &len), -ENOENT);
	assert_null(data);
	assert_int_equal(unlink("fifo"), 0);
}

/* Files in /proc say that they are empty, and are not. */
static void files_that_grow_are_read_to_their_end(void **state)
{
	char *data;
	size_t len;

	(void)state;
	if (access("/proc/self/status", R_OK) != 0) {
		print_message("skipped: there is no /proc here\n");
		skip();
	}
	assert_int_equal(
		base_read_file("/proc/self/status", 1 << 20, &data, &len), 0);
	assert_true(len > 100);
	assert_int_equal(strlen(data), len);
	free(data);
	assert_int_equal(base_read_file("/proc/self/status", 10, &data, &len),
			 -EFBIG);
}

static void failed_writes_leave_nothing(void **state)
{
	(void)state;
	assert_int_equal(base_write_file("no/f", "x", 1, 0600), -ENOENT);
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(base_write_file("d", "x", 1, 0600), -EISDIR);
	assert_int_equal(rmdir("d"), 0);
	/* folder_remove() fails if a temporary file is left. */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sbuf_grows_and_stays_terminated),
		cmocka_unit_test(sbuf_printf_needs_no_room_beforehand),
		cmocka_unit_test(sbuf_says_when_memory_is_out),
		cmocka_unit_test(numbers_are_formatted),
		cmocka_unit_test(sbuf_json_escapes_every_other_byte),
		cmocka_unit_test(faults_are_lines_and_warnings_do_not_count),
		cmocka_unit_test(clocks_go_forward),
		cmocka_unit_test(times_are_formatted),
		cmocka_unit_test(times_are_parsed),
		cmocka_unit_test(numbers_are_parsed),
		cmocka_unit_test(durations_are_parsed),
		cmocka_unit_test(sizes_are_parsed),
		cmocka_unit_test(lists_are_stepped_through),
		cmocka_unit_test(files_are_written_and_read_whole),
		cmocka_unit_test(only_regular_files_are_read),
		cmocka_unit_test(files_that_grow_are_read_to_their_end),
		cmocka_unit_test(failed_writes_leave_nothing),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
