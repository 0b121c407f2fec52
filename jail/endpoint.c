/* SPDX-License-Identifier: MIT */
/* endpoint.c - the control socket of a sandbox that stays, as a file */
#include "endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util.h"

#define ENDPOINT_BACKLOG 64

/*
 * sun_path has 108 bytes, a path under a home folder may need more: the
 * folder is opened and the socket named through its descriptor.
 *
 * Return: descriptor of the folder, to be closed after use; or -1.
 */
static int endpoint_address(const char *path, struct sockaddr_un *address)
{
	const char *name = strrchr(path, '/');
	char *folder;
	int fd;
	int len;

	if (name)
		folder = util_format("%.*s", (int)(name - path + 1), path);
	else
		folder = util_format(".");
	name = name ? name + 1 : path;
	fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd < 0)
		return -1;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	len = snprintf(address->sun_path, sizeof(address->sun_path),
		       "/proc/self/fd/%d/%s", fd, name);
	if (*name == '\0' || len >= (int)sizeof(address->sun_path)) {
		close(fd);
		errno = ENAMETOOLONG;
		return -1;
	}
	return fd;
}

static int endpoint_try_connect(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int error;

	if (fd >= 0 &&
	    connect(fd, (const struct sockaddr *)address, sizeof(*address))) {
		error = errno;
		util_close(&fd);
		errno = error;
	}
	return fd;
}

/* Return: 0; -1 with errno, EADDRINUSE if a sandbox answers there. */
static int endpoint_remove_stale(const struct sockaddr_un *address)
{
	struct stat status;
	int fd;

	if (lstat(address->sun_path, &status))
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(status.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	fd = endpoint_try_connect(address);
	if (fd >= 0) {
		close(fd);
		errno = EADDRINUSE;
		return -1;
	}
	return errno == ECONNREFUSED ? unlink(address->sun_path) : -1;
}

int endpoint_open(void)
{
	int type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd = socket(AF_UNIX, type, 0);

	if (fd < 0)
		util_report("cannot open a socket: %s", strerror(errno));
	return fd;
}

int endpoint_bind(int fd, const char *path)
{
	struct sockaddr_un address;
	int folder = endpoint_address(path, &address);
	mode_t mask;
	int failed;

	if (folder < 0 || endpoint_remove_stale(&address))
		goto fail;
	/* No moment at which others could connect. */
	mask = umask(0177);
	failed = bind(fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (failed || listen(fd, ENDPOINT_BACKLOG))
		goto fail;
	close(folder);
	return 0;
fail:
	util_report("%s: %s", path,
		    errno == EADDRINUSE ? "a sandbox is running there already"
					: strerror(errno));
	util_close(&folder);
	return -1;
}

bool endpoint_is_bound(int fd)
{
	struct sockaddr_un address;
	socklen_t len = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
	       len > sizeof(address.sun_family);
}

int endpoint_connect(const char *path)
{
	struct sockaddr_un address;
	int folder = endpoint_address(path, &address);
	int fd = -1;

	if (folder >= 0)
		fd = endpoint_try_connect(&address);
	if (fd >= 0 && !endpoint_is_own(fd)) {
		util_close(&fd);
		errno = EPERM;
	}
	if (fd < 0)
		util_report("%s: %s", path,
			    errno == ENOENT || errno == ECONNREFUSED
				    ? "no sandbox is running there"
				    : strerror(errno));
	util_close(&folder);
	return fd;
}

bool endpoint_is_own(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       len == sizeof(peer) && (peer.uid == getuid() || peer.uid == 0);
}
