/* SPDX-License-Identifier: MIT */
/* limits.c - memory, processors and processes: cgroup v2, or rlimits */
/*
 * With a delegated cgroup the kernel keeps all limits for the sandbox as a
 * whole.  Without one: memory is watched by init, which kills the largest
 * process when the sum is over the limit, and RLIMIT_DATA bounds a single
 * process; --cpus becomes a set of that many processors, rounded up, that
 * the filter does not let the command change; --pids is RLIMIT_NPROC, which
 * counts in the sandbox's own user namespace, but never for root.
 */
#include "limits.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util.h"

#define LIMITS_CPU_PERIOD_US 100000
/* Dead processes leave a cgroup a moment after they were reaped. */
#define LIMITS_REMOVE_TRIES 100
#define LIMITS_REMOVE_WAIT_US 2000

static const char *const limits_mounts[] = {"/sys/fs/cgroup",
					    "/sys/fs/cgroup/unified"};

char *limits_cgroup_own(const char *text, const char *mount)
{
	const char *line;

	/* The line of the unified hierarchy: `0::/path`. */
	for (line = text; line; line = strchr(line, '\n')) {
		size_t len;

		line += *line == '\n';
		if (strncmp(line, "0::/", 4) != 0)
			continue;
		line += 3;
		len = strcspn(line, "\n");
		if (len == 1)
			return util_format("%s", mount);
		return util_format("%s%.*s", mount, (int)len, line);
	}
	return NULL;
}

static int limits_write(const char *folder, const char *file, const char *text)
{
	char *path = util_format("%s/%s", folder, file);
	int result = util_write_file(path, text);

	free(path);
	return result;
}

static int limits_write_number(const char *folder, const char *file,
			       uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	return limits_write(folder, file, text);
}

static int limits_write_all(const char *folder, const struct limits_ask *ask)
{
	char cpu[64];

	if (ask->memory_bytes &&
	    limits_write_number(folder, "memory.max", ask->memory_bytes))
		return -1;
	/* Without a swap controller there is nothing to shut. */
	if (ask->memory_bytes && limits_write(folder, "memory.swap.max", "0") &&
	    errno != ENOENT)
		return -1;
	if (ask->pids && limits_write_number(folder, "pids.max", ask->pids))
		return -1;
	if (ask->cpu_milli) {
		snprintf(cpu, sizeof(cpu), "%" PRIu64 " %d",
			 ask->cpu_milli * LIMITS_CPU_PERIOD_US / 1000,
			 LIMITS_CPU_PERIOD_US);
		if (limits_write(folder, "cpu.max", cpu))
			return -1;
	}
	return 0;
}

char *limits_cgroup_create(const char *parent, const char *name,
			   const struct limits_ask *ask)
{
	char *folder;

	/* May fail: enabled already, or processes are in the parent. */
	limits_write(parent, "cgroup.subtree_control", "+memory");
	limits_write(parent, "cgroup.subtree_control", "+cpu");
	limits_write(parent, "cgroup.subtree_control", "+pids");
	folder = util_format("%s/%s", parent, name);
	if (mkdir(folder, 0755)) {
		free(folder);
		return NULL;
	}
	if (limits_write_all(folder, ask)) {
		rmdir(folder);
		free(folder);
		return NULL;
	}
	return folder;
}

static uint64_t limits_read_number(const char *folder, const char *file)
{
	char *path = util_format("%s/%s", folder, file);
	char text[64];
	uint64_t number = 0;

	if (util_read_file(path, text, sizeof(text)) > 0)
		number = strtoull(text, NULL, 10);
	free(path);
	return number;
}

/* A value of a file with lines `key value`. */
static uint64_t limits_read_key(const char *folder, const char *file,
				const char *key)
{
	char *path = util_format("%s/%s", folder, file);
	size_t len = strlen(key);
	uint64_t number = 0;
	const char *line;
	char text[4096];

	util_read_file(path, text, sizeof(text));
	free(path);
	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == ' ') {
			number = strtoull(line + len + 1, NULL, 10);
			break;
		}
	}
	return number;
}

