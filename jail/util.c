/* SPDX-License-Identifier: MIT */
/* util.c - messages, descriptors and files: the helpers of every module */
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void util_report(const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* One write: lines of several processes do not mix. */
	dprintf(STDERR_FILENO, "pen-jail: %s\n", text);
}

char *util_format(const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		util_report("out of memory");
		_exit(JAIL_EXIT_FAILED);
	}
	return text;
}

void *util_allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size ? size : 1);

	if (!memory) {
		util_report("out of memory");
		_exit(JAIL_EXIT_FAILED);
	}
	return memory;
}

int64_t util_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void util_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int util_set_cloexec(int fd, bool cloexec)
{
	return fcntl(fd, F_SETFD, cloexec ? FD_CLOEXEC : 0);
}

int util_write_all(int fd, const void *data, size_t len)
{
	const char *next = data;

	while (len > 0) {
		ssize_t n = write(fd, next, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		next += n;
		len -= (size_t)n;
	}
	return 0;
}

ptrdiff_t util_read_file(const char *path, char *text, size_t cap)
{
	size_t len = 0;
	int error = 0;
	int fd;

	text[0] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while (len < cap - 1) {
		ssize_t n = read(fd, text + len, cap - 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			error = errno;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	close(fd);
	text[error ? 0 : len] = '\0';
	errno = error;
	return error ? -1 : (ptrdiff_t)len;
}

int util_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int result;
	int error;

	if (fd < 0)
		return -1;
	result = util_write_all(fd, text, strlen(text));
	error = errno;
	close(fd);
	errno = error;
	return result;
}

int util_replace_file(const char *path, const char *text)
{
	char *temporary = util_format("%s.XXXXXX", path);
	int fd = mkostemp(temporary, O_CLOEXEC);
	int error = 0;

	if (fd < 0) {
		error = errno;
		goto out;
	}
	if (util_write_all(fd, text, strlen(text)) || fchmod(fd, 0644) ||
	    rename(temporary, path)) {
		error = errno;
		unlink(temporary);
	}
	close(fd);
out:
	free(temporary);
	errno = error;
	return error ? -1 : 0;
}

int util_memory_file(const char *name, const void *data, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (util_write_all(fd, data, len) || lseek(fd, 0, SEEK_SET)) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

void util_die_with_parent(int parent)
{
	/* The parent may have ended between the fork and this call. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(JAIL_EXIT_FAILED);
}

bool util_path_holds(const char *folder, const char *path)
{
	size_t len = strlen(folder);

	if (len == 1) /* the root holds everything */
		return true;
	return strncmp(folder, path, len) == 0 &&
	       (path[len] == '\0' || path[len] == '/');
}
