/* SPDX-License-Identifier: MIT */
/* paths.c - which of the host's paths a sandbox may be given */
#include "paths.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

/* HOME inside where the caller's own cannot be used. */
#define PATHS_OTHER_HOME "/home/user"

/* Never given away, nor anything that holds them. */
static const char *const paths_protected[] = {
	"/bin",
	"/boot",
	"/dev",
	"/etc",
	"/lib",
	"/lib32",
	"/lib64",
	"/libx32",
	"/proc",
	"/sbin",
	"/sys",
	"/usr",
	"/opt",
	"/home",
	"/root",
	/* The sockets of container runtimes and of the system bus. */
	"/run/docker.sock",
	"/var/run/docker.sock",
	"/run/containerd",
	"/run/podman",
	"/run/crio",
	"/run/dbus",
	"/run/user",
	"/run/systemd",
};

/* Of these, what lies inside is refused, too. */
static const char *const paths_closed[] = {
	"/dev", "/proc", "/sys",
	/* Sockets and agents of services and of users' sessions. */
	"/run/containerd", "/run/podman", "/run/crio", "/run/dbus", "/run/user",
	"/run/systemd"};

/* No home folder of a sandbox, and none lies inside. */
static const char *const paths_systems[] = {
	"/bin",    "/dev", "/etc",  "/lib",  "/lib32", "/lib64",
	"/libx32", "/opt", "/proc", "/sbin", "/sys",   "/usr",
};

/* What the sandbox is made of; nothing is mounted on or into these. */
static const char *const paths_own[] = {"/dev", "/proc", "/run/pen", "/sys"};

char *paths_normalise(const char *path)
{
	char *result, *end;

	if (*path != '/')
		return NULL;
	result = util_format("%s", path);
	end = result;
	while (*path) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 2 && strncmp(path, "..", 2) == 0) {
			free(result);
			return NULL;
		}
		if (len > 0 && !(len == 1 && *path == '.')) {
			*end++ = '/';
			memmove(end, path, len);
			end += len;
		}
		path += len;
	}
	if (end == result)
		*end++ = '/';
	*end = '\0';
	return result;
}

const char *paths_explain_source(const char *path, const char *home,
				 const char *state)
{
	size_t i;

	if (strcmp(path, "/") == 0)
		return "is the root of the file system";
	if (strcmp(path, home) == 0)
		return "is the home folder; take one inside it";
	if (util_path_holds(path, home))
		return "holds the home folder; take one inside it";
	if (util_path_holds(path, state) || util_path_holds(state, path))
		return "holds or is in pen's own state, which would let the "
		       "sandbox change its policy";
	for (i = 0; i < sizeof(paths_protected) / sizeof(char *); i++)
		if (util_path_holds(path, paths_protected[i]))
			return "is or holds a system folder or the socket of "
			       "a system service";
	for (i = 0; i < sizeof(paths_closed) / sizeof(char *); i++)
		if (util_path_holds(paths_closed[i], path))
			return "is in a folder of the kernel's or of running "
			       "services";
	return NULL;
}

const char *paths_explain_target(const char *path)
{
	size_t i;

	if (strcmp(path, "/") == 0)
		return "is the root of the sandbox";
	for (i = 0; i < sizeof(paths_own) / sizeof(char *); i++)
		if (util_path_holds(paths_own[i], path) ||
		    util_path_holds(path, paths_own[i]))
			return "is where the sandbox has its own file systems";
	return NULL;
}

/* HOME if it is set and absolute, else what the user database says. */
static char *paths_find_home(void)
{
	const char *home = getenv("HOME");
	const struct passwd *entry;
	char *resolved;

	if (!home || *home != '/') {
		entry = getpwuid(getuid());
		home = entry ? entry->pw_dir : "/nonexistent";
	}
	resolved = realpath(home, NULL);
	return resolved ? resolved : paths_normalise(home);
}

/* Of users such as daemon (/usr/sbin): an empty folder there would hide it. */
static char *paths_choose_inside(const char *home)
{
	bool system = util_path_holds(home, "/run/pen") ||
		      util_path_holds(home, "/tmp");
	size_t i;

	for (i = 0; i < sizeof(paths_systems) / sizeof(char *); i++)
		system = system || util_path_holds(paths_systems[i], home) ||
			 util_path_holds(home, paths_systems[i]);
	return util_format("%s", system ? PATHS_OTHER_HOME : home);
}

static int paths_check_project(struct paths *paths, const char *project)
{
	const struct passwd *entry = getpwuid(getuid());
	const char *reason;
	struct stat status;

	paths->project = realpath(project, NULL);
	if (!paths->project || stat(paths->project, &status)) {
		util_report("project %s: %s", project, strerror(errno));
		return -1;
	}
	if (!S_ISDIR(status.st_mode)) {
		util_report("project %s: not a folder", project);
		return -1;
	}
	reason =
		paths_explain_source(paths->project, paths->home, paths->state);
	/* HOME may have been set to something else. */
	if (!reason && entry && strcmp(entry->pw_dir, paths->project) == 0)
		reason = "is the home folder; take one inside it";
	if (reason) {
		util_report("project %s %s", paths->project, reason);
		return -1;
	}
	return 0;
}

/*
 * A link inside the project was perhaps made by a sandbox; it must not choose
 * what the next sandbox is given.
 */
