/* SPDX-License-Identifier: MIT */
/* bwrap.c - the file system of a sandbox, as arguments of bubblewrap */
#include "bwrap.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostetc.h"
#include "paths.h"
#include "stage.h"
#include "util.h"

static const char *const bwrap_programs[] = {
	"/usr/bin/bwrap",
	"/usr/local/bin/bwrap",
	"/bin/bwrap",
	"/run/current-system/sw/bin/bwrap",
};

/* The host's system folders: seen read-only, if they exist. */
static const char *const bwrap_systems[] = {
	"/usr",   "/bin",    "/sbin", "/lib", "/lib32",
	"/lib64", "/libx32", "/etc",  "/opt", "/nix/store",
};

/*
 * Writable by root's user ID without any capability: /proc/sys holds
 * kernel.core_pattern, a program that the kernel runs as the host's root.
 */
static const char *const bwrap_shut[] = {
	"/proc/sys",  "/proc/sysrq-trigger", "/proc/mtrr",
	"/proc/acpi", "/proc/scsi",          "/proc/fs",
};

const char *bwrap_find(void)
{
	size_t i;

	for (i = 0; i < sizeof(bwrap_programs) / sizeof(char *); i++)
		if (access(bwrap_programs[i], X_OK) == 0)
			return bwrap_programs[i];
	return NULL;
}

void bwrap_find_systems(struct bwrap_plan *plan)
{
	char target[PATH_MAX];
	struct stat status;
	size_t i;

	for (i = 0; i < sizeof(bwrap_systems) / sizeof(char *); i++) {
		struct bwrap_system *s = &plan->systems[plan->system_count];
		ssize_t len;

		if (lstat(bwrap_systems[i], &status))
			continue;
		s->path = bwrap_systems[i];
		s->link = NULL;
		s->real = NULL;
		if (S_ISLNK(status.st_mode)) {
			len = readlink(s->path, target, sizeof(target) - 1);
			if (len <= 0)
				continue;
			target[len] = '\0';
			s->link = util_format("%s", target);
		} else {
			s->real = realpath(s->path, NULL);
			if (!s->real || !S_ISDIR(status.st_mode)) {
				free(s->real);
				continue;
			}
		}
		plan->system_count++;
	}
}

void bwrap_plan_fini(struct bwrap_plan *plan)
{
	while (plan->system_count > 0) {
		free(plan->systems[--plan->system_count].link);
		free(plan->systems[plan->system_count].real);
	}
}

static void bwrap_add_one(struct bwrap_argv *argv, char *string)
{
	if (argv->count + 2 > argv->cap) {
		size_t cap = argv->cap ? argv->cap * 2 : 128;
		char **grown = util_allocate(cap, sizeof(*grown));

		if (argv->count > 0)
			memcpy(grown, argv->strings,
			       argv->count * sizeof(*grown));
		free(argv->strings);
		argv->strings = grown;
		argv->cap = cap;
	}
	argv->strings[argv->count++] = string;
}

/* Copies of the strings up to NULL. */
static void bwrap_add(struct bwrap_argv *argv, ...) __attribute__((sentinel));

static void bwrap_add(struct bwrap_argv *argv, ...)
{
	const char *string;
	va_list list;

	va_start(list, argv);
	while ((string = va_arg(list, const char *)))
		bwrap_add_one(argv, util_format("%s", string));
	va_end(list);
}

static void bwrap_add_number(struct bwrap_argv *argv, const char *option,
			     uint64_t number)
{
	bwrap_add(argv, option, NULL);
	bwrap_add_one(argv, util_format("%" PRIu64, number));
}

/* Show something of the host, by way of the stage. */
static void bwrap_add_bind(struct bwrap_argv *argv, bool readonly,
			   const char *source, const char *target)
{
	bwrap_add(argv, readonly ? "--ro-bind" : "--bind", NULL);
	bwrap_add_one(argv,
		      util_format(STAGE_FOLDER "/%zu", argv->source_count));
	bwrap_add(argv, target, NULL);
	argv->sources[argv->source_count++] = source;
}

/* A tmpfs counts as memory: under a limit it may not grow past it. */
static void bwrap_add_tmpfs(struct bwrap_argv *argv,
			    const struct bwrap_plan *plan, const char *mode,
			    const char *path)
{
	if (plan->options->memory_bytes)
		bwrap_add_number(argv, "--size", plan->options->memory_bytes);
	bwrap_add(argv, "--perms", mode, "--tmpfs", path, NULL);
}

