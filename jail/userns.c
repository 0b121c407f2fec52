/* SPDX-License-Identifier: MIT */
/* userns.c - the outer user namespace, and why there may be none */
/*
 * The caller's IDs keep their numbers in this namespace.  With the usual map
 * to 0, the caller's user would be root of the network namespace in the eyes
 * of /proc/sys/net, and the command could write there; and bubblewrap, which
 * is started from here, would begin with all capabilities.
 */
#include "userns.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

#define USERNS_SYSCTL "/proc/sys/"

/* A number from /proc/sys, or -1 where there is none. */
static long userns_read_setting(const char *name)
{
	char path[128];
	char text[32];

	snprintf(path, sizeof(path), USERNS_SYSCTL "%s", name);
	if (util_read_file(path, text, sizeof(text)) <= 0)
		return -1;
	return strtol(text, NULL, 10);
}

char *userns_explain(int error)
{
	if (userns_read_setting("kernel/unprivileged_userns_clone") == 0)
		return util_format("user namespaces are forbidden by "
				   "kernel.unprivileged_userns_clone=0; allow "
				   "them: sudo sysctl -w "
				   "kernel.unprivileged_userns_clone=1");
	if (userns_read_setting("user/max_user_namespaces") == 0)
		return util_format("user namespaces are forbidden by "
				   "user.max_user_namespaces=0; allow them: "
				   "sudo sysctl -w "
				   "user.max_user_namespaces=15000");
	if (userns_read_setting("kernel/apparmor_restrict_"
				"unprivileged_userns") == 1)
		return util_format("user namespaces are restricted by AppArmor "
				   "(kernel.apparmor_restrict_unprivileged_"
				   "userns=1); give pen-jail and bwrap a "
				   "profile that says `userns,`, or: sudo "
				   "sysctl -w kernel.apparmor_restrict_"
				   "unprivileged_userns=0");
	if (error == ENOSPC || error == EUSERS)
		return util_format("the limit of user namespaces is reached "
				   "(user.max_user_namespaces, "
				   "user.max_net_namespaces, or 32 of them "
				   "nested)");
	if (error == EINVAL || error == ENOSYS)
		return util_format("this kernel has no user namespaces "
				   "(CONFIG_USER_NS, CONFIG_NET_NS)");
	return util_format("user namespaces are refused: %s; inside a "
			   "container, its seccomp profile does that (Docker: "
			   "--security-opt seccomp=unconfined)",
			   strerror(error));
}

static int userns_write_maps(uid_t uid, gid_t gid)
{
	char uid_map[64];
	char gid_map[64];

	snprintf(uid_map, sizeof(uid_map), "%u %u 1\n", uid, uid);
	snprintf(gid_map, sizeof(gid_map), "%u %u 1\n", gid, gid);
	/* Without "deny" an ordinary user may not map a group. */
	if (util_write_file("/proc/self/setgroups", "deny") ||
	    util_write_file("/proc/self/uid_map", uid_map) ||
	    util_write_file("/proc/self/gid_map", gid_map))
		return -1;
	return 0;
}

int userns_enter(uid_t uid, gid_t gid)
{
	char *reason;
	int error;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWPID) == 0 &&
	    userns_write_maps(uid, gid) == 0)
		return 0;
	error = errno;
	reason = userns_explain(error);
	util_report("%s", reason);
	free(reason);
	return -1;
}