void limits_cgroup_measure(const char *folder, struct limits_usage *usage)
{
	usage->peak_bytes = limits_read_number(folder, "memory.peak");
	usage->cpu_ms =
		limits_read_key(folder, "cpu.stat", "usage_usec") / 1000;
	usage->oom_killed =
		limits_read_key(folder, "memory.events", "oom_kill") > 0;
}

int limits_cgroup_remove(const char *folder)
{
	int tries;

	limits_write(folder, "cgroup.kill", "1");
	for (tries = 0; tries < LIMITS_REMOVE_TRIES; tries++) {
		if (rmdir(folder) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			return -1;
		usleep(LIMITS_REMOVE_WAIT_US);
	}
	return -1;
}

/* A child of our own cgroup, or beside it where that one has processes. */
static char *limits_find_cgroup(const struct limits_ask *ask)
{
	char text[4096];
	char name[64];
	char *created = NULL;
	size_t i;

	if (util_read_file("/proc/self/cgroup", text, sizeof(text)) <= 0)
		return NULL;
	snprintf(name, sizeof(name), "pen-jail-%d", getpid());
	for (i = 0; !created && i < sizeof(limits_mounts) / sizeof(char *);
	     i++) {
		struct statfs status;
		char *own, *slash;

		if (statfs(limits_mounts[i], &status) ||
		    status.f_type != CGROUP2_SUPER_MAGIC)
			continue;
		own = limits_cgroup_own(text, limits_mounts[i]);
		if (!own)
			continue;
		created = limits_cgroup_create(own, name, ask);
		slash = strrchr(own, '/');
		if (!created && strcmp(own, limits_mounts[i]) != 0) {
			*slash = '\0';
			created = limits_cgroup_create(own, name, ask);
		}
		free(own);
	}
	return created;
}

int limits_open(struct limits *limits, const struct limits_ask *ask, bool root)
{
	limits->ask = *ask;
	limits->cgroup = NULL;
	if (ask->memory_bytes || ask->cpu_milli || ask->pids)
		limits->cgroup = limits_find_cgroup(ask);
	if (!limits->cgroup && ask->pids && root) {
		util_report("--pids cannot be kept: there is no delegated "
			    "cgroup v2 here, and the kernel does not count "
			    "root's processes; run as an ordinary user");
		return -1;
	}
	return 0;
}

static int limits_pin(uint64_t cpu_milli)
{
	cpu_set_t have, want;
	uint64_t left = (cpu_milli + 999) / 1000;
	size_t cpu;

	if (sched_getaffinity(0, sizeof(have), &have))
		return -1;
	CPU_ZERO(&want);
	for (cpu = 0; left > 0 && cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &have))
			continue;
		CPU_SET(cpu, &want);
		left--;
	}
	return sched_setaffinity(0, sizeof(want), &want);
}

int limits_enter(const struct limits *limits)
{
	if (limits->cgroup)
		return limits_write(limits->cgroup, "cgroup.procs", "0");
	if (limits->ask.cpu_milli)
		return limits_pin(limits->ask.cpu_milli);
	return 0;
}

bool limits_measure(const struct limits *limits, struct limits_usage *usage)
{
	memset(usage, 0, sizeof(*usage));
	if (!limits->cgroup)
		return false;
	limits_cgroup_measure(limits->cgroup, usage);
	return true;
}

void limits_close(struct limits *limits)
{
	if (limits->cgroup && limits_cgroup_remove(limits->cgroup))
		util_report("cannot remove %s: %s", limits->cgroup,
			    strerror(errno));
	free(limits->cgroup);
	limits->cgroup = NULL;
}

const char *limits_name(const struct limits *limits)
{
	if (limits->cgroup)
		return "cgroup2";
	if (limits->ask.memory_bytes || limits->ask.cpu_milli ||
	    limits->ask.pids)
		return "rlimit";
	return "none";
}
