/* SPDX-License-Identifier: MIT */
/* bwrap.h - the file system of a sandbox, as arguments of bubblewrap */
#ifndef PEN_JAIL_BWRAP_H
#define PEN_JAIL_BWRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "filter.h"
#include "options.h"

struct hostetc;
struct paths;

/* Where pen-jail's own program is inside. */
#define BWRAP_INIT_PATH "/run/pen/jail"

#define BWRAP_SYSTEM_MAX 16
/* The system folders, the project, pen-jail itself, the mounts. */
#define BWRAP_SOURCE_MAX (BWRAP_SYSTEM_MAX + 2 + OPTIONS_MOUNT_MAX)

/**
 * struct bwrap_system - A system folder of the host
 * @path: literal
 * @link: target if it is a symbolic link (/bin on merged systems), owned;
 *        NULL if it is a folder
 * @real: where the folder is, after links, owned; NULL if @link is not
 */
struct bwrap_system {
	const char *path;
	char *link;
	char *real;
};

/**
 * struct bwrap_plan - Everything that the arguments depend on
 *
 * All pointers are borrowed.  Descriptors are numbers in the process that
 * becomes bubblewrap.
 */
struct bwrap_plan {
	const char *program;
	const char *self; /* pen-jail's own program on the host */
	uid_t uid;
	gid_t gid;
	const struct options *options;
	const struct paths *paths;
	const struct hostetc *etc;
	struct bwrap_system systems[BWRAP_SYSTEM_MAX];
	size_t system_count;
	int filters[FILTER_COUNT];
	int resolv_fd; /* content of resolv.conf */
	int hosts_fd;
	int init_fd; /* the socket of init */
};

/**
 * struct bwrap_argv - A growing argument vector
 * @strings: owned array of owned strings, NULL-terminated
 * @count:   how many
 * @sources: what of the host is bound, borrowed from the plan; bubblewrap is
 *           told to take number i from STAGE_FOLDER/i
 */
struct bwrap_argv {
	char **strings;
	size_t count;
	size_t cap;
	const char *sources[BWRAP_SOURCE_MAX];
	size_t source_count;
};

/**
 * bwrap_find_systems() - Which system folders has this host?
 * @plan: @systems and @system_count are filled
 */
void bwrap_find_systems(struct bwrap_plan *plan);

/**
 * bwrap_build() - The arguments
 * @plan: complete
 * @argv: filled; bwrap_argv_fini() it
 *
 * Pure.
 */
void bwrap_build(const struct bwrap_plan *plan, struct bwrap_argv *argv);

/**
 * bwrap_find() - Where is bubblewrap?
 *
 * Return: a literal path, or NULL.  PATH is not consulted: the caller's
 * project may be in it.
 */
const char *bwrap_find(void);

void bwrap_plan_fini(struct bwrap_plan *plan);
void bwrap_argv_fini(struct bwrap_argv *argv);

#endif /* PEN_JAIL_BWRAP_H */
