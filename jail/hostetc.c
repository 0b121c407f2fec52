/* SPDX-License-Identifier: MIT */
/* hostetc.c - what of the host's /etc a sandbox sees differently */
#include "hostetc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

/* /etc is shallow; a deeper tree is a loop or not configuration. */
#define HOSTETC_DEPTH_MAX 12

/*
 * Where a file of /etc really is.  Its target may lie in a folder that the
 * sandbox has of its own (/run with systemd-resolved), or not exist.
 */
static char *hostetc_resolve(const char *folder, const char *name)
{
	char *path = util_format("%s/%s", folder, name);
	char *resolved = realpath(path, NULL);
	char target[PATH_MAX];
	ssize_t len;

	if (!resolved) {
		len = readlink(path, target, sizeof(target) - 1);
		if (len > 0) {
			target[len] = '\0';
			resolved = *target == '/' ? util_format("%s", target)
						  : util_format("%s/%s", folder,
								target);
		}
	}
	free(path);
	return resolved;
}

/* Names of the process's own descriptors, for calls that take only paths. */
struct hostetc_path {
	char text[NAME_MAX + 64];
};

static struct hostetc_path hostetc_path(int fd, const char *name)
{
	struct hostetc_path path;

	snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d%s%s", fd,
		 *name ? "/" : "", name);
	return path;
}

/* Entries but "." and "..", or NULL with errno; closes nothing. */
static DIR *hostetc_list(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* NULL at the end, with errno 0 unless the rest cannot be read. */
static const char *hostetc_next(DIR *dir)
{
	struct dirent *entry;

	while ((errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			return entry->d_name;
	return NULL;
}

/* May any user read this file, or enter and list this folder? */
static bool hostetc_is_open(const struct stat *status)
{
	mode_t want = S_ISDIR(status->st_mode) ? S_IROTH | S_IXOTH : S_IROTH;

	return (status->st_mode & want) == want;
}

/* Is all of this folder open?  If that cannot be told, it is not. */
static bool hostetc_all_open(int folder, int depth)
{
	DIR *dir = depth > HOSTETC_DEPTH_MAX ? NULL : hostetc_list(folder);
	const char *name;
	struct stat status;
	bool open = dir;

	errno = 0;
	while (open && (name = hostetc_next(dir))) {
		int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0 || fstat(fd, &status))
			open = errno == ENOENT;
		else if (S_ISDIR(status.st_mode))
			open = hostetc_is_open(&status) &&
			       hostetc_all_open(fd, depth + 1);
		else if (S_ISREG(status.st_mode))
			open = hostetc_is_open(&status);
		util_close(&fd);
	}
	/* Not read to its end: what the rest is cannot be told. */
	open = open && errno == 0;
	if (dir)
		closedir(dir);
	return open;
}

static int hostetc_bind(int source, int view, const char *name)
{
	struct hostetc_path from = hostetc_path(source, "");
	struct hostetc_path to = hostetc_path(view, name);

	return mount(from.text, to.text, NULL, MS_BIND | MS_REC, NULL);
}

static int hostetc_mirror(int folder, int view, int depth);

static int hostetc_show_folder(int source, bool open, int view,
			       const char *name, int depth)
{
	int inner, result;

	if (mkdirat(view, name, 0755))
		return -1;
	if (!open || depth > HOSTETC_DEPTH_MAX)
		return 0;
	if (hostetc_all_open(source, depth))
		return hostetc_bind(source, view, name);
	inner = openat(view, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (inner < 0)
		return -1;
	result = hostetc_mirror(source, inner, depth);
	close(inner);
	return result;
}

static int hostetc_show_file(int source, bool open, int view, const char *name)
{
	int fd = openat(view, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			0444);

	if (fd < 0)
		return -1;
	close(fd);
	return open ? hostetc_bind(source, view, name) : 0;
}

static int hostetc_show_link(int source, int view, const char *name)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(source, "", target, sizeof(target) - 1);

	if (len < 0)
		return -1;
	target[len] = '\0';
	return symlinkat(target, view, name);
}

/* What is judged is what is shown: the same descriptor, not the same name. */
static int hostetc_show(int folder, int view, const char *name, int depth)
{
	int source = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	bool open;
	int result = 0;

	if (source < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(source, &status)) {
		close(source);
		return -1;
	}
	open = hostetc_is_open(&status);
	if (S_ISDIR(status.st_mode))
		result = hostetc_show_folder(source, open, view, name,
					     depth + 1);
	else if (S_ISREG(status.st_mode))
		result = hostetc_show_file(source, open, view, name);
	else if (S_ISLNK(status.st_mode))
		result = hostetc_show_link(source, view, name);
	/*
	 * A name that goes and comes again while its folder is listed may be
	 * listed twice: what was shown first stays.
	 */
	if (result < 0 && errno == EEXIST)
		result = 0;
	close(source);
	return result;
}

static int hostetc_mirror(int folder, int view, int depth)
{
	DIR *dir = hostetc_list(folder);
	const char *name;
	int result = 0;

	/* A folder that is gone by now holds nothing. */
	if (!dir)
		return errno == ENOENT ? 0 : -1;
	while (result == 0 && (name = hostetc_next(dir)))
		result = hostetc_show(folder, view, name, depth);
	if (result == 0 && errno)
		result = -1;
	closedir(dir);
	return result;
}

int hostetc_cover(const char *folder)
{
	int source = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	mode_t mask = umask(022);
	int view = -1;
	int result = -1;

	if (source >= 0 && mount("pen-etc", folder, "tmpfs",
				 MS_NOSUID | MS_NODEV, "mode=0755") == 0)
		view = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (view >= 0)
		result = hostetc_mirror(source, view, 0);
	util_close(&source);
	util_close(&view);
	umask(mask);
	return result;
}

void hostetc_inspect(struct hostetc *etc, const char *folder)
{
	etc->resolv = hostetc_resolve(folder, "resolv.conf");
	etc->hosts = hostetc_resolve(folder, "hosts");
}

void hostetc_fini(struct hostetc *etc)
{
	free(etc->resolv);
	free(etc->hosts);
	memset(etc, 0, sizeof(*etc));
}
