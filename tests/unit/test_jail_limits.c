/* SPDX-License-Identifier: MIT */
/* test_jail_limits.c - cgroups, on a folder that looks like one */
#include "jail/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jail/util.h"
#include "row.h"

static char folder[] = "/tmp/pen-test-limits.XXXXXX";

static void put(const char *file, const char *text)
{
	char *path = util_format("%s/%s", folder, file);

	assert_int_equal(util_replace_file(path, text), 0);
	free(path);
}

static void drop(const char *file)
{
	char *path = util_format("%s/%s", folder, file);

	unlink(path);
	free(path);
}

static void check_content(const char *file, const char *text)
{
	char *path = util_format("%s/%s", folder, file);
	char got[128];

	util_read_file(path, got, sizeof(got));
	assert_string_equal(got, text);
	free(path);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(folder);
}

static void test_own_cgroup(void **state)
{
	static const struct {
		const char *text;
		const char *result;
	} rows[] = {
		{"0::/\n", "/cg"},
		{"0::/user.slice/a.scope\n", "/cg/user.slice/a.scope"},
		{"12:pids:/x\n1:name=systemd:/y\n0::/z\n", "/cg/z"},
		{"0::/z", "/cg/z"},
		{"12:pids:/x\n", NULL},
		{"10::/x\n", NULL},
		{"", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(rows); i++) {
		char *got = limits_cgroup_own(rows[i].text, "/cg");
		bool same = rows[i].result
				    ? got && strcmp(got, rows[i].result) == 0
				    : !got;

		row_check(same, i, rows[i].text, strlen(rows[i].text),
			  got ? got : "(none)");
		free(got);
	}
}

/* A folder whose files do not come by themselves is no cgroup. */
static void test_create_without_controllers(void **state)
{
	struct limits_ask ask = {.memory_bytes = 1 << 20};
	char *child = util_format("%s/child", folder);

	(void)state;
	assert_null(limits_cgroup_create(folder, "child", &ask));
	assert_int_equal(access(child, F_OK), -1);
	free(child);
}

static void test_create_in_no_folder(void **state)
{
	struct limits_ask ask = {.pids = 5};

	(void)state;
	assert_null(limits_cgroup_create("/nonexistent", "child", &ask));
}

static void test_create_and_remove(void **state)
{
	struct limits_ask ask = {.memory_bytes = 0};
	char *child;

	(void)state;
	put("cgroup.subtree_control", "");
	child = limits_cgroup_create(folder, "child", &ask);
	assert_non_null(child);
	/* A plain file keeps the tail of what was written before. */
	check_content("cgroup.subtree_control", "+pidsry");
	drop("cgroup.subtree_control");
	/* Twice: the second finds nothing, which is as good. */
	assert_int_equal(limits_cgroup_remove(child), 0);
	assert_int_equal(limits_cgroup_remove(child), 0);
	free(child);
}

static void test_measure(void **state)
{
	struct limits_usage usage;

	(void)state;
	put("memory.peak", "123456789\n");
	put("cpu.stat", "nr_periods 5\nusage_usec 2500999\nuser_usec 1\n");
	put("memory.events", "low 0\noom 9\noom_kill 1\noom_group_kill 0\n");
	limits_cgroup_measure(folder, &usage);
	assert_int_equal(usage.peak_bytes, 123456789);
	assert_int_equal(usage.cpu_ms, 2500);
	assert_true(usage.oom_killed);
	/* "oom" alone is a failed allocation, and no key is a prefix. */
	put("memory.events", "oom 9\noom_kill 0\noom_kill_more 3\n");
	limits_cgroup_measure(folder, &usage);
	assert_false(usage.oom_killed);
	drop("memory.peak");
	drop("cpu.stat");
	drop("memory.events");
	limits_cgroup_measure(folder, &usage);
	assert_int_equal(usage.peak_bytes, 0);
	assert_int_equal(usage.cpu_ms, 0);
	assert_false(usage.oom_killed);
}

static void test_enter(void **state)
{
	struct limits limits = {.cgroup = folder};

	(void)state;
	put("cgroup.procs", "");
	assert_int_equal(limits_enter(&limits), 0);
	check_content("cgroup.procs", "0");
	drop("cgroup.procs");
	assert_int_equal(limits_enter(&limits), -1);
	assert_string_equal(limits_name(&limits), "cgroup2");
}

static void test_root_has_no_rlimit_for_processes(void **state)
{
	struct limits_ask none = {.pids = 0};
	struct limits limits;

	(void)state;
	assert_int_equal(limits_open(&limits, &none, true), 0);
	assert_string_equal(limits_name(&limits), "none");
	limits_close(&limits);
	limits.ask.memory_bytes = 1;
	assert_string_equal(limits_name(&limits), "rlimit");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_cgroup),
		cmocka_unit_test(test_create_without_controllers),
		cmocka_unit_test(test_create_in_no_folder),
		cmocka_unit_test(test_create_and_remove),
		cmocka_unit_test(test_measure),
		cmocka_unit_test(test_enter),
		cmocka_unit_test(test_root_has_no_rlimit_for_processes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
