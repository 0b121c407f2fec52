/* SPDX-License-Identifier: MIT */
/* confine_files.c - Landlock: which files, and no listening
 *
 * Rules are for folders, not for files: editors replace a file by renaming
 * another one to its name, and so does the rotation of the log.  A rule holds
 * for everything below its folder.
 *
 * What a kernel's Landlock does not know yet is left out.  Numbers are written
 * down here, as the headers of a system are often older than its kernel.
 */
#include "confine_priv.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pen_build.h"

/* linux/landlock.h */
#define FILES_SYS_CREATE_RULESET 444
#define FILES_SYS_ADD_RULE 445
#define FILES_SYS_RESTRICT_SELF 446
#define FILES_VERSION 1u
#define FILES_RULE_PATH_BENEATH 1

enum files_right {
	FILES_WRITE = 1 << 1,
	FILES_READ = 1 << 2,
	FILES_LIST = 1 << 3,
	FILES_REMOVE = 1 << 5,
	FILES_MAKE = 1 << 8, /* regular files only */
	FILES_ALL_1 = (1 << 13) - 1,
	FILES_REFER = 1 << 13,     /* ABI 2 */
	FILES_TRUNCATE = 1 << 14,  /* ABI 3 */
	FILES_IOCTL_DEV = 1 << 15, /* ABI 5 */
	/* Those that mean something for what is not a folder. */
	FILES_OF_A_FILE = 1 << 0 | FILES_WRITE | FILES_READ,
};

#define FILES_NET_BIND_TCP UINT64_C(1)   /* ABI 4 */
#define FILES_SCOPE_ABSTRACT UINT64_C(1) /* ABI 6 */
#define FILES_SCOPE_SIGNAL UINT64_C(2)   /* ABI 6 */

struct files_ruleset {
	uint64_t fs, net, scoped;
};

struct files_beneath {
	uint64_t allowed;
	int32_t folder;
} __attribute__((packed));

/* Read by the libraries; what is not there need not be. */
static const struct {
	const char *path;
	unsigned int rights;
} files_of_the_system[] = {
	{"/etc", FILES_READ}, /* resolv.conf, hosts, nsswitch.conf */
	{"/run/systemd/resolve", FILES_READ},
	{"/run/resolvconf", FILES_READ},
	{"/run/NetworkManager", FILES_READ},
	{"/run/connman", FILES_READ},
	{"/usr/share/zoneinfo", FILES_READ},
	{"/proc/self", FILES_READ | FILES_LIST}, /* /metrics */
	{"/dev/null", FILES_READ | FILES_WRITE},
	{"/dev/urandom", FILES_READ},
	{"/dev/random", FILES_READ},
#if CONFINE_SANITIZED
	{"/proc/self/exe", FILES_READ}, /* the names in a report */
#endif
};

/* @c's files that are read, beside allow-lists and presets */
static const char files_resolver[] = "/etc/resolv.conf";

static int files_fail(const char *path, int error)
{
	fprintf(stderr, "pen-proxy: cannot confine itself to %s: %s\n", path,
		strerror(error));
	return -1;
}

/* Return: 0 or a negative errno. */
static int files_allow(int ruleset, const char *path, unsigned int rights)
{
	struct files_beneath rule = {.allowed = rights};
	struct stat st;
	int rc = 0;

	rule.folder = open(path, O_PATH | O_CLOEXEC);
	if (rule.folder < 0)
		return -errno;
	if (fstat(rule.folder, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed &= FILES_OF_A_FILE;
	if (syscall(FILES_SYS_ADD_RULE, ruleset, FILES_RULE_PATH_BENEATH, &rule,
		    0) < 0)
		rc = -errno;
	close(rule.folder);
	return rc;
}

static int files_allow_folder_of(int ruleset, const char *path,
				 unsigned int rights)
{
	const char *slash = strrchr(path, '/');
	char *folder =
		slash ? strndup(path,
				slash == path ? 1 : (size_t)(slash - path))
		      : strdup(".");
	int rc = folder ? files_allow(ruleset, folder, rights) : -ENOMEM;

	free(folder);
	return rc;
}

/* The folder of the name, and that of the file that a link leads to. */
static int files_allow_reading(int ruleset, const char *path)
{
	char *real = realpath(path, NULL);
	int rc = files_allow_folder_of(ruleset, path, FILES_READ);

	if (rc == 0 && real)
		rc = files_allow_folder_of(ruleset, real, FILES_READ);
	free(real);
	return rc;
}

/* A file that exists and is no regular one is not renamed or removed, and what
 * stands beside it (in /dev) is nobody's log. */
static int files_allow_writing(int ruleset, const char *path,
			       unsigned int rights)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return files_allow(ruleset, path, FILES_WRITE);
	return files_allow_folder_of(ruleset, path, rights);
}

/* A path that is NULL needs no rule. */
static int files_need(int rc, const char *path)
{
	return rc < 0 ? files_fail(path, -rc) : 0;
}

static int files_allow_policy(int ruleset, const struct config *c,
			      const struct policy *p)
{
	const struct policy_options *o = policy_options_of(p);
	const char *presets = o->presets ? o->presets : PEN_PRESET_DIR;

	if (c->path &&
	    files_need(files_allow_reading(ruleset, c->path), c->path) < 0)
		return -1;
	for (size_t i = 0; i < c->policy_count; i++) {
		const char *path = c->policy[i].value;

		if (strcmp(c->policy[i].key, "allowlist") == 0 &&
		    files_need(files_allow_reading(ruleset, path), path) < 0)
			return -1;
	}
	/* Without a rule that names one there need not be any preset. */
	(void)files_allow(ruleset, presets, FILES_READ);
	for (size_t i = 0; i < policy_preset_count(p); i++)
		if (files_need(
			    files_allow_reading(ruleset, policy_preset(p, i)),
			    policy_preset(p, i)) < 0)
			return -1;
	return 0;
}

static int files_allow_sockets(int ruleset, const struct listen_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *path = list->at[i].path;

		if (list->at[i].kind == LISTEN_UNIX &&
		    files_need(
			    files_allow_folder_of(ruleset, path, FILES_REMOVE),
			    path) < 0)
			return -1;
	}
	return 0;
}

