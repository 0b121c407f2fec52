/* SPDX-License-Identifier: MIT */
/* confine.c - the proxy gives up what it does not need
 *
 * Theory of operation
 *
 * Once everything is open a proxy needs little: sockets to clients, origins and
 * name servers, its own policy and log files.  Whoever took it over by a fault
 * would have that and no more: no other file (Landlock, confine_files.c), no
 * other program and no other kind of socket (seccomp, confine_calls.c), and no
 * way back (no_new_privs).  What the kernel does not have is left out, and the
 * "start" line of the log says what is in force.
 *
 * audit.command is a program of the user's.  It runs under whatever the proxy
 * is under, and may need anything, so Landlock is left out for it, and seccomp
 * refuses only what is never innocent.  Its first run is older than the
 * confinement; what would work in that run and fail in the next is refused at
 * start.
 */
#include "confine.h"

#include <stdio.h>
#include <sys/resource.h>
#ifdef __linux__
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#endif

#include "confine_priv.h"

static char confine_in_force[64] = "none";

#ifdef __linux__
/* With no_new_privs the next run would not have the rights of the first. */
static int confine_check_command(const char *command)
{
	struct stat st;

	if (stat(command, &st) < 0) {
		fprintf(stderr, "pen-proxy: audit.command %s: %s\n", command,
			strerror(errno));
		return -1;
	}
	if (!(st.st_mode & (S_ISUID | S_ISGID)) &&
	    getxattr(command, "security.capability", NULL, 0) < 0)
		return 0;
	fprintf(stderr,
		"pen-proxy: audit.command %s: a program that gains rights when "
		"it starts (set-user-ID, set-group-ID, capabilities) cannot be "
		"run\n",
		command);
	return -1;
}

int confine_self(const struct config *c, const struct policy *p)
{
	static const char *const calls[] = {
		[CONFINE_CALLS_ON] = " seccomp",
		[CONFINE_CALLS_ABSENT] = "",
		[CONFINE_CALLS_UNKNOWN] = " seccomp:unknown-processor",
	};
	static const struct rlimit none = {0, 0};
	bool programs = c->audit_command;
	enum confine_calls_status status;
	char landlock[24] = "";
	int abi = 0;

	(void)setrlimit(RLIMIT_CORE, &none);
	if (programs && confine_check_command(c->audit_command) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return 0; /* Linux before 3.5: it has none of the others */
	if (!programs)
		abi = confine_files(c, p);
	if (abi < 0)
		return -1;
	if (abi > 0)
		snprintf(landlock, sizeof(landlock), " landlock:%d", abi);
	status = confine_calls(programs);
	snprintf(confine_in_force, sizeof(confine_in_force),
		 "no_new_privs%s%s%s", landlock, calls[status],
		 programs && status == CONFINE_CALLS_ON ? ":wide" : "");
	return 0;
}
#else
int confine_self(const struct config *c, const struct policy *p)
{
	static const struct rlimit none = {0, 0};

	(void)c;
	(void)p;
	(void)setrlimit(RLIMIT_CORE, &none);
	return 0;
}
#endif

const char *confine_text(void)
{
	return confine_in_force;
}
