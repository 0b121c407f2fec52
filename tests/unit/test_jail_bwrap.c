/* SPDX-License-Identifier: MIT */
/* test_jail_bwrap.c - the arguments of bubblewrap, and what they come from */
#include "jail/bwrap.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jail/env.h"
#include "jail/hostetc.h"
#include "jail/options.h"
#include "jail/paths.h"
#include "jail/procs.h"
#include "jail/stage.h"
#include "jail/stats.h"
#include "jail/util.h"
#include "row.h"

static char home[] = "/home/u", project[] = "/home/u/p", source[] = "/srv/s";
static char target[] = "/data", resolv[] = "/run/systemd/resolv.conf";
static char hosts[] = "/etc/hosts";
static char link_target[] = "usr/bin", usr[] = "/disk/usr";

/* Where these arguments stand in a row, or -1. */
static int find(const struct bwrap_argv *argv, const char *const *words)
{
	size_t i, k;

	for (i = 0; i < argv->count; i++) {
		for (k = 0; words[k] && i + k < argv->count; k++)
			if (strcmp(argv->strings[i + k], words[k]) != 0)
				break;
		if (!words[k])
			return (int)i;
	}
	return -1;
}

#define FIND(argv, ...) find(argv, (const char *const[]){__VA_ARGS__, NULL})

/* Where a source is bound, by way of its place on the stage; or -1. */
static int find_bind(const struct bwrap_argv *argv, const char *option,
		     const char *path, const char *to)
{
	char place[64];
	size_t i;

	for (i = 0; i < argv->source_count; i++) {
		snprintf(place, sizeof(place), STAGE_FOLDER "/%zu", i);
		if (strcmp(argv->sources[i], path) == 0 &&
		    FIND(argv, option, place, to) >= 0)
			return FIND(argv, option, place, to);
	}
	return -1;
}

static void build(struct bwrap_argv *argv, struct options *options)
{
	static struct hostetc etc;
	static struct paths paths;
	struct bwrap_plan plan = {
		.program = "/usr/bin/bwrap",
		.self = "/opt/pen-jail",
		.uid = 1000,
		.gid = 100,
		.options = options,
		.paths = &paths,
		.etc = &etc,
		.systems = {{"/usr", NULL, usr}, {"/bin", link_target, NULL}},
		.system_count = 2,
		.filters = {20, 21},
		.resolv_fd = 22,
		.hosts_fd = 23,
		.init_fd = 24,
	};

	etc.resolv = resolv;
	etc.hosts = hosts;
	paths.inside = home;
	paths.project = project;
	paths.sources[0] = source;
	paths.targets[0] = target;
	bwrap_build(&plan, argv);
}

static void test_order(void **state)
{
	static struct options options;
	struct bwrap_argv argv;
	int user, system, sys, tmp, run, tmphome, resolv_at, bind, root;

	(void)state;
	build(&argv, &options);
	user = FIND(&argv, "--unshare-user", "--unshare-pid", "--unshare-ipc");
	system = find_bind(&argv, "--ro-bind", usr, "/usr");
	sys = FIND(&argv, "--ro-bind-try", "/proc/sys", "/proc/sys");
	tmp = FIND(&argv, "--tmpfs", "/tmp");
	run = FIND(&argv, "--tmpfs", "/run");
	tmphome = FIND(&argv, "--tmpfs", home);
	resolv_at = FIND(&argv, "--ro-bind-data", "22", resolv);
	bind = find_bind(&argv, "--bind", project, project);
	root = FIND(&argv, "--remount-ro", "/");
	assert_true(user > 0 && system > user);
	assert_true(FIND(&argv, "--proc", "/proc") < sys);
	/* A project in /tmp or in the home lies on top of these. */
	assert_true(tmp > 0 && bind > tmp && bind > tmphome);
	assert_true(run > 0 && resolv_at > run);
	assert_true(find_bind(&argv, "--ro-bind", "/opt/pen-jail",
			      BWRAP_INIT_PATH) > run);
	assert_true(root > bind);
	assert_true(FIND(&argv, "--symlink", "usr/bin", "/bin") > 0);
	assert_true(FIND(&argv, "--uid", "1000", "--gid", "100") > 0);
	assert_true(FIND(&argv, "--cap-drop", "ALL") > 0);
	assert_true(FIND(&argv, "--die-with-parent") > 0);
	assert_true(FIND(&argv, "--add-seccomp-fd", "20", "--add-seccomp-fd",
			 "21") > 0);
	assert_int_equal(FIND(&argv, "--unshare-net"), -1);
	assert_int_equal(FIND(&argv, "--size"), -1);
	assert_int_equal(FIND(&argv, "--", BWRAP_INIT_PATH, "init", "24"),
			 (int)argv.count - 4);
	assert_null(argv.strings[argv.count]);
	bwrap_argv_fini(&argv);
}

static void test_mounts_and_limits(void **state)
{
	static struct options options;
	struct bwrap_argv argv;

	(void)state;
	options.read_only = true;
	options.memory_bytes = 4096;
	options.mount_count = 1;
	build(&argv, &options);
	assert_true(find_bind(&argv, "--ro-bind", project, project) > 0);
	assert_true(find_bind(&argv, "--bind", source, target) >
		    find_bind(&argv, "--ro-bind", project, project));
	assert_true(FIND(&argv, "--size", "4096", "--perms", "1777", "--tmpfs",
			 "/tmp") > 0);
	bwrap_argv_fini(&argv);
	options.mounts[0].readonly = true;
	build(&argv, &options);
	assert_true(find_bind(&argv, "--ro-bind", source, target) > 0);
	bwrap_argv_fini(&argv);
}

