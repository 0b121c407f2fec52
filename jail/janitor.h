/* SPDX-License-Identifier: MIT */
/* janitor.h - remove what a killed pen-jail would leave behind */
#ifndef PEN_JAIL_JANITOR_H
#define PEN_JAIL_JANITOR_H

#include <sys/stat.h>
#include <sys/types.h>

/**
 * struct janitor_work - What is to be removed in the end; borrowed
 * @listener: an unbound Unix socket that the janitor binds to @socket, so
 *            that there is no moment at which the file has no janitor
 * @socket:   removed if it is still the same file; or NULL
 * @file:     or NULL
 * @cgroup:   folder; or NULL
 */
struct janitor_work {
	int listener;
	const char *socket;
	const char *file;
	const char *cgroup;
};

/**
 * struct janitor - A process that outlives a killed pen-jail for a moment
 * @pid:  0: none was needed
 * @link: socket to it; closed by whatever ends pen-jail
 * @work: what it does; pen-jail does the same when it ends in order
 * @made: the socket's file
 */
struct janitor {
	pid_t pid;
	int link;
	struct janitor_work work;
	struct stat made;
};

/**
 * janitor_start() - Have things removed when this process ends
 * @janitor: filled; janitor_stop() it
 * @work:    what to remove; nothing is started if that is nothing
 *
 * SIGKILL leaves no time to clean up, and only files and cgroups outlive
 * their process.
 *
 * Return: 0, or -1 after a line on standard error.
 */
int janitor_start(struct janitor *janitor, const struct janitor_work *work);

/**
 * janitor_stop() - Remove everything, and let the process end
 * @janitor: from janitor_start()
 */
void janitor_stop(struct janitor *janitor);

#endif /* PEN_JAIL_JANITOR_H */
