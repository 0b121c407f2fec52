/* SPDX-License-Identifier: MIT */
/* procs.h - the processes of a sandbox, as /proc shows them inside */
#ifndef PEN_JAIL_PROCS_H
#define PEN_JAIL_PROCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct procs_entry {
	pid_t pid;
	pid_t parent;
	bool zombie;
	bool marked;
};

/**
 * struct procs - One reading of /proc
 * @entries: owned
 * @count:   how many
 */
struct procs {
	struct procs_entry *entries;
	size_t count;
};

/**
 * procs_read() - List every process
 * @procs: filled; procs_fini() it
 *
 * Return: 0, or -1 with errno.
 */
int procs_read(struct procs *procs);
void procs_fini(struct procs *procs);

/**
 * procs_mark_descendants() - Mark children, their children and so on
 * @procs: from procs_read()
 * @root:  not marked itself
 *
 * Return: how many are marked and no zombies.
 */
size_t procs_mark_descendants(struct procs *procs, pid_t root);

/**
 * procs_parse_stat() - Read the line of /proc/PID/stat
 * @text:  NUL-terminated; the second field is a name that the process chose,
 *         with brackets, spaces and line ends as it likes
 * @entry: @parent and @zombie are set on success
 */
bool procs_parse_stat(const char *text, struct procs_entry *entry);

/**
 * procs_memory() - How much memory does a process have for itself?
 * @pid: process
 *
 * Return: resident bytes that are shared with no file; 0 if it is gone.
 */
uint64_t procs_memory(pid_t pid);

#endif /* PEN_JAIL_PROCS_H */
