/* SPDX-License-Identifier: MIT */
/* test_jail_paths.c - what may be given to a sandbox, by its path alone */
#include "jail/paths.h"

#include <stdlib.h>

#include "jail/util.h"
#include "row.h"

#define HOME "/home/u"
#define STATE "/home/u/.pen"

static void test_normalise(void **state)
{
	static const struct {
		const char *text;
		const char *result;
	} rows[] = {
		{"/", "/"},
		{"//", "/"},
		{"/.", "/"},
		{"/a", "/a"},
		{"/a/", "/a"},
		{"//a///b//", "/a/b"},
		{"/./a/./b/.", "/a/b"},
		{"/a/..b", "/a/..b"},
		{"/...", "/..."},
		{"/..", NULL},
		{"/a/../b", NULL},
		{"a", NULL},
		{"", NULL},
		{"./a", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(rows); i++) {
		char *got = paths_normalise(rows[i].text);
		bool same = rows[i].result
				    ? got && strcmp(got, rows[i].result) == 0
				    : !got;

		row_check(same, i, rows[i].text, strlen(rows[i].text),
			  got ? got : "(none)");
		free(got);
	}
}

static void test_sources(void **state)
{
	static const struct {
		const char *path;
		bool good;
	} rows[] = {
		{"/home/u/project", true},
		{"/home/u/.penguin", true},
		{"/home/user2", true},
		{"/srv/data", true},
		{"/opt/tool", true},
		{"/etc/ssl", true},
		{"/var/lib/x", true},
		{"/run/mine", true},
		{"/", false},
		{"/home", false},
		{"/home/u", false},
		{"/home/u/.pen", false},
		{"/home/u/.pen/sandboxes/x/run", false},
		{"/usr", false},
		{"/etc", false},
		{"/opt", false},
		{"/proc", false},
		{"/proc/1", false},
		{"/sys/fs/cgroup", false},
		{"/dev/shm", false},
		{"/run", false},
		{"/run/docker.sock", false},
		{"/var/run", false},
		{"/var", false},
		{"/run/user", false},
		{"/run/user/1000", false},
		{"/run/user/1000/podman", false},
		{"/run/systemd/private", false},
		{"/run/containerd/s", false},
		{"/run/users", true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(rows); i++)
		row_check(!paths_explain_source(rows[i].path, HOME, STATE) ==
				  rows[i].good,
			  i, rows[i].path, strlen(rows[i].path), "verdict");
}

static void test_targets(void **state)
{
	static const struct {
		const char *path;
		bool good;
	} rows[] = {
		{"/data", true},
		{"/usr/local/x", true},
		{"/home/u/x", true},
		{"/runtime", true},
		{"/", false},
		{"/proc", false},
		{"/proc/sys", false},
		{"/dev/x", false},
		{"/run", false},
		{"/run/pen", false},
		{"/run/pen/jail", false},
		{"/sys", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(rows); i++)
		row_check(!paths_explain_target(rows[i].path) == rows[i].good,
			  i, rows[i].path, strlen(rows[i].path), "verdict");
}

static void test_holds(void **state)
{
	(void)state;
	assert_true(util_path_holds("/", "/a"));
	assert_true(util_path_holds("/a", "/a"));
	assert_true(util_path_holds("/a", "/a/b"));
	assert_false(util_path_holds("/a", "/ab"));
	assert_false(util_path_holds("/a/b", "/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normalise),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
