/* SPDX-License-Identifier: MIT */
/* stage.c - the host's folders, held still while bubblewrap binds them */
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* What bubblewrap's --dev takes from the host. */
static const char *const stage_devices[] = {
	"/dev/null",   "/dev/zero",    "/dev/full",
	"/dev/random", "/dev/urandom", "/dev/tty",
};

/* A descriptor's name, for calls that take only paths. */
struct stage_name {
	char text[64];
};

static struct stage_name stage_name(int fd)
{
	struct stage_name name;

	snprintf(name.text, sizeof(name.text), "/proc/self/fd/%d", fd);
	return name;
}

int stage_open(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct stage_name name = stage_name(fd);
	char where[PATH_MAX + 1];
	ssize_t len;

	if (fd < 0)
		return -1;
	/* Links were followed: the kernel knows where they led. */
	len = readlink(name.text, where, sizeof(where));
	if (len == (ssize_t)strlen(path) &&
	    memcmp(where, path, (size_t)len) == 0)
		return fd;
	close(fd);
	errno = ELOOP;
	return -1;
}

static int stage_make_place(const char *place, const struct stat *status)
{
	int fd;

	if (S_ISDIR(status->st_mode))
		return mkdir(place, 0700);
	if (!S_ISREG(status->st_mode)) {
		errno = ELOOP;
		return -1;
	}
	fd = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -1 : close(fd);
}

static int stage_bind(const char *source, const char *place)
{
	int fd = stage_open(source);
	struct stage_name name = stage_name(fd);
	struct stat status;
	int result = -1;

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && stage_make_place(place, &status) == 0 &&
	    mount(name.text, place, NULL, MS_BIND | MS_REC, NULL) == 0)
		result = mount(NULL, place, NULL, MS_PRIVATE | MS_REC, NULL);
	close(fd);
	return result;
}

int stage_fill(const char *const *sources, size_t count)
{
	char place[64];
	size_t i;

	if (mount("pen-stage", STAGE_FOLDER, "tmpfs", MS_NOSUID | MS_NODEV,
		  "mode=0700")) {
		dprintf(STDERR_FILENO, "cannot mount on %s: %s\n", STAGE_FOLDER,
			strerror(errno));
		return -1;
	}
	for (i = 0; i < count; i++) {
		snprintf(place, sizeof(place), STAGE_FOLDER "/%zu", i);
		if (stage_bind(sources[i], place) == 0)
			continue;
		dprintf(STDERR_FILENO, "%s: %s\n", sources[i],
			errno == ELOOP ? "was replaced after it was checked"
				       : strerror(errno));
		return -1;
	}
	return 0;
}

static int stage_shut(const char *path)
{
	struct statvfs status;
	unsigned long kept;

	if (statvfs(path, &status))
		return errno == ENOENT ? 0 : -1;
	/* Flags that a namespace above has set may not be taken away. */
	kept = status.f_flag & (ST_NOSUID | ST_NODEV | ST_NOEXEC);
	if (mount(path, path, NULL, MS_BIND, NULL))
		return -1;
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | kept,
		     NULL);
}

int stage_shut_devices(void)
{
	size_t i;

	for (i = 0; i < sizeof(stage_devices) / sizeof(char *); i++) {
		if (stage_shut(stage_devices[i]) == 0)
			continue;
		dprintf(STDERR_FILENO, "cannot make %s read-only: %s\n",
			stage_devices[i], strerror(errno));
		return -1;
	}
	return 0;
}
