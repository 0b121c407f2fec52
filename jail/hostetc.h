/* SPDX-License-Identifier: MIT */
/* hostetc.h - what of the host's /etc a sandbox sees differently */
#ifndef PEN_JAIL_HOSTETC_H
#define PEN_JAIL_HOSTETC_H

/**
 * struct hostetc - Where two files that the sandbox has of its own end up
 * @resolv: path inside the sandbox of resolv.conf, after links; NULL if the
 *          host has none.  Owned.
 * @hosts:  likewise for the hosts file
 */
struct hostetc {
	char *resolv;
	char *hosts;
};

/**
 * hostetc_inspect() - Look at the host's /etc
 * @etc:    filled; hostetc_fini() it
 * @folder: "/etc", or another folder in a test
 */
void hostetc_inspect(struct hostetc *etc, const char *folder);

void hostetc_fini(struct hostetc *etc);

/**
 * hostetc_cover() - Put a view without secrets over a folder
 * @folder: absolute path, "/etc"
 *
 * For root alone: the command has root's user ID and could read what no other
 * user may.  In the view such files and folders are empty, and what stands
 * beside them is bound one by one, so that a file which is replaced on the host
 * (passwd(1) renames a new shadow into place) never shows; what is gone
 * meanwhile is left out.  A folder that holds nothing of the kind is bound as a
 * whole: a secret that is put there later does show.
 *
 * Call it in a mount namespace of one's own, with CAP_SYS_ADMIN over it and
 * with /proc mounted.
 *
 * Return: 0, or -1 with errno: then nothing may be shown.
 */
int hostetc_cover(const char *folder);

#endif /* PEN_JAIL_HOSTETC_H */
