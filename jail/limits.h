/* SPDX-License-Identifier: MIT */
/* limits.h - memory, processors and processes: cgroup v2, or rlimits */
#ifndef PEN_JAIL_LIMITS_H
#define PEN_JAIL_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct limits_ask - What is wanted; 0 means no limit
 */
struct limits_ask {
	uint64_t memory_bytes;
	uint64_t cpu_milli;
	uint64_t pids;
};

/**
 * struct limits - How the limits of one sandbox are kept
 * @ask:    what is wanted
 * @cgroup: folder of the sandbox's own cgroup, owned; NULL: rlimits
 */
struct limits {
	struct limits_ask ask;
	char *cgroup;
};

/**
 * struct limits_usage - What a cgroup counted
 */
struct limits_usage {
	uint64_t peak_bytes;
	uint64_t cpu_ms;
	bool oom_killed;
};

/**
 * limits_open() - Make a cgroup if one is delegated to this user
 * @limits: filled; limits_close() it
 * @ask:    what is wanted
 * @root:   the caller is root
 *
 * Return: 0, or -1 after a line on standard error: neither way can keep what
 * is asked for.
 */
int limits_open(struct limits *limits, const struct limits_ask *ask, bool root);

/**
 * limits_enter() - Put this process, and what it starts, under the limits
 * @limits: from limits_open()
 *
 * With rlimits only the set of processors is set here; the rest is init's.
 *
 * Return: 0, or -1 with errno.
 */
int limits_enter(const struct limits *limits);

/**
 * limits_measure() - What did the sandbox use?
 * @limits: from limits_open()
 * @usage:  filled
 *
 * Return: false if there is no cgroup; @usage is then zeroed.
 */
bool limits_measure(const struct limits *limits, struct limits_usage *usage);

/**
 * limits_close() - Remove the cgroup; every process in it must be dead
 * @limits: from limits_open()
 */
void limits_close(struct limits *limits);

/* "cgroup2", "rlimit", or "none" if nothing was asked for and no cgroup is. */
const char *limits_name(const struct limits *limits);

/* The rest works on any folder that looks like a cgroup. */

/**
 * limits_cgroup_own() - Which cgroup is this process in?
 * @text:  content of /proc/self/cgroup
 * @mount: where cgroup2 is mounted
 *
 * Return: its folder, owned by the caller; NULL if there is none.
 */
char *limits_cgroup_own(const char *text, const char *mount);

/**
 * limits_cgroup_create() - Make a child with limits
 * @parent: folder of a cgroup
 * @name:   of the child
 * @ask:    limits
 *
 * Return: its folder, owned by the caller; NULL if the parent is not
 * delegated to the caller or lacks a controller that is needed (nothing is
 * left behind then).
 */
char *limits_cgroup_create(const char *parent, const char *name,
			   const struct limits_ask *ask);

/**
 * limits_cgroup_measure() - Read what a cgroup counted
 * @folder: of the cgroup
 * @usage:  filled, with 0 for what cannot be read
 */
void limits_cgroup_measure(const char *folder, struct limits_usage *usage);

/**
 * limits_cgroup_remove() - Kill what is left and remove the folder
 * @folder: of the cgroup
 *
 * Return: 0, or -1 with errno.
 */
int limits_cgroup_remove(const char *folder);

#endif /* PEN_JAIL_LIMITS_H */