static bool paths_is_led_out(const struct paths *paths, const char *source,
			     const char *resolved)
{
	char *lexical;
	bool led_out;

	if (*source == '/')
		lexical = util_format("%s", source);
	else
		lexical = util_format("%s/%s", paths->project, source);
	led_out = util_path_holds(paths->project, lexical) &&
		  !util_path_holds(paths->project, resolved);
	free(lexical);
	return led_out;
}

/* Is some existing part of @target a symbolic link? */
static bool paths_has_link(const char *target)
{
	char *part = util_format("%s", target);
	struct stat status;
	bool found = false;
	char *slash = part;

	for (;;) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		if (lstat(part, &status))
			break;
		found = found || S_ISLNK(status.st_mode);
		if (!slash)
			break;
		*slash = '/';
	}
	free(part);
	return found;
}

static int paths_check_source(struct paths *paths, size_t i, const char *source)
{
	const char *reason;
	struct stat status;

	paths->sources[i] = realpath(source, NULL);
	if (!paths->sources[i] || stat(paths->sources[i], &status)) {
		util_report("mount %s: %s", source, strerror(errno));
		return -1;
	}
	reason = paths_explain_source(paths->sources[i], paths->home,
				      paths->state);
	if (!reason && !S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))
		reason = "is neither a folder nor a file; a socket or device "
			 "would be a way out of the sandbox";
	if (!reason && paths_is_led_out(paths, source, paths->sources[i]))
		reason = "is where a link inside the project leads; name the "
			 "folder itself";
	if (reason) {
		util_report("mount %s %s", paths->sources[i], reason);
		return -1;
	}
	return 0;
}

/*
 * bubblewrap makes missing folders and would follow a link, perhaps one that
 * a sandbox made, to anywhere on the host.
 */
static bool paths_is_led_astray(const struct paths *paths, size_t i)
{
	const char *target = paths->targets[i];
	bool astray = util_path_holds(paths->project, target) &&
		      paths_has_link(target);
	size_t k;

	for (k = 0; k < i && !astray; k++) {
		size_t len = strlen(paths->targets[k]);
		char *real;

		if (!util_path_holds(paths->targets[k], target))
			continue;
		real = util_format("%s%s", paths->sources[k], target + len);
		astray = paths_has_link(real);
		free(real);
	}
	return astray;
}

static int paths_check_target(struct paths *paths, size_t i, const char *target)
{
	const char *reason;

	paths->targets[i] = paths_normalise(target);
	if (!paths->targets[i]) {
		util_report("mount target %s: not an absolute path without "
			    "`..`",
			    target);
		return -1;
	}
	reason = paths_explain_target(paths->targets[i]);
	if (!reason && paths_is_led_astray(paths, i))
		reason = "passes through a symbolic link in the project or in "
			 "another mount";
	if (!reason && strcmp(paths->project, paths->targets[i]) == 0)
		reason = "is the project itself";
	if (reason) {
		util_report("mount target %s %s", paths->targets[i], reason);
		return -1;
	}
	return 0;
}

/* Is the path, or the place where it is going to be, open to the sandbox? */
static bool paths_is_given(const struct paths *paths,
			   const struct options *options, const char *path)
{
	char *resolved = realpath(path, NULL);
	char *folder, *slash;
	bool given;
	size_t i;

	if (!resolved) {
		folder = util_format("./%s", path);
		if (*path == '/')
			memmove(folder, path, strlen(path) + 1);
		slash = strrchr(folder, '/');
		slash[slash == folder] = '\0';
		resolved = realpath(folder, NULL);
		free(folder);
	}
	if (!resolved)
		return false;
	given = util_path_holds(paths->project, resolved);
	for (i = 0; i < options->mount_count; i++)
		given = given || util_path_holds(paths->sources[i], resolved);
	free(resolved);
	return given;
}

/* What steers the sandbox must be out of its reach. */
static int paths_check_reins(const struct paths *paths,
			     const struct options *options)
{
	const char *const reins[] = {options->control, options->proxy_config};
	size_t i;

	for (i = 0; i < sizeof(reins) / sizeof(char *); i++) {
		if (!reins[i] || !paths_is_given(paths, options, reins[i]))
			continue;
		util_report("%s is in the project or a mount, where the "
			    "sandbox could reach it; put it elsewhere",
			    reins[i]);
		return -1;
	}
	return 0;
}

int paths_check(struct paths *paths, const struct options *options)
{
	size_t i;

	memset(paths, 0, sizeof(*paths));
	paths->home = paths_find_home();
	if (!paths->home) {
		util_report("HOME is not a usable path");
		return -1;
	}
	paths->inside = paths_choose_inside(paths->home);
	paths->state = util_format("%s/.pen", paths->home);
	if (paths_check_project(paths,
				options->project ? options->project : "."))
		return -1;
	paths->workdir = util_format("%s", options->workdir ? options->workdir
							    : paths->project);
	for (i = 0; i < options->mount_count; i++)
		if (paths_check_source(paths, i, options->mounts[i].source) ||
		    paths_check_target(paths, i, options->mounts[i].target))
			return -1;
	return paths_check_reins(paths, options);
}

void paths_fini(struct paths *paths)
{
	size_t i;

	free(paths->home);
	free(paths->inside);
	free(paths->state);
	free(paths->project);
	free(paths->workdir);
	for (i = 0; i < OPTIONS_MOUNT_MAX; i++) {
		free(paths->sources[i]);
		free(paths->targets[i]);
	}
	memset(paths, 0, sizeof(*paths));
}