static void bwrap_add_data(struct bwrap_argv *argv, int fd, const char *path)
{
	if (!path)
		return;
	bwrap_add(argv, "--perms", "0644", NULL);
	bwrap_add_number(argv, "--ro-bind-data", (uint64_t)fd);
	bwrap_add(argv, path, NULL);
}

static void bwrap_add_namespaces(struct bwrap_argv *argv,
				 const struct bwrap_plan *plan)
{
	size_t i;

	bwrap_add(argv, plan->program, "--unshare-user", "--unshare-pid",
		  "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
		  NULL);
	bwrap_add_number(argv, "--uid", plan->uid);
	bwrap_add_number(argv, "--gid", plan->gid);
	bwrap_add(argv, "--hostname", "pen", "--die-with-parent", "--as-pid-1",
		  "--cap-drop", "ALL", NULL);
	for (i = 0; i < FILTER_COUNT; i++)
		bwrap_add_number(argv, "--add-seccomp-fd",
				 (uint64_t)plan->filters[i]);
}

static void bwrap_add_systems(struct bwrap_argv *argv,
			      const struct bwrap_plan *plan)
{
	size_t i;

	for (i = 0; i < plan->system_count; i++) {
		const struct bwrap_system *s = &plan->systems[i];

		if (s->link)
			bwrap_add(argv, "--symlink", s->link, s->path, NULL);
		else
			bwrap_add_bind(argv, true, s->real, s->path);
	}
}

/* Folders of the sandbox's own; the project and mounts go on top of them. */
static void bwrap_add_private(struct bwrap_argv *argv,
			      const struct bwrap_plan *plan)
{
	size_t i;

	bwrap_add(argv, "--proc", "/proc", NULL);
	for (i = 0; i < sizeof(bwrap_shut) / sizeof(char *); i++)
		bwrap_add(argv, "--ro-bind-try", bwrap_shut[i], bwrap_shut[i],
			  NULL);
	bwrap_add(argv, "--dev", "/dev", NULL);
	bwrap_add_tmpfs(argv, plan, "1777", "/dev/shm");
	bwrap_add(argv, "--remount-ro", "/dev", NULL);
	bwrap_add_tmpfs(argv, plan, "1777", "/tmp");
	bwrap_add_tmpfs(argv, plan, "1777", "/var/tmp");
	bwrap_add(argv, "--symlink", "../run", "/var/run", NULL);
	bwrap_add_tmpfs(argv, plan, "0755", "/run");
	bwrap_add_bind(argv, true, plan->self, BWRAP_INIT_PATH);
	bwrap_add_tmpfs(argv, plan, "0700", plan->paths->inside);
	/* After /run: with systemd-resolved the real file is there. */
	bwrap_add_data(argv, plan->resolv_fd, plan->etc->resolv);
	bwrap_add_data(argv, plan->hosts_fd, plan->etc->hosts);
}

static void bwrap_add_given(struct bwrap_argv *argv,
			    const struct bwrap_plan *plan)
{
	const struct options *options = plan->options;
	const struct paths *paths = plan->paths;
	size_t i;

	bwrap_add_bind(argv, options->read_only, paths->project,
		       paths->project);
	for (i = 0; i < options->mount_count; i++)
		bwrap_add_bind(argv, options->mounts[i].readonly,
			       paths->sources[i], paths->targets[i]);
}

void bwrap_build(const struct bwrap_plan *plan, struct bwrap_argv *argv)
{
	memset(argv, 0, sizeof(*argv));
	bwrap_add_namespaces(argv, plan);
	bwrap_add_systems(argv, plan);
	bwrap_add_private(argv, plan);
	bwrap_add_given(argv, plan);
	/* Last: mount points are made in the root until then. */
	bwrap_add(argv, "--remount-ro", "/", "--chdir", "/", "--",
		  BWRAP_INIT_PATH, NULL);
	bwrap_add_number(argv, "init", (uint64_t)plan->init_fd);
	argv->strings[argv->count] = NULL;
}

void bwrap_argv_fini(struct bwrap_argv *argv)
{
	while (argv->count > 0)
		free(argv->strings[--argv->count]);
	free(argv->strings);
	memset(argv, 0, sizeof(*argv));
}
