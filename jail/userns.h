/* SPDX-License-Identifier: MIT */
/* userns.h - the outer user namespace, and why there may be none */
#ifndef PEN_JAIL_USERNS_H
#define PEN_JAIL_USERNS_H

#include <sys/types.h>

/**
 * userns_enter() - Move this process into new user and network namespaces,
 * and its next child into a PID namespace as PID 1
 * @uid: the caller's, which keeps its number inside
 * @gid: the caller's
 *
 * The process must be single-threaded.  Says what failed and what to do, in
 * one line on standard error.
 *
 * Return: 0, or -1.
 */
int userns_enter(uid_t uid, gid_t gid);

/**
 * userns_explain() - Which setting forbids user namespaces?
 * @error: errno of the failed unshare() or map write
 *
 * Return: one line that names the setting and how to change it; owned by the
 * caller.
 */
char *userns_explain(int error);

#endif /* PEN_JAIL_USERNS_H */