static void test_env(void **state)
{
	char *host[] = {(char[]){"TERM=x"},   (char[]){"LC_ALL=C"},
			(char[]){"SECRET=1"}, (char[]){"LD_PRELOAD=/x"},
			(char[]){"TZ=UTC"},   (char[]){"PATH=/evil"},
			(char[]){"LC_X"},     NULL};
	struct env env;
	size_t i, seen = 0;

	(void)state;
	env_build(&env, "/h", "me", host, false);
	env_set(&env, "TERM=y");
	env_set(&env, "TERMX=z");
	for (i = 0; i < env.count; i++) {
		const char *s = env.strings[i];

		assert_null(strstr(s, "proxy"));
		assert_null(strstr(s, "SECRET"));
		assert_null(strstr(s, "evil"));
		assert_null(strstr(s, "LD_"));
		assert_string_not_equal(s, "TERM=x");
		assert_string_not_equal(s, "LC_X");
		seen += !strcmp(s, "TERM=y") || !strcmp(s, "TZ=UTC") ||
			!strcmp(s, "LC_ALL=C") || !strcmp(s, "HOME=/h") ||
			!strcmp(s, "USER=me") || !strcmp(s, "PEN_SANDBOX=1");
	}
	assert_int_equal(seen, 6);
	assert_null(env.strings[env.count]);
	env_fini(&env);
}

static void test_stats(void **state)
{
	struct stats stats = {
		.duration_ms = 12,
		.setup_ms = 3,
		.exit_code = 137,
		.signal = 9,
		.oom_killed = true,
		.peak_memory_bytes = 5000000000,
		.limits = "rlimit",
		.stdout_bytes = 7,
	};
	char *text = stats_format(&stats);

	(void)state;
	assert_string_equal(
		text,
		"{\"duration_ms\":12,\"setup_ms\":3,\"exit_code\":137,"
		"\"signal\":9,\"timed_out\":false,\"oom_killed\":true,"
		"\"peak_memory_bytes\":5000000000,\"cpu_ms\":0,"
		"\"limits\":\"rlimit\",\"capture\":false,\"stdout_bytes\":7,"
		"\"stderr_bytes\":0}\n");
	free(text);
	stats.signal = 0;
	text = stats_format(&stats);
	assert_non_null(strstr(text, "\"signal\":null"));
	free(text);
}

static void test_stat_lines(void **state)
{
	static const struct {
		const char *text;
		bool good;
		pid_t parent;
		bool zombie;
	} rows[] = {
		{"5 (sh) S 4 5 5 0", true, 4, false},
		{"5 (sh) Z 4 5 5 0", true, 4, true},
		{"5 (a) b) R 1 (x) S 77 1", true, 77, false},
		{"5 (a\nb) R 12 3", true, 12, false},
		{"5 (a) R 1", false, 0, false},
		{"5 (a) R -1 2", false, 0, false},
		{"5 (a) R 99999999999999 2", false, 0, false},
		{"5 (a)R 1 2", false, 0, false},
		{"5 (a) ", false, 0, false},
		{"5 (a)", false, 0, false},
		{"5 a", false, 0, false},
		{"", false, 0, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(rows); i++) {
		struct procs_entry entry = {0};
		size_t len = strlen(rows[i].text);
		bool good = procs_parse_stat(rows[i].text, &entry);

		row_check(good == rows[i].good, i, rows[i].text, len,
			  "verdict");
		row_check(!good || entry.parent == rows[i].parent, i,
			  rows[i].text, len, "parent");
		row_check(!good || entry.zombie == rows[i].zombie, i,
			  rows[i].text, len, "state");
	}
}

static void test_descendants(void **state)
{
	struct procs_entry entries[] = {
		{9, 8, false, false}, {8, 7, false, false},
		{7, 1, false, false}, {6, 1, false, false},
		{5, 7, true, false},  {1, 0, false, false},
	};
	struct procs procs = {entries, ROW_COUNT(entries)};

	(void)state;
	assert_int_equal(procs_mark_descendants(&procs, 7), 2);
	assert_true(entries[0].marked && entries[1].marked &&
		    entries[4].marked);
	assert_false(entries[2].marked || entries[3].marked ||
		     entries[5].marked);
}

static int put_away(const char *path, const struct stat *st, int kind,
		    struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

static void test_hostetc(void **state)
{
	char folder[] = "/tmp/pen-test-etc.XXXXXX";
	char *link;
	struct hostetc etc;

	(void)state;
	assert_non_null(mkdtemp(folder));
	link = util_format("%s/resolv.conf", folder);
	assert_int_equal(symlink("/nowhere/stub.conf", link), 0);
	free(link);
	hostetc_inspect(&etc, folder);
	assert_string_equal(etc.resolv, "/nowhere/stub.conf");
	assert_null(etc.hosts);
	hostetc_fini(&etc);
	assert_int_equal(nftw(folder, put_away, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void test_stage_open(void **state)
{
	char folder[] = "/tmp/pen-test-stage.XXXXXX";
	char *real, *link, *inner, *through;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	real = util_format("%s/real", folder);
	inner = util_format("%s/inner", real);
	link = util_format("%s/link", folder);
	through = util_format("%s/inner", link);
	assert_int_equal(mkdir(real, 0700) || mkdir(inner, 0700), 0);
	assert_int_equal(symlink("real", link), 0);
	fd = stage_open(inner);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(stage_open(link), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(stage_open(through), -1);
	assert_int_equal(errno, ELOOP);
	free(real);
	free(inner);
	free(link);
	free(through);
	assert_int_equal(nftw(folder, put_away, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_mounts_and_limits),
		cmocka_unit_test(test_env),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_stat_lines),
		cmocka_unit_test(test_descendants),
		cmocka_unit_test(test_hostetc),
		cmocka_unit_test(test_stage_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
