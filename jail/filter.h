/* SPDX-License-Identifier: MIT */
/* filter.h - the system calls that a sandbox is refused */
#ifndef PEN_JAIL_FILTER_H
#define PEN_JAIL_FILTER_H

#include <stdbool.h>

/* Two filters; the kernel applies the stricter answer. */
#define FILTER_COUNT 2

/**
 * filter_open() - Files for the filters, still empty
 * @fds: filled with memory files with close-on-exec, owned by the caller
 *
 * Return: 0, or -1 with errno (@fds are then -1).
 */
int filter_open(int fds[FILTER_COUNT]);

/**
 * filter_compile() - Write the filters as BPF programs
 * @fds:           from filter_open(); left at their start
 * @keep_affinity: refuse sched_setaffinity, where the set of processors is
 *                 the limit of --cpus
 *
 * Says what failed, in one line on standard error.
 *
 * Return: 0, or -1.
 */
int filter_compile(const int fds[FILTER_COUNT], bool keep_affinity);

#endif /* PEN_JAIL_FILTER_H */