static int files_allow_output(int ruleset, const struct config *c)
{
	/* Rotation renames and removes; the file of base_write_file() begins
	 * under another name, and mkostemp(3) opens it for reading, too. */
	const struct {
		const char *path;
		unsigned int rights;
	} written[] = {
		{c->log_file, FILES_WRITE | FILES_MAKE | FILES_REMOVE},
		{c->audit_file, FILES_WRITE | FILES_MAKE},
		{c->pid_file,
		 FILES_READ | FILES_WRITE | FILES_MAKE | FILES_REMOVE},
		{c->ready_file,
		 FILES_READ | FILES_WRITE | FILES_MAKE | FILES_REMOVE},
	};
	static const size_t count = sizeof(written) / sizeof(written[0]);

	for (size_t i = 0; i < count; i++) {
		const char *path = written[i].path;

		if (path && strcmp(path, "stderr") != 0 &&
		    files_need(files_allow_writing(ruleset, path,
						   written[i].rights),
			       path) < 0)
			return -1;
	}
	return files_allow_sockets(ruleset, &c->listen) < 0 ||
			       files_allow_sockets(ruleset, &c->transparent) <
				       0 ||
			       files_allow_sockets(ruleset, &c->admin) < 0
		       ? -1
		       : 0;
}

static void files_allow_system(int ruleset)
{
	static const size_t count =
		sizeof(files_of_the_system) / sizeof(files_of_the_system[0]);

	for (size_t i = 0; i < count; i++)
		(void)files_allow(ruleset, files_of_the_system[i].path,
				  files_of_the_system[i].rights);
	(void)files_allow_reading(ruleset, files_resolver);
}

static struct files_ruleset files_known(long abi)
{
	struct files_ruleset r = {.fs = FILES_ALL_1};

	if (abi >= 2)
		r.fs |= FILES_REFER;
	if (abi >= 3)
		r.fs |= FILES_TRUNCATE;
	if (abi >= 4)
		r.net = FILES_NET_BIND_TCP;
	if (abi >= 5)
		r.fs |= FILES_IOCTL_DEV;
	if (abi >= 6)
		r.scoped = FILES_SCOPE_ABSTRACT | FILES_SCOPE_SIGNAL;
	return r;
}

int confine_files(const struct config *c, const struct policy *p)
{
	long abi = syscall(FILES_SYS_CREATE_RULESET, NULL, 0, FILES_VERSION);
	struct files_ruleset known;
	int ruleset, rc;

	if (abi < 1)
		return 0;
	known = files_known(abi);
	/* An older kernel takes a longer struct whose rest is 0. */
	ruleset = (int)syscall(FILES_SYS_CREATE_RULESET, &known, sizeof(known),
			       0);
	if (ruleset < 0)
		return 0;
	files_allow_system(ruleset);
	rc = files_allow_policy(ruleset, c, p);
	if (rc == 0)
		rc = files_allow_output(ruleset, c);
	if (rc == 0 && syscall(FILES_SYS_RESTRICT_SELF, ruleset, 0) == 0)
		rc = (int)abi;
	close(ruleset);
	return rc;
}

#else

int confine_files(const struct config *c, const struct policy *p)
{
	(void)c;
	(void)p;
	return 0;
}

#endif
