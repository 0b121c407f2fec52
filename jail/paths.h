/* SPDX-License-Identifier: MIT */
/* paths.h - which of the host's paths a sandbox may be given */
#ifndef PEN_JAIL_PATHS_H
#define PEN_JAIL_PATHS_H

#include <stdbool.h>

#include "options.h"

/**
 * struct paths - The checked paths of one sandbox, all owned
 * @home:    the caller's home folder, normalised
 * @inside:  the home folder of the sandbox: @home, unless that is a system
 *           folder
 * @state:   the folder of pen's own state, @home/.pen
 * @project: normalised, an existing folder
 * @workdir: where commands start; inside the sandbox
 * @sources: of options.mounts, normalised, in the same order
 * @targets: likewise; without `.`, `..`, doubled or trailing slashes
 */
struct paths {
	char *home;
	char *inside;
	char *state;
	char *project;
	char *workdir;
	char *sources[OPTIONS_MOUNT_MAX];
	char *targets[OPTIONS_MOUNT_MAX];
};

/**
 * paths_check() - Resolve and judge every path of the command line
 * @paths:   filled; paths_fini() it in either case
 * @options: from options_parse()
 *
 * Refused as a project: the root, a system folder, the home folder or one
 * that holds it, pen's state or anything in it.  Refused as the source of a
 * mount: the same, any socket, folders that hold the sockets of a container
 * runtime, and what a symbolic link inside the project leads to outside of
 * it.  Refused as a target: what the sandbox itself is made of.  The control
 * socket and the proxy's configuration must lie in none of them.  Says why,
 * in one line on standard error.
 *
 * Return: 0, or -1.
 */
int paths_check(struct paths *paths, const struct options *options);

void paths_fini(struct paths *paths);

/**
 * paths_normalise() - Take `.`, doubled and trailing slashes out of a path
 * @path: NUL-terminated
 *
 * Return: the path, owned by the caller; NULL if it is not absolute or has a
 * component `..`.
 */
char *paths_normalise(const char *path);

/**
 * paths_explain_source() - Why may this folder or file not be given away?
 * @path:  absolute, symbolic links resolved
 * @home:  the home folder
 * @state: pen's state folder
 *
 * Return: the end of a sentence that starts with the path, or NULL if there
 * is nothing against it.  Pure: looks at the text alone.
 */
const char *paths_explain_source(const char *path, const char *home,
				 const char *state);

/**
 * paths_explain_target() - Why may nothing be mounted there?
 * @path: normalised
 *
 * Return: as paths_explain_source().
 */
const char *paths_explain_target(const char *path);

#endif /* PEN_JAIL_PATHS_H */
